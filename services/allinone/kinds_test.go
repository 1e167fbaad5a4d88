package allinone_test

import (
	"fmt"
	"testing"

	"github.com/wandstore/wandstore/pkg/persona"
	"github.com/wandstore/wandstore/services/kimisim"
)

// kind is a kind of page that shoppers can meet.
type kind struct {
	name, address string
}

// kinds are all kinds of page, of both stores.
func kinds(t testing.TB, w *world, e *process) []kind {
	t.Helper()
	w.startGenerator()
	var all []kind
	for _, store := range []string{"magic-wands", "whitby-tea"} {
		all = append(all,
			kind{store + "-fallback", e.base + "/s/" + store},
			kind{store + "-error-400", e.base + "/s/" + store + "?shopper=not%20an%20id"},
		)
		// The model is not told who a shopper is, only what they did: what they looked
		// at makes the difference.
		for i, shopper := range shoppers("designed", 2) {
			post(t, e.base+"/api/shopper/track", fmt.Sprintf(`{"shopper":%q,"store":%q,"event":"search","query":"gift %d"}`, shopper, store, i))
			visit(t, e, store, shopper)
			becomesHit(t, e, store, shopper)
			all = append(all, kind{store + "-" + shopper, e.base + "/s/" + store + "?shopper=" + shopper})
		}
	}
	if err := w.sim.SetFault(kimisim.Fault{Name: kimisim.InsufficientBalance}); err != nil {
		t.Fatal(err)
	}
	for _, store := range []string{"magic-wands", "whitby-tea"} {
		for shopper, does := range map[string]string{
			persona.Explorer:   `"event":"view","category":"first"`,
			persona.Minimalist: `"event":"search","query":"quiet"`,
			persona.Dealhunter: `"event":"filter","query":"on sale"`,
			persona.Loyalist:   `"event":"purchase","product":"nightjar"`,
		} {
			post(t, e.base+"/api/shopper/track", fmt.Sprintf(`{"shopper":%q,"store":%q,%s}`, shopper, store, does))
			visit(t, e, store, shopper)
			if hit := becomesHit(t, e, store, shopper); hit.header.Get("X-Persona") != shopper {
				t.Errorf("%s of %s is taken for a %s", shopper, store, hit.header.Get("X-Persona"))
			}
			all = append(all, kind{store + "-" + shopper, e.base + "/s/" + store + "?shopper=" + shopper})
		}
	}
	return append(all, kind{"error-404", e.base + "/s/no-such-store"}, kind{"error-404-path", e.base + "/nowhere"})
}
