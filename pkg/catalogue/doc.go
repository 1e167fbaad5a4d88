// Package catalogue holds the shops: their products, the documents that describe them,
// search, and the directory of all shops of a process.
//
// # Documents
//
// A shop is one JSON document. [ReadShop] reads it and checks it against every rule. A
// document that breaks a rule is refused whole. The error wraps [ErrDocument] and names
// each fault on a line of its own, as file, JSON path and rule. A fault of one product
// leaves out that product only: see [LeftOut]. A [Shop] does not change after it is read,
// and any number of goroutines may use it.
//
// # Products of the bucket
//
// Products may also be in the JetStream bucket CATALOGUE, a key {shop}.{product} each,
// which [ReadProduct] reads. They join those of the document, and replace those of the
// same id. A change makes a new Shop, which shares with the one before all that is as it
// was: 50 ms of changes are shown together. [Shop.List] searches and counts facets in the
// shop's language; its index is changed in the same way.
//
// A [Version] identifies the content of a document. It has a part for the assortment,
// which page designs depend on, and a part for everything else, such as prices and stock. It
// does not cover the products of the bucket. [Shop.Shown] does, as far as a page shows them.
//
// # The directory
//
// [Directory] gives the shops as they are now. It follows changes without a restart. A
// shop comes from one of three sources. A later source replaces an earlier one:
//
//	built in        the documents in the program
//	the folder      {slug}.json at the top of STORES_DIR, read every second
//	the bucket      the key {slug} of the JetStream bucket STORES, watched
//
// The bucket CATALOGUE adds products to a shop of any source. A shop without any product is
// not served.
//
// When a source loses a shop, the shop of the source before it is served, if there is one.
//
// # Rules
//
// A merchant's [Rules] are part of the shop: [Shop.On] is the shop as they have it on a day,
// [Shop.For] for a persona, and the directory gives the shops as they are today.
//
// # Failures
//
// A refused document changes nothing: the shop's last valid document of the same source
// is still served. [Directory.Faults] reports the fault until it is repaired, and the log
// reports it once. A process that has just started knows no earlier document. For the
// bucket it then takes the newest valid document of the key's history. For the folder it
// takes none, and the source before is served.
//
// A product of the bucket with a fault is left out until it is repaired, also if it had
// none before. Faults names the first one of each shop, and their number.
//
// When a source cannot be read, its shops stay as they were.
//
// # Imports
//
// This package knows neither page designs nor rendering. Imports run one way: catalogue,
// design, then design/gate and storefront.
package catalogue
