// Package pagemaker makes a shopper's page and stores it: visitor, design, HTML, then
// the stores. It is the one way to a stored page, for jobs of the queue, calls of
// POST /generate, and pages that come by the webhook.
//
//	the Designer                          the page's source   kept in
//	gives a design                        its own             MinIO, then KV
//	fails, and Order.Template allows it   template            KV only
//	fails otherwise                       no page             nowhere
//
// Making is idempotent. A page that is newer than the request is not made again, and
// what a crash left half stored is stored in full.
package pagemaker
