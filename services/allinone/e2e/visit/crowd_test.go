package visit_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/persona"
	"github.com/wandstore/wandstore/pkg/session"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/kimisim"
)

// The size of the crowd, and the limits that its pages must keep.
const (
	crowd          = 200
	fewestLayouts  = 60
	fewestShoppers = 40 // of a persona
	// mostTokens a design may cost. A page of raw HTML costs ten times as many.
	mostTokens = 2500
)

// habits are the events of shoppers of each persona, in turn. The edge would accept
// every one of them.
var habits = map[string][]func(*wandstorev1.TrackEvent, *rand.Rand, *catalogue.Shop){
	persona.Minimalist: {searches},
	persona.Explorer:   {views, views, views, views},
	persona.Dealhunter: {filtersSale, filtersSale, sortsByPrice, fillsCart},
	persona.Loyalist:   {buys, buys, views},
}

func views(e *wandstorev1.TrackEvent, rng *rand.Rand, shop *catalogue.Shop) {
	p := shop.Products[rng.IntN(len(shop.Products))]
	e.Event, e.Product, e.Category = "view", p.ID, p.Collection
}

func searches(e *wandstorev1.TrackEvent, rng *rand.Rand, shop *catalogue.Shop) {
	p := shop.Products[rng.IntN(len(shop.Products))]
	e.Event, e.Query = "search", p.Attributes[rng.IntN(len(p.Attributes))].Value
}

func filtersSale(e *wandstorev1.TrackEvent, _ *rand.Rand, _ *catalogue.Shop) {
	e.Event, e.Query = "filter", "on sale"
}

func sortsByPrice(e *wandstorev1.TrackEvent, _ *rand.Rand, _ *catalogue.Shop) {
	e.Event, e.Query = "sort", "price"
}

func fillsCart(e *wandstorev1.TrackEvent, rng *rand.Rand, shop *catalogue.Shop) {
	e.Event, e.Product = "cart_add", shop.Products[rng.IntN(len(shop.Products))].ID
}

func buys(e *wandstorev1.TrackEvent, rng *rand.Rand, shop *catalogue.Shop) {
	e.Event, e.Product = "purchase", shop.Products[rng.IntN(len(shop.Products))].ID
}

// section matches the start of a page's section, with its type.
var section = regexp.MustCompile(`<section class="([a-z-]+) [a-z]+" id="s\d+"`)

// layout is the types of a page's sections from top to bottom.
func layout(page string) []string {
	var types []string
	for _, found := range section.FindAllStringSubmatch(page, -1) {
		types = append(types, found[1])
	}
	return types
}

// Two hundred shoppers with different sessions get pages with different sections, not
// only different words. The first sections of a page differ by persona. No design costs
// as many tokens as raw HTML would.
//
// Tokens are kimisim's, which counts four characters as one: a tokenizer of Kimi's
// kind makes fewer of the JSON and the plain English that a design is.
func TestCrowdGetsPagesOfItsOwn(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	g := w.StartGenerator()
	shop := cataloguetest.Shop(t, "magic-wands")
	_, js := w.Connect()
	kv, err := js.KeyValue(t.Context(), wandnats.BucketSessions)
	if err != nil {
		t.Fatal(err)
	}
	sessions := session.NewStore(kv)

	type made struct {
		HTML, Persona, Source string
	}
	pages := make([]made, crowd)
	var wg sync.WaitGroup
	for worker := range w.Pool.PoolSize {
		wg.Go(func() {
			for i := worker; i < crowd; i += w.Pool.PoolSize {
				shopper := fmt.Sprintf("crowd-%03d", i)
				kind := persona.All()[i%4]
				rng := rand.New(rand.NewPCG(2026, uint64(i)))
				err := sessions.Update(t.Context(), shopper, func(s *wandstorev1.ShopperSession) {
					at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
					for n := range 3 + rng.IntN(4) {
						event := &wandstorev1.TrackEvent{Shopper: shopper, Store: shop.Slug}
						habits[kind][n%len(habits[kind])](event, rng, shop)
						if err := session.Check(event); err != nil {
							t.Error(err)
						}
						session.Apply(s, event, at.Add(time.Duration(n)*time.Minute))
					}
				})
				if err != nil {
					t.Error(err)
					continue
				}
				a := world.Post(t, g.Base+"/generate", fmt.Sprintf(`{"storeSlug":%q,"shopperId":%q}`, shop.Slug, shopper))
				if err := json.Unmarshal([]byte(a.Body), &pages[i]); err != nil || a.Status != http.StatusOK {
					t.Errorf("%s: %d %v", shopper, a.Status, err)
				}
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}

	layouts, begins, shoppers := map[string]int{}, map[string]string{}, map[string]int{}
	for i, page := range pages {
		types := layout(page.HTML)
		if page.Source != "llm" || page.Persona != persona.All()[i%4] || len(types) < 2 {
			t.Fatalf("shopper %d, a %s: page for a %s from %s with %v", i, persona.All()[i%4], page.Persona, page.Source, types)
		}
		shoppers[page.Persona]++
		layouts[strings.Join(types, " ")]++
		begin := strings.Join(types[:2], " ")
		if other := begins[begin]; other != "" && other != page.Persona {
			t.Errorf("pages for a %s and for a %s both begin with %s", page.Persona, other, begin)
		}
		begins[begin] = page.Persona
	}
	if len(layouts) < fewestLayouts {
		t.Errorf("%d layouts among %d shoppers, want at least %d", len(layouts), crowd, fewestLayouts)
	}
	for _, kind := range persona.All() {
		if shoppers[kind] < fewestShoppers {
			t.Errorf("%d shoppers are a %s, want at least %d", shoppers[kind], kind, fewestShoppers)
		}
	}
	if longest := w.Sim.Stats().LongestAnswer; longest == 0 || longest >= mostTokens {
		t.Errorf("the longest design has %d tokens, want less than %d", longest, mostTokens)
	}
	t.Logf("%d layouts, %d beginnings, longest design %d tokens", len(layouts), len(begins), w.Sim.Stats().LongestAnswer)
}

// The preferences of POST /generate decide the first screens and the look of the page,
// whether the model follows them, ignores them or fails. Unknown preferences are ignored.
func TestPreferencesSteerThePage(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	g := w.StartGenerator()
	made := func(shopper, preferences string) string {
		t.Helper()
		a := world.Post(t, g.Base+"/generate", fmt.Sprintf(`{"storeSlug":"magic-wands","shopperId":%q,"preferences":%s}`, shopper, preferences))
		html, ok := a.JSON(t)["html"].(string)
		if a.Status != http.StatusOK || !ok {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		return html
	}
	// Ebony is in the descriptions of two wands only.
	const wishes = `{"persona":"explorer","palette":"midnight","density":"enormous","wood":"ebony","nonsense":{"a":1}}`
	first := func(html string) string {
		screens := section.FindAllStringIndex(html, -1)
		if len(screens) < 5 {
			return html
		}
		return html[:screens[4][0]]
	}
	ignorant := `{"theme":{"palette":"ember"},"sections":[{"type":"story"},{"type":"quote"},{"type":"figures"},{"type":"promises"},{"type":"faq"}]}`
	for source, answers := range map[string]func(){
		"model":    func() { w.Sim.SetAnswer(func(kimisim.Request) string { return ignorant }) },
		"template": func() { w.Sim.SetAnswer(func(kimisim.Request) string { return "" }) },
	} {
		answers()
		html := made("wishing-"+source, wishes)
		if !strings.Contains(html, `data-palette="midnight"`) || !strings.Contains(html, `data-persona="explorer"`) || strings.Contains(html, "enormous") {
			t.Errorf("the %s's page does not look as wished", source)
		}
		for _, wand := range []string{"nightjar", "sable-and-salt"} {
			if !strings.Contains(first(html), "/p/"+wand) {
				t.Errorf("the %s's first screens do not show %s", source, wand)
			}
		}
		if plain := made("wishless-"+source, `{"persona":"explorer"}`); strings.Contains(first(plain), "/p/nightjar") && strings.Contains(first(plain), "/p/sable-and-salt") {
			t.Errorf("the %s's first screens show both without a wish", source)
		}
	}
}
