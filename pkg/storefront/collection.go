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
	type summary struct {
		count, lowest int
		cover         *catalogue.Product
	}
	byID := make(map[string]*summary, len(s.Collections))
	for _, p := range s.Products {
		for _, id := range p.InAll() {
			c := byID[id]
			if c == nil {
				c = &summary{lowest: p.NowCents(), cover: p}
				byID[id] = c
			}
			c.count++
			c.lowest = min(c.lowest, p.NowCents())
			if c.cover.SoldOut() && p.Available() {
				c.cover = p
			}
		}
	}
	var views []collectionView
	for _, col := range s.Collections {
		c := byID[col.ID]
		if c == nil || len(views) == maxTiles {
			continue
		}
		views = append(views, collectionView{
			Collection: col, Href: s.CollectionPath(col.ID), Lang: wordsLanguage(s.Shop), From: s.Money(c.lowest), Count: s.Count(c.count), Cover: s.card(c.cover),
		})
	}
	return views
}
