// Package design describes pages before they are rendered. A [Design] is a theme of fixed
// choices and a list of sections of fixed types. A section holds texts and product ids. A
// design holds no prices, no links and no markup.
//
//	                     gate.Parse (a model's answer)
//	                     gate.ReadStored (a stored page)
//	Default, Template       │
//	       └───────────▶ Design ──OpenFor──▶ Design ──Fit──▶ storefront.Renderer.Page
//
// [Schema] tells a model what it may answer. Whatever the schema allows passes the gate
// unchanged. [Default] and [Template] make designs without a model.
//
// The package promises:
//
//   - After [Design.OpenFor], a page for a persona begins with a section type that the
//     pages of other personas do not begin with. The products that its shopper has in the
//     cart, viewed or searched for are among the first sections. No text of this package
//     says that the shopper was observed.
//   - After [Design.Fit], every section can be rendered for the shop. Unknown types,
//     variants and products are removed. The shop's own texts fill what the design leaves
//     out, so that no section is empty.
//   - After Fit no section is of a type that the merchant does not want, shows a product that
//     the rules exclude, or says what the shop never says. [Design.WithMerchant] adds what
//     the rules put on every page.
//   - Equal inputs give equal designs. There is no clock and no randomness.
//
// Nothing here fails on a design's content. What is removed is counted in a [Report].
// Only Schema returns an error, if the schema cannot be encoded.
//
// The package reads shops from package catalogue and knows no renderer. Imports run one
// way: catalogue, design, then design/gate and storefront.
package design
