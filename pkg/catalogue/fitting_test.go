package catalogue_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
)

// seededShopper likes one maker and two types: their views are of those.
func seededShopper(shop *catalogue.Shop, seed uint64) (taste catalogue.Taste, maker string, types []string) {
	rng := rand.New(rand.NewPCG(seed, 3))
	first := shop.Products[rng.IntN(len(shop.Products))]
	maker, types = first.Vendor, []string{first.Type, shop.Products[rng.IntN(len(shop.Products))].Type}
	for _, p := range shop.Products {
		if len(taste.Viewed) < 8 && slices.Contains(types, p.Type) && (p.Vendor == maker || rng.IntN(40) == 0) {
			taste.Viewed = append(taste.Viewed, p.ID)
		}
	}
	taste.Cart, taste.Viewed = taste.Viewed[:1], taste.Viewed[1:]
	return taste, maker, types
}

func TestFitting(t *testing.T) {
	t.Parallel()
	shop := cataloguetest.Seeded(t, 3000, 3)
	fits := func(ps []*catalogue.Product, maker string, types []string) (n, kinds int) {
		seen := map[string]bool{}
		for _, p := range ps {
			if p.Vendor == maker || slices.Contains(types, p.Type) {
				n++
			}
			seen[p.Type] = true
		}
		return n, len(seen)
	}
	everybody := shop.Fitting(catalogue.Taste{}, 40)
	for seed := range uint64(12) {
		taste, maker, types := seededShopper(shop, seed)
		got := shop.Fitting(taste, 40)
		n, kinds := fits(got, maker, types)
		without, _ := fits(everybody, maker, types)
		if len(got) != 40 || n < 18 || n <= without || kinds < 3 {
			t.Errorf("shopper %d: %d of %d fit, of %d types; %d of everybody's", seed, n, len(got), kinds, without)
		}
		for i, p := range got {
			if p.SoldOut() || p.ID == taste.Cart[0] || slices.Contains(got[:i], p) {
				t.Errorf("shopper %d: %s is sold out, in the cart or there twice", seed, p.ID)
			}
		}
		if again := shop.Fitting(taste, 40); !slices.Equal(again, got) {
			t.Errorf("shopper %d: another choice the second time", seed)
		}
	}
	// What was searched for counts.
	searched := shop.Fitting(catalogue.Taste{Searched: []string{"merino blankets"}}, 40)
	if n, _ := fits(searched, "", []string{"Blankets"}); n < 15 {
		t.Errorf("%d blankets for a search for blankets", n)
	}
	if few := shop.Fitting(catalogue.Taste{Cart: []string{"none"}}, 3); len(few) != 3 {
		t.Errorf("%d of 3", len(few))
	}
}

func BenchmarkFitting(b *testing.B) {
	shop := cataloguetest.Seeded(b, 20_000, 5)
	taste, _, _ := seededShopper(shop, 1)
	taste.Searched = []string{"merino blanket", "brass lamp"}
	took := make([]time.Duration, 0, b.N)
	for b.Loop() {
		at := time.Now()
		shop.Fitting(taste, 40)
		took = append(took, time.Since(at))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms/p99")
}
