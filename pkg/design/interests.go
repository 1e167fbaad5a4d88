package design

import (
	"github.com/wandstore/wandstore/pkg/catalogue"
)

// Interests is what a page uses of a shopper's behaviour in a shop. Unknown ids, and
// searches without results, are ignored.
type Interests struct {
	RecentProducts []string // latest first
	Cart           []string
	Purchased      []string
	Categories     []string // collection ids, the most visited first
	Searched       []string // search texts as typed, latest first
}

// The most products of one interest on a page.
const (
	maxViewed = 4
	maxFound  = 4
)

// sections returns up to three sections: the products in the cart, those viewed, and
// those that match a search. An interest gets no section if the sections above show all
// of its products. The texts never say that the shopper was observed.
func (in Interests) sections(shop *catalogue.Shop, above []Section) []Section {
	var shown []string
	for _, s := range above {
		shown = append(shown, s.ProductIDs...)
	}
	var more []Section
	if cart := shop.Known(in.Cart); len(without(cart, shown)) > 0 {
		more = append(more, Section{
			Type: "product-grid", Variant: "list", Eyebrow: "Ready when you are", Headline: "Set aside for you",
			ProductIDs: cart[:min(MaxProducts, len(cart))],
		})
		shown = append(shown, cart...)
	}
	if viewed := without(shop.Known(in.RecentProducts), shown); len(viewed) > 0 {
		viewed = viewed[:min(maxViewed, len(viewed))]
		// One or two thumbnails leave most of their row empty.
		variant := "thumbs"
		if len(viewed) < 3 {
			variant = "lines"
		}
		more = append(more, Section{Type: "revisit", Variant: variant, Headline: "Close at hand", ProductIDs: viewed})
		shown = append(shown, viewed...)
	}
	if found := without(shop.Found(in.Searched), shown); len(found) > 0 {
		more = append(more, Section{
			Type: "product-grid", Variant: "cards", Headline: "Picked for you", ProductIDs: found[:min(maxFound, len(found))],
		})
	}
	return more
}

// Empty reports whether there is nothing to show on a page.
func (in Interests) Empty() bool {
	return len(in.RecentProducts) == 0 && len(in.Cart) == 0 && len(in.Searched) == 0
}
