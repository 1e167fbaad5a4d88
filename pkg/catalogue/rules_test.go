package catalogue_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/persona"
)

type doc = map[string]any

// ruledAs is what the rules do with a product that they put first.
func ruledAs(shop *catalogue.Shop, p *catalogue.Product, personaName string, at time.Time) string {
	view := shop.On(at).For(personaName)
	switch {
	case slices.Contains(view.Pinned(), p.ID):
		return catalogue.Pin
	case view.PutFirst(p.ID):
		return catalogue.Promote
	default:
		return ""
	}
}

func TestRules(t *testing.T) {
	shop := cataloguetest.Edited(t, "magic-wands", func(d doc) {
		d["rules"] = doc{
			"voice": "Dry, never loud.", "neverSay": []any{"cheap"}, "noSections": []any{"deals"},
			"products": []any{
				doc{"collection": "first", "do": "promote"},
				doc{"product": "emberhollow", "do": "pin", "personas": []any{"explorer"}, "from": "2026-12-01", "until": "2026-12-24"},
			},
			"campaigns": []any{doc{"id": "advent", "headline": "Advent", "collection": "first", "from": "2026-12-01", "until": "2026-12-24"}},
		}
	})
	p, _ := shop.Product("emberhollow")
	for at, want := range map[string][2]string{
		"2026-11-30T23:59:59Z": {"promote", ""}, "2026-12-01T00:00:00Z": {"pin", "advent"}, "2026-12-24T23:59:59Z": {"pin", "advent"}, "2026-12-25T00:00:00Z": {"promote", ""},
	} {
		now, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		campaign := ""
		if now := shop.Rules.CampaignsNow(persona.Explorer, now); len(now) == 1 {
			campaign = now[0].ID
		}
		if got := ruledAs(shop, p, persona.Explorer, now); got != want[0] || campaign != want[1] {
			t.Errorf("%s: %s, campaign %q, want %v", at, got, campaign, want)
		}
		if got := ruledAs(shop, p, persona.Loyalist, now); got != "promote" {
			t.Errorf("%s, for another persona: %s", at, got)
		}
	}
	if shop.Rules.Wants("deals") || !shop.Rules.Wants("story") {
		t.Error("the wrong sections are wanted")
	}
}

func TestFaultyRules(t *testing.T) {
	for want, rules := range map[string]doc{
		`rules.products[0].do: is "hide", must be one of pin`:       {"products": []any{doc{"tag": "x", "do": "hide"}}},
		"rules.products[0]: must name one of":                       {"products": []any{doc{"tag": "x", "product": "y", "do": "pin"}}},
		`rules.products[0].collection: is "attic"`:                  {"products": []any{doc{"collection": "attic", "do": "pin"}}},
		`rules.products[0].personas[0]: is "ogre"`:                  {"products": []any{doc{"tag": "x", "do": "pin", "personas": []any{"ogre"}}}},
		"rules.campaigns[0].until: is before from":                  {"campaigns": []any{doc{"id": "a", "headline": "A", "from": "2026-12-02", "until": "2026-12-01"}}},
		"rules.neverSay[0]: must not be empty":                      {"neverSay": []any{" "}},
		`rules.sections[0]: is "<b>"`:                               {"sections": []any{"<b>"}},
		"rules.voice: holds the invisible character U+202E":         {"voice": "Loud\u202e"},
		"rules.campaigns[0].from: date \"soon\" is not of the form": {"campaigns": []any{doc{"id": "a", "headline": "A", "from": "soon"}}},
	} {
		b := cataloguetest.Document(t, "magic-wands", func(d doc) { d["rules"] = rules })
		if _, err := catalogue.ReadShop("a.json", "magic-wands", b); !errors.Is(err, catalogue.ErrDocument) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %s", rules, err, want)
		}
	}
}
