// Package storefront holds the shops, the page designs and the drawing of pages.
//
// A model designs a page, this package draws it. What crosses between the two is
// a Design: a theme out of fixed choices, and sections out of fixed types that
// hold words and product ids.
//
//	answer ──ParseAnswer──▶ Design ──OpenFor──▶ Design ──Renderer.Page──▶ HTML document
//	                                              ▲
//	                DefaultDesign, TemplateDesign (no model needed);
//	                ReadDesign, of a document drawn earlier
//
// Renderer.Product, Search and Cart draw the shop's other pages, of the catalogue
// alone.
//
// The package promises:
//
//   - Nothing a model wrote is ever markup. Its words reach the page as text,
//     through html/template; its choices are compared with the lists in this
//     package; its product ids are looked up in the catalogue.
//   - Names, prices, savings, stock, pictures and links come from the catalogue
//     only. Words that name a price, a discount or an address elsewhere are
//     removed before they are drawn.
//   - A page for somebody begins with a section that pages for other personas do
//     not begin with, and shows what its shopper was about to do (the cart, what
//     was looked at, what answers a search) on its first screens. It never tells
//     shoppers what they did, and always why the page is as it is.
//   - What a section says of the whole shop (what is cheapest, best rated, newest,
//     nearly gone, what several things cost together) is worked out of the
//     catalogue. A section type that the store cannot fill is not drawn; words
//     that a design leaves out are the store's own. So no section stands empty.
//   - A document needs nothing but itself: one constant stylesheet, pictures
//     drawn into it, at most one constant script. Its policy names both by hash
//     and forbids everything else, and the document carries that policy, so a
//     page stays whole in storage when a later release changes the stylesheet.
//   - A page made for somebody can be drawn again with another catalogue: it holds
//     its design, as data that nothing runs, without the words that are the store's.
//   - The same input draws the same bytes: no clock, no randomness. What looks
//     random in a picture is seeded by the product's id.
//
// How it fails: a store file that breaks a rule is refused with every fault named
// by file, product and field. An answer with nothing to draw is ErrNoDesign with
// a reason that may be shown to the model; one with a little to draw is drawn,
// and Report counts what was left out. Renderer.Page draws any Design, also one
// that passed no gate: what it does not know it leaves out.
package storefront
