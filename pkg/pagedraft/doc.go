// Package pagedraft keeps the beginnings of pages that a model is writing, in the bucket
// PAGE_DRAFTS, so that a shopper who waits sees the sections that there are.
//
//	generator   first section ── Put ──► tombstone? ── next section ── Put ──► … ── Remove
//	edge        subscribe to the key's subject, Get, and Hear what is stored from then on
//
// A draft is a design and holds no markup. Whoever shows it lets it pass package gate and
// renders it, because anybody who may write the bucket may write anything.
//
// Each Put after the first succeeds only if nobody has written the key since. So of two
// workers that make one page at a time only one goes on, and after a shopper is forgotten,
// which purges the key, nothing more of the page is written. Between the tombstone and the
// purge the first Put may succeed; its writer therefore looks for the tombstone after it.
//
// A draft is best effort. It lapses after five minutes, a full bucket refuses it, and
// without it a page appears when it is whole.
package pagedraft
