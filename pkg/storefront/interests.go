package storefront

import (
	"slices"
)

// Interests are what a shopper did in a store, as far as a page goes by it.
// Unknown ids, and searches that find nothing, are left out.
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
// looked at, and what answers a search. An interest of which above shows
// everything already has none. Their words say what is there, and never that
// somebody has been watched.
func (in Interests) sections(st *Store, above []Section) []Section {
	var shown []string
	for _, s := range above {
		shown = append(shown, s.ProductIDs...)
	}
	var more []Section
	if cart := st.known(in.Cart); len(without(cart, shown)) > 0 {
		more = append(more, Section{
			Type: "product-grid", Variant: "list", Eyebrow: "Ready when you are", Headline: "Set aside for you",
			ProductIDs: cart[:min(maxProducts, len(cart))],
		})
		shown = append(shown, cart...)
	}
	if viewed := without(st.known(in.RecentProducts), shown); len(viewed) > 0 {
		viewed = viewed[:min(fewViewed, len(viewed))]
		// One or two small pictures would leave their row empty.
		variant := "thumbs"
		if len(viewed) < 3 {
			variant = "lines"
		}
		more = append(more, Section{Type: "revisit", Variant: variant, Headline: "Close at hand", ProductIDs: viewed})
		shown = append(shown, viewed...)
	}
	if found := without(st.found(in.Searched), shown); len(found) > 0 {
		more = append(more, Section{
			Type: "product-grid", Variant: "cards", Headline: "Picked for you", ProductIDs: found[:min(fewFound, len(found))],
		})
	}
	return more
}

// known is the ids that the store has, each once.
func (s *Store) known(ids []string) []string {
	var known []string
	for _, id := range ids {
		if _, ok := s.Product(id); ok && !slices.Contains(known, id) {
			known = append(known, id)
		}
	}
	return known
}

// found is the products in stock that answer the searches, those of the first
// search first. A search that everything answers tells nothing.
func (s *Store) found(searches []string) []string {
	var ids []string
	for _, words := range searches {
		found := s.Search(Query{Words: words, InStock: true})
		if len(found) > len(s.Products)/2 {
			continue
		}
		for _, p := range found {
			ids = append(ids, p.ID)
		}
	}
	return s.known(ids)
}
