// Package shelf writes the products of one shop to the bucket CATALOGUE, by difference.
//
// A shelf is opened with what the bucket holds, and is then told of products one by one.
// [Shelf.Put] writes what differs: many writes are on their way at a time, each for the
// revision that was read, so that a change that somebody else made meanwhile is seen, and
// merged.
//
// # Merging
//
// What a source does not tell, an import does not take away: ids at the source, which only
// its APIs tell, and the time of a stock. A product that is newer in the bucket by the
// source's own clock stays as it is, and so does a stock.
package shelf
