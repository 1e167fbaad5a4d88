package persona_test

import (
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/wandstore/wandstore/pkg/persona"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

func categories(n int) map[string]uint32 {
	m := map[string]uint32{}
	for i := range n {
		m[string(rune('a'+i))] = 1
	}
	return m
}

func TestClassify(t *testing.T) {
	for _, c := range []struct {
		name    string
		signals *wandstorev1.StoreSignals
		want    string
	}{
		{"a stranger", nil, persona.Explorer},
		{"nothing known", &wandstorev1.StoreSignals{}, persona.Explorer},
		{"a first visit", &wandstorev1.StoreSignals{Visits: 1, Views: 1}, persona.Explorer},
		{"searches", &wandstorev1.StoreSignals{Visits: 1, Views: 1, Searches: 3}, persona.Minimalist},
		{"quick exits", &wandstorev1.StoreSignals{Visits: 3, Views: 3, QuickExits: 2}, persona.Minimalist},
		{"many categories", &wandstorev1.StoreSignals{Visits: 1, Views: 8, Searches: 1, Categories: categories(6)}, persona.Explorer},
		{"long visits", &wandstorev1.StoreSignals{Visits: 1, Views: 4, Seconds: 1500}, persona.Explorer},
		{"price sorts", &wandstorev1.StoreSignals{Visits: 1, Views: 3, PriceSorts: 2}, persona.Dealhunter},
		{"sale filters", &wandstorev1.StoreSignals{Visits: 1, Views: 3, SaleFilters: 1}, persona.Dealhunter},
		{"abandoned carts", &wandstorev1.StoreSignals{Visits: 3, Views: 4, AbandonedCarts: 2}, persona.Dealhunter},
		{"purchases", &wandstorev1.StoreSignals{Visits: 2, Views: 5, Purchases: 2}, persona.Loyalist},
		{"repeat visits", &wandstorev1.StoreSignals{Visits: 8, Views: 8}, persona.Loyalist},
	} {
		got := persona.Classify(c.signals)
		if got.Persona != c.want {
			t.Errorf("%s: got %+v, want %s", c.name, got, c.want)
		}
		if known := c.signals.GetViews() > 0; known != (got.Confidence > 0) {
			t.Errorf("%s: got confidence %v", c.name, got.Confidence)
		}
	}
}

func TestConfidenceGrowsWithEvidence(t *testing.T) {
	for want, grow := range map[string]func(g *wandstorev1.StoreSignals){
		persona.Minimalist: func(g *wandstorev1.StoreSignals) { g.Searches++ },
		persona.Explorer:   func(g *wandstorev1.StoreSignals) { g.Categories = categories(len(g.GetCategories()) + 1) },
		persona.Dealhunter: func(g *wandstorev1.StoreSignals) { g.PriceSorts++ },
		persona.Loyalist:   func(g *wandstorev1.StoreSignals) { g.Purchases++ },
	} {
		g := &wandstorev1.StoreSignals{Visits: 1, Views: 1}
		grow(g)
		last := 0.0
		for range 9 {
			grow(g)
			got := persona.Classify(g)
			if got.Persona != want || got.Confidence <= last {
				t.Errorf("%v: got %+v, want a surer %s than %v", g, got, want, last)
			}
			last = got.Confidence
		}
		if last < 0.7 {
			t.Errorf("%s: only %v sure after ten events", want, last)
		}
	}
}

// For any signals, the persona is valid and the confidence from 0 to 1. Equal signals give
// equal results. More evidence for the persona does not lower the confidence.
func TestClassifyProperties(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	n := func() uint32 {
		if rnd.IntN(20) == 0 {
			return rnd.Uint32() // as in a corrupt session
		}
		return uint32(rnd.IntN(8))
	}
	for range 20_000 {
		g := &wandstorev1.StoreSignals{
			Visits: n(), QuickExits: n(), Seconds: uint64(n()) * uint64(n()), Views: n(), Searches: n(), Sorts: n(), PriceSorts: n(),
			Filters: n(), SaleFilters: n(), CartAdds: n(), Purchases: n(), AbandonedCarts: n(), Categories: categories(rnd.IntN(9)),
		}
		before := proto.CloneOf(g)
		got := persona.Classify(g)
		if !persona.Valid(got.Persona) || !(got.Confidence >= 0 && got.Confidence <= 1) {
			t.Fatalf("%v: got %+v", g, got)
		}
		if again := persona.Classify(g); again != got || !proto.Equal(g, before) {
			t.Fatalf("%v: got %+v, then %+v", g, got, again)
		}
		switch got.Persona {
		case persona.Minimalist:
			g.Searches = max(g.GetSearches(), g.GetSearches()+1)
		case persona.Explorer:
			g.Categories = categories(len(g.GetCategories()) + 1)
		case persona.Dealhunter:
			g.SaleFilters = max(g.GetSaleFilters(), g.GetSaleFilters()+1)
		case persona.Loyalist:
			g.Purchases = max(g.GetPurchases(), g.GetPurchases()+1)
		}
		if more := persona.Classify(g); more.Persona != got.Persona || more.Confidence < got.Confidence {
			t.Fatalf("%v: got %+v with more evidence, %+v before", g, more, got)
		}
	}
}

func TestValid(t *testing.T) {
	if len(persona.All()) != 4 {
		t.Errorf("personas: %v", persona.All())
	}
	for _, p := range persona.All() {
		if !persona.Valid(p) {
			t.Errorf("%s is not valid", p)
		}
	}
	for _, p := range []string{"", "Explorer", "wizard"} {
		if persona.Valid(p) {
			t.Errorf("%q is valid", p)
		}
	}
}
