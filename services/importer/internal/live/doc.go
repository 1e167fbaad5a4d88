// Package live keeps products as they are at the merchant's, by the webhooks of Shopify and
// WooCommerce.
//
// # Order
//
// Webhooks come more than once and in any order, so what is done follows from what they say
// and not from when they come:
//
//	a product     replaces one with an older updated_at, and no newer one
//	a removal     of Shopify is final, since ids are not used again; of WooCommerce it is
//	              until a product of the same id says it was changed later
//	a stock       replaces one with an older updated_at; of several locations it is the sum
//	              of those that were heard of
//	an order      counts once, by its id, for a week; older ones are refused. Its quantities
//	              are taken off the stocks that are older than it. Its products are sold,
//	              and bought together
//
// What has to be remembered for that and is no product's own is in the bucket IMPORTS for a
// week: removals, the stocks by location, and the orders that were counted.
//
// # Whose order
//
// An order is a purchase in the session of the shopper whose mark (package buyer) its
// attribute wandstore_shopper holds. Without a mark, or after the shopper was forgotten,
// only the products change.
//
// # Trust
//
// A webhook is signed with its shop's key over its body alone: the topic, the times and the
// ids in its headers are anybody's. So nothing is believed that only a header says, except
// the topic, whose body has to be of its form.
package live
