package storefront

import "github.com/wandstore/wandstore/pkg/catalogue"

// collectionView is the way to a collection.
type collectionView struct {
	catalogue.Collection
	Href  string
	From  string // lowest price
	Count string
	Lang  string   // of the name
	Cover cardView // the product whose picture represents the collection
}

// maxTiles is the most collections that a page shows; the list of all products leads to
// the others.
const maxTiles = 12

// collections is the first collections of the shop that have products.
func (s *shopView) collections() []collectionView {
	var views []collectionView
	for _, col := range s.Collections {
		c := s.CollectionFacts(col.ID)
		if c.Count == 0 || len(views) == maxTiles {
			continue
		}
		views = append(views, collectionView{
			Collection: col, Href: s.CollectionPath(col.ID), Lang: wordsLanguage(s.Shop), From: s.Money(c.LowestCents), Count: s.Count(c.Count), Cover: s.card(c.Cover),
		})
	}
	return views
}
