// Package shopify reads the products of a Shopify shop from its APIs, and the bodies of its
// webhooks.
//
//	products.json       the public list of the online shop, or such a file; no stock
//	Storefront GraphQL  by a public token; no stock, but what is available
//	Admin GraphQL       by an app's token; everything
//
// Source: shopify.dev/docs/api/admin-graphql and /storefront, /usage/limits.
//
// # Paging and limits
//
// GraphQL is paged by cursors, in the order of the ids, so that what changes meanwhile moves
// nothing between pages; products.json by numbers. A reader waits until the bucket of the
// rate limit has what the next page costs. A page that is refused for its rate (THROTTLED,
// 429, 430) or fails (5xx, a connection that breaks) is asked for again, six times in all.
// A page whose query costs more than is ever allowed is halved.
//
// Any other error ends the reading, as does an answer that is shorter than it says it is.
package shopify
