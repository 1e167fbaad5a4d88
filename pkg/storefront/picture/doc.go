// Package picture draws products that have no photograph. A drawing is a wand, a cup or
// a vessel, made from the product's attributes, as SVG path data.
//
// [Draw] is a pure function of the shop's picture style and the product. It never fails.
// Package catalogue refuses a document in which an attribute has no colours; drawn
// anyway, such a product has no colours.
package picture
