package eval

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/persona"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// session is a shopper of a shop, as their signals tell.
type session struct {
	shop    *catalogue.Shop
	visitor persona.Visitor
	signals *wandstorev1.StoreSignals
}

// sessions is n sessions of the shops, equal for equal seeds. They take turns by persona,
// and each shop gets all personas.
func sessions(shops []*catalogue.Shop, n int, seed uint64) ([]session, error) {
	personas := persona.All()
	all := make([]session, 0, n)
	for i := range n {
		want := personas[i%len(personas)]
		s, err := invent(shops[i/len(personas)%len(shops)], want, rand.New(rand.NewPCG(seed, uint64(i))))
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// maxDraws is how often signals are drawn until they are of the persona that is wanted. Two
// draws of three are.
const maxDraws = 100

func invent(shop *catalogue.Shop, want string, rng *rand.Rand) (session, error) {
	for range maxDraws {
		signals := signalsOf(shop, want, rng)
		if visitor := persona.Classify(signals); visitor.Persona == want {
			return session{shop, visitor, signals}, nil
		}
	}
	return session{}, fmt.Errorf("no session of a %s in %s", want, shop.Slug)
}

// signalsOf is what a shopper of that kind may have done.
func signalsOf(shop *catalogue.Shop, kind string, rng *rand.Rand) *wandstorev1.StoreSignals {
	from := func(least, most int) uint32 { return uint32(least + rng.IntN(most-least+1)) }
	some := func(least, most int) (ids []string) {
		for range from(least, most) {
			ids = append(ids, shop.Products[rng.IntN(len(shop.Products))].ID)
		}
		return shop.Known(ids)
	}
	words := func(least, most int) (queries []string) {
		for range from(least, most) {
			about := strings.FieldsFunc(shop.Products[rng.IntN(len(shop.Products))].Name, func(r rune) bool { return r == ' ' })
			queries = append(queries, strings.ToLower(about[rng.IntN(len(about))]))
		}
		return queries
	}
	g := &wandstorev1.StoreSignals{Visits: 1, Categories: map[string]uint32{}}
	switch kind {
	case persona.Minimalist:
		g.RecentQueries, g.QuickExits, g.RecentProducts = words(2, 4), from(1, 3), some(0, 2)
		g.Searches = uint32(len(g.GetRecentQueries()))
	case persona.Explorer:
		g.RecentProducts, g.Seconds, g.RecentQueries = some(4, 8), uint64(from(300, 1500)), words(0, 1)
		for _, c := range shop.Collections {
			g.Categories[c.ID] = from(1, 5)
		}
	case persona.Dealhunter:
		g.PriceSorts, g.SaleFilters, g.AbandonedCarts = from(1, 3), from(1, 3), from(0, 2)
		g.RecentProducts, g.Cart = some(1, 4), some(0, 2)
	case persona.Loyalist:
		g.Visits, g.Purchases, g.Purchased = from(2, 8), from(1, 3), some(1, 4)
		g.RecentProducts, g.Cart = some(0, 3), some(0, 1)
	}
	g.Views = uint32(len(g.GetRecentProducts()))
	return g
}
