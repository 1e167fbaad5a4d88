package design_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/persona"
)

// careless is a design that ignores its persona, as a model's may.
func careless(more ...design.Section) design.Design {
	return design.Design{Sections: append([]design.Section{
		{Type: "hero", Variant: "split", Headline: "A quiet shelf", ProductIDs: []string{"nightjar"}},
		{Type: "promises", Variant: "row"},
		{Type: "figures", Variant: "row"},
		{Type: "faq", Variant: "folded"},
		{Type: "measure", Variant: "scale"},
		{Type: "finder", Variant: "budget"},
	}, more...)}
}

// shows is the index of the first section with the product, or -1.
func shows(d design.Design, id string) int {
	return slices.IndexFunc(d.Sections, func(s design.Section) bool { return slices.Contains(s.ProductIDs, id) })
}

func TestPagesOpenForTheirPersona(t *testing.T) {
	for _, shop := range cataloguetest.BuiltIn(t).All() {
		for _, personaName := range persona.All() {
			opens := design.Openings(personaName)
			for _, d := range []design.Design{
				{}, careless(), {Sections: careless().Sections[1:]}, careless(design.Section{Type: opens[len(opens)-1], Variant: "panel", Body: "Ours.", ProductIDs: []string{shop.Products[0].ID}}),
			} {
				before := len(d.Sections)
				got := d.OpenFor(shop, personaName, design.Interests{})
				at := 0
				if len(got.Sections) > 0 && got.Sections[0].Type == "hero" {
					at = 1
				}
				if at >= len(got.Sections) || !slices.Contains(opens, got.Sections[at].Type) {
					t.Errorf("%s: a page for a %s begins with %+v", shop.Slug, personaName, got.Sections[:min(2, len(got.Sections))])
				}
				if len(d.Sections) != before {
					t.Error("the given design was changed")
				}
				if personaName == persona.Minimalist && len(got.Sections) > 5 {
					t.Errorf("%s: a page for a %s has %d sections", shop.Slug, personaName, len(got.Sections))
				}
			}
		}
	}
	full := design.Design{Sections: slices.Repeat([]design.Section{{Type: "promises"}}, 25)}
	shop := cataloguetest.Shop(t, "magic-wands")
	if got := full.OpenFor(shop, persona.Loyalist, design.Interests{Cart: []string{"halcyon"}}); len(got.Sections) != 25 || got.Sections[1].ProductIDs[0] != "halcyon" {
		t.Errorf("a full page has %d sections, the second %+v", len(got.Sections), got.Sections[1])
	}
	if got := careless().OpenFor(shop, "wizard", design.Interests{Cart: []string{"halcyon"}}); len(got.Sections) != len(careless().Sections) {
		t.Error("a page for nobody known was changed")
	}
}

// Products in the cart, viewed or searched for are on the first screens, whether a model
// or a template designed the page, and for every persona.
func TestInterestsSteerThePage(t *testing.T) {
	shop := cataloguetest.Shop(t, "magic-wands")
	for name, interest := range map[string]struct {
		in       design.Interests
		product  string
		headline string
	}{
		"cart":     {design.Interests{Cart: []string{"no-such-wand", "halcyon"}}, "halcyon", "Set aside for you"},
		"viewed":   {design.Interests{RecentProducts: []string{"maplesong"}}, "maplesong", "Close at hand"},
		"searched": {design.Interests{Searched: []string{"wand", "no such thing", "oakenfel"}}, "oakenfell", "Picked for you"},
	} {
		for _, personaName := range persona.All() {
			designed := careless().OpenFor(shop, personaName, interest.in)
			template := design.Template(shop, personaName, interest.in)
			for by, d := range map[string]design.Design{"model": designed, "template": template} {
				if at := shows(d, interest.product); at < 0 || at > 3 {
					t.Errorf("%s, %s, by the %s: section %d shows %s", name, personaName, by, at, interest.product)
				}
			}
			if at := shows(designed, interest.product); at < 0 || designed.Sections[at].Headline != interest.headline {
				t.Errorf("%s, %s: what shows it is not headed %q", name, personaName, interest.headline)
			}
			if plain := careless().OpenFor(shop, personaName, design.Interests{}); shows(plain, interest.product) >= 0 {
				t.Errorf("%s, %s: %s is there without the interest", name, personaName, interest.product)
			}
		}
	}
}

// A product that the model shows at the top is not shown again.
func TestInterestsAreNotShownTwice(t *testing.T) {
	shop := cataloguetest.Shop(t, "magic-wands")
	d := careless().OpenFor(shop, persona.Explorer, design.Interests{
		Cart: []string{"nightjar"}, RecentProducts: []string{"nightjar"}, Searched: []string{"nightjar"},
	})
	n := 0
	for _, s := range d.Sections {
		if slices.Contains(s.ProductIDs, "nightjar") {
			n++
		}
	}
	if n != 1 {
		t.Errorf("nightjar is in %d sections", n)
	}
}

// What is settled of a design's beginning is the beginning of the whole page, for each
// persona, with and without interests, however the model begins.
func TestWhatIsSettledStays(t *testing.T) {
	for _, shop := range cataloguetest.BuiltIn(t).All() {
		ids := []string{shop.Products[0].ID, shop.Products[1].ID, shop.Products[2].ID}
		for _, personaName := range append(persona.All(), "wizard") {
			template := design.Template(shop, personaName, design.Interests{})
			for name, d := range map[string]design.Design{
				"obedient": template, "careless": careless(template.Sections...), "without a hero": {Sections: careless(template.Sections...).Sections[1:]},
			} {
				for _, in := range []design.Interests{{}, {Cart: ids[:1]}, {RecentProducts: ids, Searched: []string{shop.Noun.One}}} {
					whole := d.OpenFor(shop, personaName, in)
					before := 0
					for n := range len(d.Sections) + 1 {
						settled := design.Design{Sections: d.Sections[:n]}.Settled(shop, personaName, in).Sections
						if len(settled) < before || len(settled) > len(whole.Sections) || !reflect.DeepEqual(settled, whole.Sections[:len(settled)]) {
							t.Fatalf("%s, %s, %s: of %d sections is settled %+v, of all %+v", shop.Slug, personaName, name, n, settled, whole.Sections)
						}
						if n > 0 && len(settled) == 0 {
							t.Errorf("%s, %s, %s: nothing is settled by %d sections", shop.Slug, personaName, name, n)
						}
						before = len(settled)
					}
					if before != len(whole.Sections) && len(d.Sections) >= 4 {
						t.Errorf("%s, %s, %s: %d of %d sections are settled at the end", shop.Slug, personaName, name, before, len(whole.Sections))
					}
				}
			}
		}
	}
}

// A page that a model has begun keeps its sections, and the template adds what it lacks.
func TestAPageThatWasBegunIsCompleted(t *testing.T) {
	for _, shop := range cataloguetest.BuiltIn(t).All() {
		for _, personaName := range persona.All() {
			template := design.Template(shop, personaName, design.Interests{})
			for n, all := range map[int]design.Design{0: careless(), 1: careless(), 3: careless().OpenFor(shop, personaName, design.Interests{})} {
				begun := design.Design{Theme: template.Theme, Sections: all.Sections[:n]}
				begun.Theme.Palette = "forest"
				got := begun.CompletedBy(template, personaName)
				switch {
				case n == 0 && !reflect.DeepEqual(got, template):
					t.Errorf("%s, %s: nothing completed is %+v", shop.Slug, personaName, got)
				case n > 0 && (!reflect.DeepEqual(got.Sections[:n], begun.Sections) || len(got.Sections) < 4 || got.Theme.Palette != "forest"):
					t.Errorf("%s, %s: %d sections completed: %+v", shop.Slug, personaName, n, got)
				}
				for i, s := range got.Sections[n:] {
					if n > 0 && slices.ContainsFunc(got.Sections[:n+i], func(other design.Section) bool { return other.Type == s.Type }) {
						t.Errorf("%s, %s: %s is there twice", shop.Slug, personaName, s.Type)
					}
				}
			}
		}
	}
}
