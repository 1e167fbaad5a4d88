// Package woocsv reads the product exports of WooCommerce: CSV with headers in English,
// German, French or Spanish, as the shop's admin pages are. Source:
// github.com/woocommerce/woocommerce/wiki/Product-CSV-Importer-&-Exporter.
//
//	simple       a product with one variant; so is every type that is not here
//	variable     a product whose variants are the rows of type variation that name it as
//	             their parent, by id:123 or by its SKU, wherever they stand
//	grouped      a product whose variants are the products it names
//	external     a product with the address where it is bought
//	private, draft, visibility hidden    hidden
//
// A variation that is for any value of an attribute is one variant for each of them. The
// sale price holds between its dates. Without a stock nobody counts, and "In stock?" says
// whether there is any. An export has no addresses: a product is called by its SKU, or
// without one by its number.
package woocsv
