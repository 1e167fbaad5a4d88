package storefront_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/wandstore/wandstore/pkg/persona"
	"github.com/wandstore/wandstore/pkg/storefront"
)

func TestPersonasDiffer(t *testing.T) {
	for _, st := range load(t).All() {
		designs := map[string]storefront.Design{"": storefront.DefaultDesign(st)}
		for _, whom := range personas {
			designs[whom] = storefront.TemplateDesign(st, whom, storefront.Interests{})
		}
		begins := make(map[string]string)
		for whom, d := range designs {
			if len(d.Sections) < 3 {
				t.Errorf("%s %q: %d sections", st.Slug, whom, len(d.Sections))
				continue
			}
			begin := d.Sections[0].Type + " " + d.Sections[0].Variant + ", " + d.Sections[1].Type + " " + d.Sections[1].Variant
			if other, ok := begins[begin]; ok {
				t.Errorf("%s: %q and %q both begin with %s", st.Slug, whom, other, begin)
			}
			begins[begin] = whom
		}
		if d := designs[persona.Dealhunter]; d.Sections[0].Type != "deals" {
			t.Errorf("%s: a dealhunter sees %s first", st.Slug, d.Sections[0].Type)
		}
	}
}

func TestUnknownPersonaGetsTheDefault(t *testing.T) {
	st := store(t, "magic-wands")
	if got, want := storefront.TemplateDesign(st, "wizard", storefront.Interests{}), storefront.DefaultDesign(st); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want the default", got)
	}
}

func TestTemplateFollowsTheShopper(t *testing.T) {
	st := store(t, "magic-wands")
	sig := storefront.Interests{
		RecentProducts: []string{"halcyon", "no-such-wand", "nightjar"},
		Cart:           []string{"thornbrook"},
		Categories:     []string{"moonlit", "no-such-shelf"},
	}
	for _, whom := range personas {
		d := storefront.TemplateDesign(st, whom, sig)
		if again := storefront.TemplateDesign(st, whom, sig); !reflect.DeepEqual(d, again) {
			t.Errorf("%s: the same shopper gets two designs", whom)
		}
		if plain := storefront.TemplateDesign(st, whom, storefront.Interests{}); reflect.DeepEqual(d, plain) {
			t.Errorf("%s: what the shopper did changes nothing", whom)
		}
		for _, id := range []string{"thornbrook", "halcyon", "nightjar"} {
			if !slices.ContainsFunc(d.Sections, func(s storefront.Section) bool { return slices.Contains(s.ProductIDs, id) }) {
				t.Errorf("%s: %s is not on the page", whom, id)
			}
		}
	}
	few := storefront.TemplateDesign(st, persona.Minimalist, sig)
	for _, s := range few.Sections {
		if s.Headline != "The short list" {
			continue
		}
		if p, _ := st.Product(s.ProductIDs[0]); p.Collection != "moonlit" {
			t.Errorf("the short list begins with %s, want one of the shopper's own shelf", p.ID)
		}
	}
}

// The shop's own designs must say nothing that the gate would take from a model.
func TestOwnDesignsPassTheGate(t *testing.T) {
	for _, st := range load(t).All() {
		designs := []storefront.Design{storefront.DefaultDesign(st)}
		for _, whom := range personas {
			designs = append(designs, storefront.TemplateDesign(st, whom, storefront.Interests{Cart: []string{st.Products[0].ID}}))
		}
		for _, d := range designs {
			b := encode(t, d)
			got, rep, err := storefront.ParseAnswer(b, st)
			if err != nil || rep != (storefront.Report{}) {
				t.Errorf("%s: report %+v, error %v for %s", st.Slug, rep, err, b)
			}
			if !reflect.DeepEqual(got, d) {
				t.Errorf("%s: %+v came out as %+v", st.Slug, d, got)
			}
		}
	}
}
