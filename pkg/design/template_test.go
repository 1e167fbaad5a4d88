package design_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/design/gate"
	"github.com/wandstore/wandstore/pkg/persona"
)

func TestPersonasDiffer(t *testing.T) {
	for _, shop := range cataloguetest.BuiltIn(t).All() {
		designs := map[string]design.Design{"": design.Default(shop)}
		for _, personaName := range persona.All() {
			designs[personaName] = design.Template(shop, personaName, design.Interests{})
		}
		begins := make(map[string]string)
		for personaName, d := range designs {
			if len(d.Sections) < 3 {
				t.Errorf("%s %q: %d sections", shop.Slug, personaName, len(d.Sections))
				continue
			}
			begin := d.Sections[0].Type + " " + d.Sections[0].Variant + ", " + d.Sections[1].Type + " " + d.Sections[1].Variant
			if other, ok := begins[begin]; ok {
				t.Errorf("%s: %q and %q both begin with %s", shop.Slug, personaName, other, begin)
			}
			begins[begin] = personaName
		}
		if d := designs[persona.Dealhunter]; d.Sections[0].Type != "deals" {
			t.Errorf("%s: a dealhunter sees %s first", shop.Slug, d.Sections[0].Type)
		}
	}
}

func TestUnknownPersonaGetsTheDefault(t *testing.T) {
	shop := cataloguetest.Shop(t, "magic-wands")
	if got, want := design.Template(shop, "wizard", design.Interests{}), design.Default(shop); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want the default", got)
	}
}

func TestTemplateFollowsTheShopper(t *testing.T) {
	shop := cataloguetest.Shop(t, "magic-wands")
	interests := design.Interests{
		RecentProducts: []string{"halcyon", "no-such-wand", "nightjar"},
		Cart:           []string{"thornbrook"},
		Categories:     []string{"moonlit", "no-such-shelf"},
	}
	for _, personaName := range persona.All() {
		d := design.Template(shop, personaName, interests)
		if again := design.Template(shop, personaName, interests); !reflect.DeepEqual(d, again) {
			t.Errorf("%s: the same shopper gets two designs", personaName)
		}
		if plain := design.Template(shop, personaName, design.Interests{}); reflect.DeepEqual(d, plain) {
			t.Errorf("%s: what the shopper did changes nothing", personaName)
		}
		for _, id := range []string{"thornbrook", "halcyon", "nightjar"} {
			if !slices.ContainsFunc(d.Sections, func(s design.Section) bool { return slices.Contains(s.ProductIDs, id) }) {
				t.Errorf("%s: %s is not on the page", personaName, id)
			}
		}
	}
	few := design.Template(shop, persona.Minimalist, interests)
	for _, s := range few.Sections {
		if s.Headline != "The short list" {
			continue
		}
		if p, _ := shop.Product(s.ProductIDs[0]); p.Collection != "moonlit" {
			t.Errorf("the short list begins with %s, want one of the shopper's own shelf", p.ID)
		}
	}
}

// The gate removes nothing from the shop's own designs.
func TestOwnDesignsPassTheGate(t *testing.T) {
	for _, shop := range cataloguetest.BuiltIn(t).All() {
		designs := []design.Design{design.Default(shop)}
		for _, personaName := range persona.All() {
			designs = append(designs, design.Template(shop, personaName, design.Interests{Cart: []string{shop.Products[0].ID}}))
		}
		for _, d := range designs {
			b := encode(t, d)
			got, rep, err := gate.Parse(b, shop)
			if err != nil || rep != (design.Report{}) {
				t.Errorf("%s: report %+v, error %v for %s", shop.Slug, rep, err, b)
			}
			if !reflect.DeepEqual(got, d) {
				t.Errorf("%s: %+v came out as %+v", shop.Slug, d, got)
			}
		}
	}
}

func encode(t testing.TB, d design.Design) []byte {
	t.Helper()
	b, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
