// Package stores knows which shops there are, and hears of changes without a
// restart.
//
// # Sources
//
// A shop is one JSON document, as package storefront reads it. It comes from, each
// over the one before:
//
//	built in        what the program carries
//	the folder      {slug}.json at the top of STORES_DIR, looked at every second
//	the bucket      the key {slug} of the JetStream bucket STORES, watched
//
// Where a shop is taken out of one source, the one below it serves, if it has it.
//
// # Faults
//
// A document that is not right is refused and told of by [Directory.Faults], and
// once in the log. What its source had of the shop before goes on; so a slip of the
// pen closes no shop. A process that starts has nothing from before: of the bucket
// it takes the youngest right one of the key's history, of the folder nothing, and
// the source below serves.
//
// A source that cannot be read leaves everything as it was.
package catalogue
