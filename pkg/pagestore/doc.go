// Package pagestore keeps generated pages, in three tiers:
//
//	Memory   this process    bounded in bytes    a claim, kept true by a watch
//	S3       for good        MinIO or any S3     html as it is, the rest as metadata
//	KV       for an hour     JetStream KV        protojson
//
// # Order
//
// A key's pages are ordered by when their jobs were requested, ties by job id.
// No store lets an older page replace a newer one (ErrSuperseded), in whatever order
// workers finish and however often a job is delivered: KV and S3 compare and
// swap. The page of a job that is stored already stays as it is, and putting it
// again is a success. A Delete ends the order: what is put next is first.
//
// A template page, drawn because the model failed, goes to KV only; S3 refuses
// it (ErrTemplate). It ends in Memory when it ends in KV.
//
// # Look-up
//
// Tiered answers from Memory when it can. Else it asks MinIO and KV at the same
// time and takes the newer page; of two copies of one page, MinIO's is named.
// Asking one after the other would be one request less, and wrong: KV has the
// newer page when MinIO was away at the time of the put, or when the newer page
// is a template, and the older one would then be served from Memory until the
// next change. A KV get costs less time than the MinIO get it runs beside.
//
// A template page so wins over an older page of the model's for as long as KV
// keeps it. It was asked for because the older one was out of date.
//
// Gets of one key at the same time share one look-up, which a caller who leaves
// does not end. A Get that begins after Memory.Invalidate shares none that began
// before it, so whoever is told of a page finds it.
//
// # Verified pages
//
//	    Put, look-up                    Invalidate, Distrust,
//	  ┌──────────────► verified ──────► MaxAge without a watch
//	  │                   ▲                      │
//	  │                   │ same or newer found  ▼
//	none ◄──────────── look-up ◄──────────── unverified
//	     certain miss     │
//	                      └─ a tier unavailable: served, Unverified
//
// A look-up in which a tier was unavailable may have missed a newer page: what it
// found counts for MaxAge only, also under a watch.
//
// # Failure
//
// S3 and KV return every error. Tiered is where errors of tiers end, because a
// broken store must cost a shopper nothing but its tier: they become events of
// the caller's span, and counts in wandstore.pagestore.lookups. Each lower tier
// has a deadline and a breaker. Three failures in a row open it, so a tier that
// hangs costs three deadlines in all and one that refuses next to nothing; from
// then on only a probe in the background asks it, and its first answer closes
// the breaker. ErrMiss and ErrCorrupt are answers. ErrUnavailable beside ErrMiss
// tells the caller that a page may exist where nobody could look.
//
// Put and Get of S3 and KV make a CLIENT span each, beneath the caller's; Memory
// makes none. Neither errors nor spans hold a shopper's id or page.
package pagestore
