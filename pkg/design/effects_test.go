package design_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/checkout"
	"github.com/wandstore/wandstore/pkg/design"
)

// The check tells of each rule what it affects today.
func TestRuleEffects(t *testing.T) {
	t.Parallel()
	type object = map[string]any
	document := cataloguetest.Document(t, "magic-wands", func(d object) {
		cataloguetest.Product(d, 0)["description"] = "A cheap wand. And a good one."
		cataloguetest.Product(d, 1)["name"] = "The cheap one"
		d["rules"] = object{
			"voice": "Dry.", "neverSay": []string{"cheap", "unheard of"}, "noSections": []string{"deals", "daels"},
			"products": []object{
				{"product": "emberhollow", "do": "pin"}, {"product": "emberhollow", "do": "demote"}, {"tag": "no-such-tag", "do": "pin"},
				{"collection": "first", "do": "promote", "personas": []string{"loyalist"}}, {"product": "nightjar", "do": "exclude", "until": "2026-11-30"},
			},
			"campaigns": []object{{"id": "advent", "headline": "Advent", "products": []string{"nightjar", "gone"}, "from": "2026-12-01"}},
		}
	})
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "magic-wands.json"), document, 0o600); err != nil {
		t.Fatal(err)
	}
	var out, faults bytes.Buffer
	if status := design.Verify(dir, &out, &faults); status != 0 || !strings.Contains(out.String(), "right: magic-wands\n") || !strings.Contains(out.String(), "rules.neverSay[1]") {
		t.Fatalf("status %d\n%s%s", status, out.String(), faults.String())
	}
	ruled, err := catalogue.ReadShop("magic-wands.json", "magic-wands", document)
	if err != nil {
		t.Fatal(err)
	}
	if len(design.RuleEffects(cataloguetest.Shop(t, "magic-wands"), time.Now())) != 0 {
		t.Error("a shop without rules has effects")
	}
	for at, want := range map[string]map[string]string{
		"2026-11-30": {
			"rules.neverSay[0]":   "true 1 products, 4 personas: stays in the names of 1 products",
			"rules.neverSay[1]":   "true 0 products, 4 personas: ",
			"rules.products[0]":   "true 0 products, 4 personas: later rules decide about its products",
			"rules.products[1]":   "true 1 products, 4 personas: ",
			"rules.products[2]":   "true 0 products, 4 personas: no product is that",
			"rules.products[4]":   "true 1 products, 4 personas: ",
			"rules.campaigns[0]":  "false 0 products, 0 personas: has not begun",
			"rules.noSections[1]": "true 0 products, 4 personas: there are no such sections",
		},
		"2026-12-01": {
			"rules.products[4]":  "false 0 products, 0 personas: has ended",
			"rules.campaigns[0]": "true 1 products, 4 personas: 1 of its products are not in the shop",
		},
	} {
		when, _ := time.Parse(time.DateOnly, at)
		got := map[string]string{}
		sections := map[string]int{}
		for _, e := range design.RuleEffects(ruled, when) {
			got[e.Rule] = fmt.Sprintf("%v %d products, %d personas: %s", e.InEffect, e.Products, e.Personas, e.Note)
			sections[e.Rule] = e.Sections
		}
		for rule, says := range want {
			if got[rule] != says {
				t.Errorf("%s, %s: %q, want %q", at, rule, got[rule], says)
			}
		}
		if sections["rules.noSections[0]"] != 2 || (sections["rules.campaigns[0]"] == 5) != (at == "2026-12-01") || sections["rules.products[1]"] == 0 {
			t.Errorf("%s: sections %v", at, sections)
		}
	}
}

// Each rule of the example in deploy/stores is about something that the shop has, and in
// effect in advent.
func TestRulesOfTheExample(t *testing.T) {
	t.Parallel()
	shops, err := catalogue.ReadDir(os.DirFS(filepath.Join(checkout.Root(t), "deploy", "stores")))
	if err != nil {
		t.Fatal(err)
	}
	shop, ok := shops.Shop("kiln-and-field")
	if !ok {
		t.Fatal("the example is not there")
	}
	does := map[string]bool{}
	for _, e := range design.RuleEffects(shop, time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)) {
		words, _, _ := strings.Cut(e.Says, " ")
		does[words] = true
		if !e.InEffect || e.Note != "" || e.Concerns != nil && e.Products == 0 || e.Campaign != "" && e.Sections == 0 {
			t.Errorf("%s: %s: %+v", e.Rule, e.Says, e)
		}
	}
	for _, kind := range []string{"is", "never", "pin", "promote", "demote", "exclude", "campaign", "want"} {
		if !does[kind] {
			t.Errorf("no rule of the kind %q: %v", kind, does)
		}
	}
}
