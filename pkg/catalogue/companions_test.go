package catalogue_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
)

// However much is bought with a product, what is bought with it often is known, and the
// product stays small and valid.
func TestCompanionsAreTheMostCommon(t *testing.T) {
	t.Parallel()
	p := cataloguetest.SeededProduct(t, 7, 3)
	sold := p.Sold
	rng := rand.New(rand.NewPCG(3, 4))
	const orders = 4000
	for i := range orders {
		others := []string{p.ID, fmt.Sprintf("seldom-%d", rng.IntN(2000))}
		if i%4 == 0 {
			others = append(others, "often")
		}
		if i < orders/4 {
			others = append(others, "once-often")
		}
		p.CountOrder(1, others)
	}
	if p.BoughtWith[0].ID != "often" || len(p.BoughtWith) > catalogue.MaxCompanions || p.Sold != sold+orders {
		t.Errorf("sold %d, with %+v", p.Sold, p.BoughtWith)
	}
	if i := slices.IndexFunc(p.BoughtWith, func(c catalogue.Companion) bool { return c.ID == "once-often" }); i >= 0 && p.BoughtWith[i].Orders > orders/4-50 {
		t.Errorf("what is bought no more does not fade: %+v", p.BoughtWith)
	}
	encoded, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	read, err := catalogue.ReadProduct(p.ID, p.ID, encoded)
	if err != nil || !slices.Equal(read.BoughtWith, p.BoughtWith) {
		t.Errorf("%v, read %+v", err, read)
	}
	if p.CountOrder(1, make([]string, 0)); !slices.Equal(read.BoughtWith, p.BoughtWith) {
		t.Errorf("an order of nothing else changes the companions: %+v", p.BoughtWith)
	}
}

func TestCompanionsWithFaults(t *testing.T) {
	t.Parallel()
	many := strings.Repeat(`{"id":"a","orders":1},`, catalogue.MaxCompanions+1)
	for with, want := range map[string]string{
		`{"id":"NO","orders":1}`:                        "boughtWith[0].id: is \"NO\", must be another product's id",
		`{"id":"it","orders":1}`:                        "boughtWith[0].id: is \"it\", must be another product's id",
		`{"id":"a","orders":1},{"id":"a","orders":2}`:   "boughtWith[1].id: \"a\" is given twice",
		`{"id":"a","orders":0}`:                         "boughtWith[0].orders: is 0",
		many[:len(many)-1]:                              "boughtWith: holds 17, at most 16",
		`{"id":"a","orders":1,"name":"<script>"}`:       "boughtWith[0].name: is not a field",
		`{"id":"a","orders":99999999999999999}`:         "boughtWith[0].orders: is 99999999999999999",
		`{"id":"../../stores/other","orders":3,"x":[]}`: "boughtWith[0].x: is not a field",
	} {
		_, err := catalogue.ReadProduct("p", "it", []byte(`{"id":"it","name":"It","priceCents":100,"stock":1,"boughtWith":[`+with+`]}`))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", with, err, want)
		}
	}
}

// What others bought with what a shopper has in the cart, bought or viewed fits the shopper,
// unless it was one order only, is sold out, or they have it.
func TestFittingKnowsWhatIsBoughtTogether(t *testing.T) {
	t.Parallel()
	products := cataloguetest.SeededProducts(t, 1500, 3)
	base := cataloguetest.Seeded(t, 0, 0)
	for seed := range uint64(5) {
		shop := base.With(products)
		taste, _, _ := seededShopper(shop, seed)
		rng := rand.New(rand.NewPCG(seed, 9))
		before := ids(shop.Fitting(taste, 40))
		// Of things that the shopper would not have got, the first three are bought with what
		// is in the cart, each by several; the fourth once; the fifth is sold out.
		var others []string
		for len(others) < 5 {
			p := products[rng.IntN(len(products))]
			soldOut := len(others) == 4
			if p.SoldOut() == soldOut && !slices.Contains(before, p.ID) && !slices.Contains(others, p.ID) && !slices.Contains(taste.Viewed, p.ID) {
				others = append(others, p.ID)
			}
		}
		with := slices.Clone(products)
		at := slices.IndexFunc(with, func(p *catalogue.Product) bool { return p.ID == taste.Cart[0] })
		ordered := *with[at]
		for i := range 6 {
			ordered.CountOrder(1, []string{others[i%3], others[4]})
		}
		ordered.CountOrder(1, others[3:4])
		with[at] = &ordered
		got := ids(base.With(with).Fitting(taste, 40))
		for i, id := range others {
			if there := slices.Contains(got, id); there != (i < 3) {
				t.Errorf("shopper %d: of what is bought together, number %d is there: %v", seed, i, there)
			}
		}
		taste.Bought = append(taste.Bought, others[0])
		if slices.Contains(ids(base.With(with).Fitting(taste, 40)), others[0]) {
			t.Errorf("shopper %d: what was bought is offered", seed)
		}
		kinds := map[string]int{}
		for _, id := range got {
			p, _ := shop.Product(id)
			kinds[p.Type]++
		}
		if len(got) != 40 || len(kinds) < 3 {
			t.Errorf("shopper %d: %d products of %v", seed, len(got), kinds)
		}
	}
}

func ids(products []*catalogue.Product) []string {
	all := make([]string, len(products))
	for i, p := range products {
		all[i] = p.ID
	}
	return all
}
