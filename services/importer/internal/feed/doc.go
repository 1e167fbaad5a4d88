// Package feed reads product feeds for Google Merchant Center: RSS 2.0, Atom 1.0, and text
// with tabs or commas. Source: support.google.com/merchants/answer/7052112.
//
// The items of one item_group_id are the variants of one product, wherever they stand. They
// differ by those of color, size, material, pattern, gender and age_group that differ, and
// if none does, by their titles or ids. A sale price holds during its effective dates. A
// feed has no stock: what is in stock is not counted.
//
// # XML
//
// No entities but those of XML and HTML are known, so that nothing outside of the file is
// read and nothing expands. Depth and the size of an item are bounded. Elements are known
// by their local names, since many feeds do not declare the namespace of g.
package feed
