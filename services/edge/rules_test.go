package edge

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/storefront"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// adventShop is a shop with rules for the first three weeks of advent.
func adventShop(t *testing.T) *catalogue.Shop {
	t.Helper()
	type object = map[string]any
	return cataloguetest.Edited(t, slug, func(d object) {
		dated := func(o object) object {
			o["from"], o["until"] = "2026-12-01", "2026-12-24"
			return o
		}
		d["rules"] = object{
			"neverSay":  []string{"unusual"},
			"products":  []object{dated(object{"product": "emberhollow", "do": "exclude"}), dated(object{"product": "nightjar", "do": "pin"})},
			"campaigns": []object{dated(object{"id": "advent", "headline": "Four Sundays of light", "products": []string{"rosewarden"}})},
		}
	})
}

// Whatever rung of the ladder serves, and however old the page is, it has what the rules say
// on the day that it is sent.
func TestEveryRungObeysTheRulesOfTheDay(t *testing.T) {
	t.Parallel()
	shop := adventShop(t)
	on := func(day string) *catalogue.Shop {
		at, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		return shop.On(at)
	}
	before, within := on("2026-11-30"), on("2026-12-24")
	// old is how a page was stored while other rules were in effect.
	old := func(rendered *catalogue.Shop) func(*wandstorev1.Page) {
		return func(m *wandstorev1.Page) {
			html, err := shared(t).renderer.Page(storefront.PageInput{Shop: rendered, Design: design.Template(rendered, "explorer", design.Interests{}), Persona: "explorer"})
			if err != nil {
				t.Fatal(err)
			}
			m.Html, m.CatalogueVersion = string(html), string(rendered.Version)
		}
	}
	for name, tt := range map[string]struct {
		scope   Scope
		desk    func(d *desk)
		rung    string
		persona string
	}{
		"the shopper's own": {ScopeShopper, func(d *desk) { d.has(pagestore.TierMinIO, old(before)) }, "minio", "explorer"},
		"a cohort's":        {ScopeCohort, func(d *desk) { d.hasCohort("cohort=explorer", old(before)) }, "cohort", "explorer"},
		"the persona's": {ScopeShopper, func(d *desk) {
			d.remembers(&wandstorev1.StoreSignals{Views: 9, Sorts: 3, PriceSorts: 3, SaleFilters: 3})
		}, "persona", "dealhunter"},
		"the shop's": {ScopeShopper, func(*desk) {}, "fallback", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, func(c *Config) { c.Scope = tt.scope })
			d.shop = within
			tt.desk(d)
			for _, day := range []struct {
				shop    *catalogue.Shop
				ruled   bool
				product int
			}{{within, true, http.StatusNotFound}, {on("2026-12-25"), false, http.StatusOK}, {before, false, http.StatusOK}} {
				d.shop = day.shop
				res := d.ask(http.MethodGet, "/s/magic-wands?shopper=ada", "")
				if got := res.Header.Get("Cache-Status"); !strings.HasSuffix(got, "detail="+tt.rung) || res.Header.Get("X-Persona") != tt.persona {
					t.Fatalf("answered by %s for %s", got, res.Header.Get("X-Persona"))
				}
				body, _, _ := strings.Cut(res.body, `<script type="application/json"`)
				for says, want := range map[string]bool{"Four Sundays of light": day.ruled, `/p/nightjar"`: true, "/p/emberhollow": false} {
					if has := strings.Contains(body, says); has != want && (day.ruled || says == "Four Sundays of light") {
						t.Errorf("on a day with the rules (%v): %s is there: %v", day.ruled, says, has)
					}
				}
				if strings.Contains(strings.ToLower(body), "the unusual ones") {
					t.Error("it says what the shop never says")
				}
				if res := d.ask(http.MethodGet, "/s/magic-wands/p/emberhollow", ""); res.StatusCode != day.product {
					t.Errorf("the product's own page: %d, want %d", res.StatusCode, day.product)
				}
			}
		})
	}
}
