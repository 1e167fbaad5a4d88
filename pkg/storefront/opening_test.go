package storefront_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/persona"
	"github.com/wandstore/wandstore/pkg/storefront"
)

// careless is what a model may design that does not look at whom it is for.
func careless(more ...storefront.Section) storefront.Design {
	return storefront.Design{Sections: append([]storefront.Section{
		{Type: "hero", Variant: "split", Headline: "A quiet shelf", ProductIDs: []string{"nightjar"}},
		{Type: "promises", Variant: "row"},
		{Type: "figures", Variant: "row"},
		{Type: "faq", Variant: "folded"},
		{Type: "measure", Variant: "scale"},
		{Type: "finder", Variant: "budget"},
	}, more...)}
}

// shows is the place of the first section that shows the product; -1 if none does.
func shows(d storefront.Design, id string) int {
	return slices.IndexFunc(d.Sections, func(s storefront.Section) bool { return slices.Contains(s.ProductIDs, id) })
}

func TestPagesOpenForTheirPersona(t *testing.T) {
	for _, st := range load(t).All() {
		for _, whom := range personas {
			opens := storefront.Openings(whom)
			for _, d := range []storefront.Design{
				{}, careless(), {Sections: careless().Sections[1:]}, careless(storefront.Section{Type: opens[len(opens)-1], Variant: "panel", Body: "Ours.", ProductIDs: []string{st.Products[0].ID}}),
			} {
				before := len(d.Sections)
				got := d.OpenFor(st, whom, storefront.Interests{})
				at := 0
				if len(got.Sections) > 0 && got.Sections[0].Type == "hero" {
					at = 1
				}
				if at >= len(got.Sections) || !slices.Contains(opens, got.Sections[at].Type) {
					t.Errorf("%s: a page for a %s begins with %+v", st.Slug, whom, got.Sections[:min(2, len(got.Sections))])
				}
				if len(d.Sections) != before {
					t.Error("the given design was changed")
				}
				if whom == persona.Minimalist && len(got.Sections) > 5 {
					t.Errorf("%s: a page for a %s has %d sections", st.Slug, whom, len(got.Sections))
				}
			}
		}
	}
	full := storefront.Design{Sections: slices.Repeat([]storefront.Section{{Type: "promises"}}, 25)}
	st := store(t, "magic-wands")
	if got := full.OpenFor(st, persona.Loyalist, storefront.Interests{Cart: []string{"halcyon"}}); len(got.Sections) != 25 || got.Sections[1].ProductIDs[0] != "halcyon" {
		t.Errorf("a full page has %d sections, the second %+v", len(got.Sections), got.Sections[1])
	}
	if got := careless().OpenFor(st, "wizard", storefront.Interests{Cart: []string{"halcyon"}}); len(got.Sections) != len(careless().Sections) {
		t.Error("a page for nobody known was changed")
	}
}

// What was left in the cart, looked at and searched for is seen on the first
// screens, whoever designed the page and whomever it is for.
func TestInterestsSteerThePage(t *testing.T) {
	st := store(t, "magic-wands")
	for name, interest := range map[string]struct {
		in       storefront.Interests
		product  string
		headline string
	}{
		"cart":     {storefront.Interests{Cart: []string{"no-such-wand", "halcyon"}}, "halcyon", "Set aside for you"},
		"viewed":   {storefront.Interests{RecentProducts: []string{"maplesong"}}, "maplesong", "Close at hand"},
		"searched": {storefront.Interests{Searched: []string{"wand", "no such thing", "oakenfel"}}, "oakenfell", "Picked for you"},
	} {
		for _, whom := range personas {
			designed := careless().OpenFor(st, whom, interest.in)
			template := storefront.TemplateDesign(st, whom, interest.in)
			for by, d := range map[string]storefront.Design{"model": designed, "template": template} {
				if at := shows(d, interest.product); at < 0 || at > 3 {
					t.Errorf("%s, %s, by the %s: section %d shows %s", name, whom, by, at, interest.product)
				}
			}
			if at := shows(designed, interest.product); at < 0 || designed.Sections[at].Headline != interest.headline {
				t.Errorf("%s, %s: what shows it is not headed %q", name, whom, interest.headline)
			}
			if plain := careless().OpenFor(st, whom, storefront.Interests{}); shows(plain, interest.product) >= 0 {
				t.Errorf("%s, %s: %s is there without the interest", name, whom, interest.product)
			}
		}
	}
}

// What a model has put in front already is not repeated.
func TestInterestsAreNotShownTwice(t *testing.T) {
	st := store(t, "magic-wands")
	d := careless().OpenFor(st, persona.Explorer, storefront.Interests{
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

// watching is how shops let shoppers feel watched.
var watching = regexp.MustCompile(`(?i)\b(we|i) (\w+ )?(saw|noticed|watched|tracked|remember)|\byou(['’]ve| have)? (\w+ )?(viewed|looked at|searched|browsed|clicked|left)|based on your|because you|your (\w+ )?history|recently viewed|welcome back, `)

// The page says why it is as it is where that is asked, and nowhere that somebody
// looked on.
func TestPagesNeverSayThatTheyWatched(t *testing.T) {
	r := renderer(t)
	for _, st := range load(t).All() {
		in := storefront.Interests{
			Cart: []string{st.Products[0].ID}, RecentProducts: []string{st.Products[1].ID}, Purchased: []string{st.Products[2].ID},
			Searched: []string{st.Products[3].Name}, Categories: []string{st.Collections[0].ID},
		}
		answer := `{"sections":[{"type":"hero","headline":"We saw you looking at oak","body":"You recently viewed this. It is oak."},{"type":"promises","headline":"Because you searched for yew"}]}`
		designed, rep, err := storefront.ParseAnswer([]byte(answer), st)
		if err != nil || rep.DroppedClaims != 3 {
			t.Errorf("%s: report %+v, error %v", st.Slug, rep, err)
		}
		for _, whom := range personas {
			for _, d := range []storefront.Design{storefront.TemplateDesign(st, whom, in), designed.OpenFor(st, whom, in)} {
				text := words(parse(t, draw(t, r, storefront.PageInput{Store: st, Design: d, Persona: whom})))
				if said := watching.FindString(text); said != "" {
					t.Errorf("%s, %s: the page says %q", st.Slug, whom, said)
				}
				if !strings.Contains(text, "Why am I seeing this page?") || !strings.Contains(text, "looked at, searched for, bought and kept in the cart") {
					t.Errorf("%s, %s: the page does not say why it is as it is", st.Slug, whom)
				}
			}
		}
		text := words(parse(t, draw(t, r, storefront.PageInput{Store: st, Design: storefront.DefaultDesign(st)})))
		if said := watching.FindString(text); said != "" || strings.Contains(text, "Why am I seeing") {
			t.Errorf("%s: everybody's page says %q", st.Slug, said)
		}
	}
}
