package prompt_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/persona"
	"github.com/wandstore/wandstore/pkg/prompt"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// cacheStep is the granularity of Kimi's prompt cache, in tokens. A token is about four
// characters.
const (
	cacheStep     = 256
	charsPerToken = 4
	shoppers      = 60
)

// stocked is magic-wands with that many products.
func stocked(t *testing.T, n int) *catalogue.Shop {
	return cataloguetest.Edited(t, "magic-wands", func(document map[string]any) {
		products := document["products"].([]any)
		for i := len(products); i < n; i++ {
			p := maps.Clone(cataloguetest.Product(document, i%len(products)))
			p["id"], p["name"] = fmt.Sprintf("wand-%d", i), fmt.Sprintf("Wand %d", i)
			document["products"] = append(document["products"].([]any), p)
		}
	})
}

// shopper is a shopper of the shop, by chance.
func shopper(rng *rand.Rand, shop *catalogue.Shop) prompt.Input {
	some := func(most int) (ids []string) {
		for range rng.IntN(most) {
			ids = append(ids, shop.Products[rng.IntN(len(shop.Products))].ID)
		}
		return ids
	}
	g := &wandstorev1.StoreSignals{
		Visits: rng.Uint32N(9), RecentProducts: some(8), Cart: some(4), Purchased: some(3), Categories: map[string]uint32{},
	}
	for _, c := range shop.Collections {
		g.Categories[c.ID] = rng.Uint32N(5)
	}
	for range rng.IntN(4) {
		p := shop.Products[rng.IntN(len(shop.Products))]
		words := strings.Fields(p.Name + " " + p.Description)
		g.RecentQueries = append(g.RecentQueries, words[rng.IntN(len(words))])
	}
	in := prompt.Input{Shop: shop, Visitor: persona.Visitor{Persona: persona.All()[rng.IntN(4)], Confidence: rng.Float64()}, Signals: g}
	if rng.IntN(3) == 0 {
		in.Preferences = map[string]string{"palette": "midnight", "occasion": "a gift for a patient friend"}
	}
	return in
}

func tokens(text string) int {
	return (utf8.RuneCountInString(text) + charsPerToken - 1) / charsPerToken
}

// From a shop's second shopper on, whoever they are, a cache by prefix serves over 90 % of
// the prompt's tokens. Where the merchant's rules differ by persona it is the second shopper
// of a persona.
func TestPromptsBeginAlike(t *testing.T) {
	example := cataloguetest.Example(t)
	shops := append(cataloguetest.BuiltIn(t).All(), sixWands(t), example, stocked(t, 200))
	products := cataloguetest.SeededProducts(t, 2000, 1)
	for _, n := range []int{41, len(products)} {
		shops = append(shops, cataloguetest.Seeded(t, 0, 0).With(products[:n]))
	}
	for _, shop := range shops {
		t.Run(fmt.Sprintf("%s of %d", shop.Slug, len(shop.Products)), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(1, uint64(len(shop.Products))))
			begins := map[string]string{}
			cached, all, prompts := 0, 0, 0
			for i := range shoppers {
				in := shopper(rng, shop)
				p, err := prompt.Build(in)
				if err != nil {
					t.Fatal(err)
				}
				alike := "all"
				if shop == example {
					alike = in.Visitor.Persona
				}
				begin, rest, _ := strings.Cut(p.User, "</shop>")
				begin = p.System + begin + "</shop>"
				if begins[alike] == "" {
					begins[alike] = begin
					continue
				}
				if begin != begins[alike] {
					t.Fatalf("shopper %d: the prompt begins differently", i)
				}
				prompts++
				cached += tokens(begin) / cacheStep * cacheStep
				all += tokens(begin + rest)
			}
			if share := float64(cached) / float64(all); share < .9 {
				t.Errorf("%.1f %% of the tokens are cached, of %d a prompt", 100*share, all/prompts)
			} else {
				t.Logf("%.1f %% of the tokens are cached, of %d a prompt", 100*share, all/prompts)
			}
		})
	}
}

// A larger shop's prompts share a selection with something of everything, and the
// shopper's own products come beside it.
func TestPromptsOfALargeShop(t *testing.T) {
	shop := stocked(t, 200)
	shared := prompt.Shared(shop)
	if len(shared) != 40 {
		t.Errorf("%d products are shared", len(shared))
	}
	of := map[string]int{}
	deals := 0
	for i, p := range shared {
		of[p.Collection]++
		if p.OnSale() {
			deals++
		}
		if slices.Contains(shared[:i], p) {
			t.Errorf("%s is shared twice", p.ID)
		}
	}
	if len(of) != len(shop.Collections) || deals < 5 {
		t.Errorf("products by collection %v, %d reduced", of, deals)
	}
	others := slices.DeleteFunc(shop.Sorted(catalogue.AsListed), func(p *catalogue.Product) bool { return slices.Contains(shared, p) })
	last := others[len(others)-1].ID
	p, err := prompt.Build(prompt.Input{
		Shop: shop, Visitor: persona.Visitor{Persona: persona.Explorer},
		Signals: &wandstorev1.StoreSignals{Cart: []string{shared[0].ID, last}, RecentQueries: []string{others[7].Name}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var ids []any
	more, _ := read(t, p)["more"].([]any)
	for _, one := range more {
		ids = append(ids, one.(map[string]any)["id"])
	}
	if len(ids) < 2 || len(ids) > 8 || ids[0] != last || slices.Contains(ids, any(shared[0].ID)) {
		t.Errorf("the shopper's own products are %v, want %s first", ids, last)
	}
}

// A cohort of a larger shop has no products of its own: it is offered those of the
// collection that it looks at.
func TestPromptsOfALargeShopFollowTheInterest(t *testing.T) {
	shop := stocked(t, 200)
	interest := shop.Collections[len(shop.Collections)-1].ID
	p, err := prompt.Build(prompt.Input{
		Shop: shop, Visitor: persona.Visitor{Persona: persona.Explorer}, Signals: &wandstorev1.StoreSignals{Categories: map[string]uint32{interest: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	more, _ := read(t, p)["more"].([]any)
	if len(more) == 0 {
		t.Error("no product beside the shared ones")
	}
	for _, one := range more {
		data, _ := one.(map[string]any)
		id, _ := data["id"].(string)
		if product, ok := shop.Product(id); !ok || product.Collection != interest {
			t.Errorf("%v is not of %s", one, interest)
		}
	}
}

// What others buy together chooses what a shopper's prompt adds. It leaves what prompts
// share as it is, so an order costs no shop its prompt cache.
func TestOrdersLeaveTheSharedStart(t *testing.T) {
	products := cataloguetest.SeededProducts(t, 300, 2)
	base := cataloguetest.Seeded(t, 0, 0)
	build := func() (start, more string) {
		p, err := prompt.Build(prompt.Input{
			Shop: base.With(products), Visitor: persona.Visitor{Persona: persona.Explorer},
			Signals: &wandstorev1.StoreSignals{Cart: []string{products[0].ID}},
		})
		if err != nil {
			t.Fatal(err)
		}
		start, more, _ = strings.Cut(p.User, "</shop>")
		return p.System + start, more
	}
	start, more := build()
	companion := slices.IndexFunc(products, func(p *catalogue.Product) bool {
		return p.Available() && !strings.Contains(start+more, `"`+p.ID+`"`)
	})
	for range 5 {
		products[0].CountOrder(3, []string{products[companion].ID})
	}
	startAfter, moreAfter := build()
	if startAfter != start {
		t.Error("orders change what prompts share")
	}
	if !strings.Contains(moreAfter, `"`+products[companion].ID+`"`) {
		t.Errorf("%s, which others buy with what is in the cart, is not in the prompt", products[companion].ID)
	}
}
