// Package importer fills the bucket CATALOGUE with merchants' products: by a command from
// exports, feeds and APIs, and as a service by webhooks.
//
// # The command
//
//	importer import -shop SLUG [flags] SOURCE
//
// A source is a file, "-", or an address. Its format is found out:
//
//	shopify-csv         a product export of Shopify, with old or new headers
//	shopify-json        an answer of products.json
//	shopify-public      the address of a shop: its products.json, all pages
//	shopify-storefront  the address of a shop, by its Storefront API (SHOPIFY_TOKEN)
//	shopify-admin       the address of a shop, by its Admin API (SHOPIFY_TOKEN)
//	woocommerce-csv     a product export of WooCommerce
//	google-feed         a feed for Google Merchant Center: RSS, Atom or text
//
// Only differences are written. A second run changes nothing. If the shop is not in the
// bucket STORES, its document is made of the flags and of the products' collections.
//
// A product that the source does not name any more is removed, but only if the source was
// read to its end, if it names every product it holds, and if not more than a tenth of the
// products go, or -yes is given. A product that is in the source with a fault stays as it
// was. One that is a draft, archived or hidden is removed.
//
//	status  0  everything was taken
//	        1  the import failed; what was written until then stays
//	        2  wrong flags or settings
//	        3  products were left out for their faults
//	        4  more than a tenth would be removed, and -yes is missing
//
// # The service
//
// Without arguments the importer takes webhooks, at POST /webhook/shopify and POST
// /webhook/woocommerce/{store}. Package live says what it makes of them.
//
// # Failure
//
// A file is read to its end before the first product is written, so one that is damaged
// changes nothing. An API that fails midway has had its first products written; nothing is
// removed, and another run goes on.
package importer
