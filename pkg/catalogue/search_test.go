package catalogue_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
)

func TestSearch(t *testing.T) {
	shop := cataloguetest.Shop(t, "magic-wands")
	for _, tt := range []struct {
		words string
		first string // product id
		most  int    // found
	}{
		{"nightjar", "nightjar", 2},
		{"NIGHTJAR", "nightjar", 2},
		{"nightj", "nightjar", 2},
		{"nigthjar", "nightjar", 2}, // two letters swapped
		{"nghtjar", "nightjar", 2},  // one letter missing
		{"níghtjar wand", "nightjar", 2},
		{"the nightjar", "nightjar", 2},
	} {
		found := shop.Search(catalogue.Query{Words: tt.words})
		if len(found) == 0 || found[0].ID != tt.first || len(found) > tt.most {
			t.Errorf("%q finds %s", tt.words, names(found))
		}
	}
	for _, words := range []string{"", "   ", "wands", "!?", "the"} {
		if found := shop.Search(catalogue.Query{Words: words}); len(found) != len(shop.Products) {
			t.Errorf("%q finds %d of %d", words, len(found), len(shop.Products))
		}
	}
	for _, words := range []string{"zzzz", "nightjar zzzz", "<script>", strings.Repeat("x", 4000)} {
		if found := shop.Search(catalogue.Query{Words: words}); len(found) != 0 {
			t.Errorf("%.20q finds %d", words, len(found))
		}
	}
}

func names(found []*catalogue.Product) string {
	var ids []string
	for _, p := range found {
		ids = append(ids, p.ID)
	}
	return strings.Join(ids, " ")
}

func TestSearchFiltersAndSorts(t *testing.T) {
	for _, shop := range cataloguetest.BuiltIn(t).All() {
		dearest := 0
		for _, p := range shop.Products {
			dearest = max(dearest, p.NowCents())
		}
		for name, tt := range map[string]struct {
			query catalogue.Query
			holds func(*catalogue.Product) bool
		}{
			"sale":       {catalogue.Query{OnSale: true}, (*catalogue.Product).OnSale},
			"in stock":   {catalogue.Query{InStock: true}, func(p *catalogue.Product) bool { return !p.SoldOut() }},
			"collection": {catalogue.Query{Collection: shop.Collections[0].ID}, func(p *catalogue.Product) bool { return p.Collection == shop.Collections[0].ID }},
			"price":      {catalogue.Query{Most: dearest / 200}, func(p *catalogue.Product) bool { return p.NowCents() <= dearest/200*100 }},
		} {
			want := 0
			for i := range shop.Products {
				if tt.holds(shop.Products[i]) {
					want++
				}
			}
			found := shop.Search(tt.query)
			if len(found) != want || want == 0 || slices.ContainsFunc(found, func(p *catalogue.Product) bool { return !tt.holds(p) }) {
				t.Errorf("%s, %s: %d found, want %d", shop.Slug, name, len(found), want)
			}
		}
		for order, sorted := range map[string]func(a, b *catalogue.Product) int{
			catalogue.SortPriceUp:   func(a, b *catalogue.Product) int { return a.NowCents() - b.NowCents() },
			catalogue.SortPriceDown: func(a, b *catalogue.Product) int { return b.NowCents() - a.NowCents() },
			catalogue.SortNewest:    func(a, b *catalogue.Product) int { return b.AddedAt.Time().Compare(a.AddedAt.Time()) },
		} {
			if found := shop.Search(catalogue.Query{Sort: order, InStock: true}); !slices.IsSortedFunc(found, sorted) {
				t.Errorf("%s: not in the order of %s", shop.Slug, order)
			}
		}
		all := shop.Search(catalogue.Query{Sort: catalogue.SortPriceUp})
		if i := slices.IndexFunc(all, (*catalogue.Product).SoldOut); i >= 0 && slices.ContainsFunc(all[i:], func(p *catalogue.Product) bool { return !p.SoldOut() }) {
			t.Errorf("%s: what is sold out comes before what is not", shop.Slug)
		}
	}
}
