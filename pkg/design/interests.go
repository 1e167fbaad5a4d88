package design

import (
	"github.com/wandstore/wandstore/pkg/catalogue"
)

// Interests are what a shopper did in a shop, as far as a page uses it. Unknown ids,
// and searches without results, are ignored.
type Interests struct {
	RecentProducts []string // latest first
	Cart           []string
	Purchased      []string
	Categories     []string // collection ids, the most visited first
	Searched       []string // as typed, latest first
}

// How many products of each interest a page shows.
const (
	fewViewed = 4
	fewFound  = 4
)

// sections show what the shopper was about to do: what is in the cart, what was
// viewed, and what matches a search. An interest whose products the sections above
// show already gets none. Their words name what is there and never say that the
// shopper was watched.
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
		viewed = viewed[:min(fewViewed, len(viewed))]
		// One or two thumbnails would leave most of their row empty.
		variant := "thumbs"
		if len(viewed) < 3 {
			variant = "lines"
		}
		more = append(more, Section{Type: "revisit", Variant: variant, Headline: "Close at hand", ProductIDs: viewed})
		shown = append(shown, viewed...)
	}
	if found := without(shop.Found(in.Searched), shown); len(found) > 0 {
		more = append(more, Section{
			Type: "product-grid", Variant: "cards", Headline: "Picked for you", ProductIDs: found[:min(fewFound, len(found))],
		})
	}
	return more
}
