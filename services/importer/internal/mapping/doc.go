// Package mapping makes products of the catalogue of listings.
//
// The same listing always gives the same product, whatever else there is: ids follow from
// the source's own names alone. What a product may lack is left out where it is wrong, such
// as the address of a picture, and a [Notice] says so. What it may not lack, such as a
// price, leaves out the product. The last word has catalogue.ReadProduct, by which edges
// and generators read it.
package mapping
