package edge

import (
	"log/slog"
	"testing"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/pagekey"
)

// Whatever a browser sends, accepted events have valid ids, a known shop, and only products
// and categories of that shop.
func FuzzParseEvents(f *testing.F) {
	shops, err := catalogue.New(catalogue.Config{}, slog.New(slog.DiscardHandler))
	if err != nil {
		f.Fatal(err)
	}
	e := &Edge{deps: Deps{Shops: shops}}
	for _, body := range []string{
		`{"shopper":"abc","store":"magic-wands","event":"view","product":"x"}`,
		`[{"shopper":"abc","store":"magic-wands","event":"search","query":"\u202e\u0000"},{"shopper":"b","store":"whitby-tea","event":"purchase"}]`,
		`[]`, `[[]]`, `{`, ``, `null`, ` [ {"shopper":"abc","store":"magic-wands","event":"sort","query":["a"]} ] `,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		events, err := e.parseEvents(body, "")
		if err != nil {
			if status, _ := statusOf(err); status < 400 || status > 499 {
				t.Errorf("a bad body is a %d", status)
			}
			return
		}
		if len(events) == 0 || len(events) > maxEvents {
			t.Errorf("%d events", len(events))
		}
		for _, ev := range events {
			shop, ok := shops.Shop(ev.GetStore())
			if !ok || !pagekey.ValidShopper(ev.GetShopper()) {
				t.Fatalf("passed: %v", ev)
			}
			if _, sold := shop.Product(ev.GetProduct()); ev.GetProduct() != "" && !sold {
				t.Errorf("unknown product passed: %v", ev)
			}
			if len(ev.GetQuery()) > 200 || len(ev.GetCategory()) > 100 {
				t.Errorf("text not bounded: %v", ev)
			}
		}
	})
}
