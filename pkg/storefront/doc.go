// Package storefront renders a shop's pages as complete HTML documents: the front page
// from a design.Design, and product, search, cart and error pages from the catalogue.
//
// The package promises:
//
//   - Text from outside is never markup. It is rendered as text by html/template.
//   - Names, prices, savings, stock, pictures and links come from the catalogue. So does
//     what a section says about the whole shop, such as its best rated products or the
//     total of a bundle.
//   - A document has one constant stylesheet, one constant script, and a second while it
//     waits or where variants are chosen. It loads only images: the photographs of products
//     from the hosts of the shop's products, and the drawings of those that have none from
//     below AssetsPath. The document of a first visit contains the stylesheet; a shopper's
//     own page and those of a browser that has been here before link it there. Its
//     Content-Security-Policy names stylesheet and scripts by hash and forbids everything
//     else. The document carries the
//     policy, so a stored page still works after a release changes what it contains.
//   - A page for a persona contains its design as data, without the shop's own texts.
//     gate.ReadStored reads it, and the page can be rendered again with a newer catalogue.
//     Such a page says why it looks as it does.
//   - Equal inputs give equal bytes. There is no clock and no randomness.
//
// [Renderer.Page] renders any design, also one that passed no gate: what the shop or this
// package does not know is left out. The methods of [Renderer] fail only without a shop
// or product, or on a defect in a template.
package storefront
