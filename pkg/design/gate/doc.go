// Package gate turns text from outside into a page design. [Parse] reads the answer of a
// model. [ReadStored] reads the design inside a stored page.
//
// The package promises, for any input:
//
//   - Texts of the design are plain text: no markup, no control characters and no text
//     direction overrides. They keep the limits of package design.
//   - No sentence of a design names a price, a discount, a stock level or an address, or
//     says that the shopper was observed. Prices, stock and links come from the catalogue.
//     When in doubt, the sentence is removed.
//   - Themes, section types and variants are those of package design. Parse also removes
//     products that the shop does not have.
//   - The cost of an input is bounded by its size, and its size and nesting are limited
//     before it is parsed.
//
// Parse accepts JSON, alone, in a code fence, in a string, or with prose, markup or other
// objects around it. What a model writes instead of JSON is mended first ([Mender]); what is
// JSON is never changed. Of several designs the one with the most sections counts. Where the
// objects do not fit together, each section is read by itself, so that none is lost for a fault
// outside of it. Of incomplete JSON Parse keeps the complete sections. Of HTML it keeps the
// words. The [design.Report] counts what was removed. An input without any usable section is
// an error that wraps [ErrNoDesign]. Its text says what was wrong, so that it can be sent to
// the model. It never quotes the input.
package gate
