// Package personal forgets shoppers and exports what is kept of them, in every shop or in
// one: the session with the cart, the pages, the records of their jobs, and the
// breadcrumbs of jobs.
//
// In one shop is for ids that a shop gave: the same id may be another person's in another
// shop, so nothing of other shops may be touched.
//
// # Forgetting wins
//
// Forget writes a tombstone before it removes anything. Whoever makes a page looks for
// the tombstone after its last write, and then removes again what it stored. So either
// the write comes first, and Forget removes it, or the tombstone comes first, and the
// writer removes it:
//
//	forgetting    tombstone ──► cancel job ──► draft, pages ──► breadcrumbs ──► session
//	making        page to MinIO ──► page to KV ──► session ──► tombstone? ──► remove again
//
// Tombstones are read from the stream's leader, because a replica that lags behind would
// deny one. A session update that was read before the forgetting loses by
// compare-and-swap. Request times are an edge's clock and tombstones that of whoever
// forgets: the clocks of the services must agree to within the time that making a page
// takes.
//
// A tombstone is kept for 90 days, which must be longer than backups are kept. Keep finds
// what a restored backup brought back, by its being older than the tombstone, and forgets
// it again. A shopper who comes back after having been forgotten is not touched: what
// they do then is younger.
//
// # What stays for a time
//
// The tombstone holds the shopper's id and a time. The record of a cancelled job and the
// delete markers stay for an hour longer than a job may wait, 5 h by default. The message of a cancelled job stays until a
// worker receives it. Dead letters stay for a week, or until an operator deletes them;
// they are not exported either. Nor is the draft of a page that is being written, which
// becomes the page or lapses after five minutes; forgetting removes it. A tombstone of one
// shop also holds the shop's slug. In a bucket with versions the object store keeps a
// removed page, which it serves to nobody, until its lifecycle removes that too.
package personal
