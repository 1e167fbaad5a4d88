// Package pagestore keeps generated pages in three tiers:
//
//	tier     where               keeps a page               format
//	Memory   this process        while its bytes fit        gzip, as it is served
//	S3       MinIO, any S3       permanently                HTML; the rest is metadata
//	KV       JetStream KV        for the bucket's TTL, 1 h  protojson
//
// # Order
//
// The pages of a key are ordered by the times of their requests, and ties by job id.
// No store lets an older page replace a newer one (ErrSuperseded), in whatever order
// workers finish and however often a job is delivered: KV and S3 write by
// compare-and-swap. If the page of the same job is stored already, Put keeps it and
// succeeds. After a Delete any page can be stored.
//
// A template page is rendered when the model failed; of a partial one the template completed
// what the model had begun. Only KV keeps them; S3 refuses them (ErrTemplate). Memory drops
// them when their time in KV is over.
//
// # Lookup
//
// Tiered answers from Memory if it can. Otherwise it asks MinIO and KV at the same time
// and returns the newer page. If both have the same page, the hit names MinIO.
//
// Asking one tier after the other would save a request and return older pages. KV has
// the newer page if MinIO was unavailable at the time of the put, or if the newer page is
// a template. Memory would then serve the older page until the next change. A KV get
// takes less time than the MinIO get that it runs beside.
//
// A template page therefore wins over an older page of the model while KV keeps it. The
// template page was requested because the older page was stale.
//
// Concurrent Gets of one key share one lookup. It goes on when one of its callers leaves.
// A Get that begins after Memory.Invalidate never shares a lookup that began before it.
// So a caller that learns of a new page and then asks for it gets it.
//
// # Verified pages
//
//	    Put, lookup                     Invalidate, InvalidateAll,
//	  ┌──────────────► verified ──────► MaxAge without a watch
//	  │                   ▲                      │
//	  │                   │ same or newer found  ▼
//	none ◄───────────── lookup ◄──────────── unverified
//	     certain miss     │
//	                      └─ a tier unavailable: served, Unverified
//
// A lookup in which a tier was unavailable may have missed a newer page. What it found
// counts as verified for MaxAge only, also under a watch.
//
// # Failure
//
// S3 and KV return every error. Tiered does not pass on the errors of a tier, because a
// store that fails must cost a shopper nothing but its pages. The errors become events
// of the caller's span and counts in wandstore.pagestore.lookups.
//
// Each lower tier has a deadline and a circuit breaker, which opens after three failures
// in a row. So a tier that hangs costs three deadlines in all, and one that refuses
// connections costs next to nothing. While the breaker is open, only a probe in the
// background asks the tier. The first answer to a probe closes the breaker. ErrMiss and
// ErrCorrupt are answers, not failures. ErrMiss together with ErrUnavailable means that a
// page may exist in a tier that could not be asked, and so does Hit.Uncertain: whoever
// finds neither may have a page made.
//
// A tier that answers a probe later than its deadline is late, not away. It is reported in
// the log, and its breaker closes: lookups then wait for up to twice as long as that answer
// took, a probe's interval at the most, until the tier answers in time again.
//
// Put and Get of S3 and KV make a CLIENT span each, as a child of the caller's; Memory
// makes none. Neither errors nor spans hold a shopper's id or page.
package pagestore
