package browser_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/wandstore/wandstore/pkg/persona"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/kimisim"
)

// kind is a kind of page, with an example.
type kind struct {
	name, address string
}

// examples are the products and the collection of a shop's example pages.
type examples struct{ product, another, collection string }

// shops are the built-in shops and the example in deploy/stores.
var shops = map[string]examples{
	"magic-wands":    {"nightjar", "halcyon", "master"},
	"whitby-tea":     {"harbour-breakfast", "first-flush-sencha", "green"},
	"kiln-and-field": {"monday-mug", "soup-bowl", "table"},
}

// kinds are all kinds of page, of all shops. The edge belongs to a world with the example
// shops, and is withPreviews.
func kinds(t testing.TB, w *world.World, e *world.Process) []kind {
	t.Helper()
	w.StartGenerator()
	var all []kind
	for store, with := range shops {
		all = append(all,
			kind{store + "-fallback", e.Base + "/s/" + store},
			kind{store + "-error-400", e.Base + "/s/" + store + "?shopper=not%20an%20id"},
		)
		shop := e.Base + "/s/" + store
		all = append(all,
			kind{store + "-product", shop + "/p/" + with.product},
			kind{store + "-search", shop + "/search?q=a&sale=1&sort=price"},
			kind{store + "-search-nothing", shop + "/search?q=no+such+thing&instock=1"},
			kind{store + "-shelf", shop + "/search?collection=" + with.collection},
			kind{store + "-cart-empty", shop + "/cart"},
			kind{store + "-cart", shop + "/cart?shopper=buyer"},
			kind{store + "-error-404", shop + "/p/no-such-product"},
		)
		for _, id := range []string{with.product, with.another} {
			if a := world.Post(t, shop+"/cart?shopper=buyer", "action=add&quantity=2&option1=Chalk&option2=M&product="+id, "Content-Type", "application/x-www-form-urlencoded"); a.Status != http.StatusSeeOther {
				t.Fatalf("add %s to the cart of %s: %d", id, store, a.Status)
			}
		}
		// The model is given a shopper's events, not their id: the events make the pages
		// differ.
		for i, shopper := range world.Shoppers("designed", 2) {
			world.Post(t, e.Base+"/api/shopper/track", fmt.Sprintf(`{"shopper":%q,"store":%q,"event":"search","query":"gift %d"}`, shopper, store, i))
			e.Visit(t, store, shopper)
			e.BecomesHit(t, store, shopper)
			all = append(all, kind{store + "-" + shopper, e.Base + "/s/" + store + "?shopper=" + shopper})
		}
	}
	if err := w.Sim.SetFault(kimisim.Fault{Name: kimisim.InsufficientBalance}); err != nil {
		t.Fatal(err)
	}
	for store := range shops {
		for shopper, does := range map[string]string{
			persona.Explorer:   `"event":"view","category":"first"`,
			persona.Minimalist: `"event":"search","query":"quiet"`,
			persona.Dealhunter: `"event":"filter","query":"on sale"`,
			persona.Loyalist:   `"event":"purchase","product":"nightjar"`,
		} {
			world.Post(t, e.Base+"/api/shopper/track", fmt.Sprintf(`{"shopper":%q,"store":%q,%s}`, shopper, store, does))
			e.Visit(t, store, shopper)
			if hit := e.BecomesHit(t, store, shopper); hit.Header.Get("X-Persona") != shopper {
				t.Errorf("%s of %s is taken for a %s", shopper, store, hit.Header.Get("X-Persona"))
			}
			all = append(all, kind{store + "-" + shopper, e.Base + "/s/" + store + "?shopper=" + shopper})
		}
	}
	for day, merchant := range map[string]string{"2026-12-24": persona.Explorer, "2026-10-05": persona.Dealhunter} {
		all = append(all, kind{"kiln-and-field-preview-" + merchant, e.Base + previewLink(t) + "&on=" + day + "&persona=" + merchant})
	}
	return append(all, kind{"error-404", e.Base + "/s/no-such-store"}, kind{"error-404-path", e.Base + "/nowhere"})
}
