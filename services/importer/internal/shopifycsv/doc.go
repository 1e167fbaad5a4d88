// Package shopifycsv reads the product exports of Shopify: CSV with the headers of today
// ("URL handle", "Description", "SKU") or with those until 2025 ("Handle", "Body (HTML)",
// "Variant SKU"). Source: help.shopify.com/manual/products/import-export/using-csv.
//
// A product's first row has what concerns all of it. Each further row of its handle has a
// variant, a picture, or both. The rows may be apart. A product without a handle has the one
// that Shopify makes of its title; a row without either continues the row above it.
//
//	Inventory tracker empty            nobody counts: it is always in stock
//	Continue selling when out of stock it is sold beyond its stock
//	Published false, status draft,     hidden
//	archived or unlisted
//	option "Title", "Default Title"    no option: there is one variant
//	"Name (product.metafields.a.b)"    an attribute, unless the value is no text for people
//	prices of other markets            ignored, like what is for Google, taxes and shipping
package shopifycsv
