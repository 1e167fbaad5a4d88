package prompt

import (
	"slices"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/session"
)

// How many products a prompt names. Products cost tokens, and a page has no room for more.
const (
	maxShared = 40
	maxDeals  = 10 // of the shared products of a larger shop, those for reduced prices
	maxExtras = 6
)

// Shared is the products that the prompts of all shoppers of the shop name, in an order
// that depends on the catalogue alone: all of them, in the catalogue's order, up to 40.
// Of a larger shop it is a selection: the largest reductions, and of each collection in
// turn the featured and best rated.
func Shared(shop *catalogue.Shop) []*catalogue.Product {
	if len(shop.Products) <= maxShared {
		return shop.Sorted(catalogue.AsListed)
	}
	deal := func(p *catalogue.Product) bool { return p.OnSale() && p.Available() }
	ids := shop.Pick(maxDeals, deal, catalogue.BySaving)
	rows := make(map[string][]string, len(shop.Collections))
	for _, p := range shop.Ordered(catalogue.SortRelevance) {
		if row := rows[p.Collection]; p.Available() && len(row) < maxShared {
			rows[p.Collection] = append(row, p.ID)
		}
	}
	for rank := range maxShared {
		for _, c := range shop.Collections {
			if row := rows[c.ID]; len(ids) < maxShared && rank < len(row) && !slices.Contains(ids, row[rank]) {
				ids = append(ids, row[rank])
			}
		}
	}
	return products(shop, ids)
}

// extras is up to 6 products for the shopper that are not among the shared ones: those in
// the cart, viewed, bought, wished for and searched for, in this order, then those that fit
// them best of the whole catalogue.
func (in Input) extras(shared []*catalogue.Product) []*catalogue.Product {
	if len(shared) == len(in.Shop.Products) {
		return nil
	}
	interests := slices.Concat(session.CartProducts(in.Signals), in.Signals.GetRecentProducts(), in.Signals.GetPurchased())
	_, wished := design.ReadWishes(Wishes(in.Preferences))
	interests = append(interests, in.Shop.Found(slices.Concat(wished, in.Signals.GetRecentQueries()))...)
	own := slices.DeleteFunc(products(in.Shop, in.Shop.Known(interests)), func(p *catalogue.Product) bool {
		return slices.Contains(shared, p)
	})
	own = own[:min(len(own), maxExtras)]
	for _, p := range in.further() {
		if len(own) < maxExtras && !slices.Contains(shared, p) && !slices.Contains(own, p) {
			own = append(own, p)
		}
	}
	return own
}

// further is what fits the shopper of the whole catalogue. Of a shopper, or a cohort, of
// whom only a favourite collection is known, it is the collection's featured products.
func (in Input) further() []*catalogue.Product {
	taste := catalogue.Taste{
		Cart: session.CartProducts(in.Signals), Bought: in.Signals.GetPurchased(), Viewed: in.Signals.GetRecentProducts(),
		Searched: slices.DeleteFunc(slices.Clone(in.Signals.GetRecentQueries()), session.Private),
	}
	if !taste.IsZero() {
		return in.Shop.Fitting(taste, maxShared)
	}
	favourites := session.Favourites(in.Signals)
	if len(favourites) == 0 {
		return nil
	}
	within := func(p *catalogue.Product) bool { return p.Collection == favourites[0] && p.Available() }
	return products(in.Shop, in.Shop.Pick(maxShared, within, catalogue.ByFeatured))
}

// products is those of the ids, which the shop knows.
func products(shop *catalogue.Shop, ids []string) []*catalogue.Product {
	found := make([]*catalogue.Product, 0, len(ids))
	for _, id := range ids {
		if p, ok := shop.Product(id); ok {
			found = append(found, p)
		}
	}
	return found
}
