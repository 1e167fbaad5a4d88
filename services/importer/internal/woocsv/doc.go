// Package woocsv reads the product exports of WooCommerce. Source:
// github.com/woocommerce/woocommerce/wiki/Product-CSV-Importer-&-Exporter.
//
// Headers are in the language of the shop's admin pages. Two dozen languages are known by
// their words. In any other, the columns of a whole export are known by their places, if
// the values of the first row agree.
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
