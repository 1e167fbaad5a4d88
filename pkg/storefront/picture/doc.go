// Package picture draws products that have no photograph, from their attributes: a
// wand, a cup or a vessel, as SVG path data.
//
// [Draw] is a pure function of the shop's picture style and the product. It fails in
// no way: an attribute without colours, which package catalogue refuses in a shop's
// document, draws without colours.
package picture
