package storefront_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/design/gate"
	"github.com/wandstore/wandstore/pkg/design/gate/answertest"
	"github.com/wandstore/wandstore/pkg/storefront"
)

// Whatever a model answers, the page has only what the templates write.
func TestAnswersBecomeSafePages(t *testing.T) {
	shop := cataloguetest.Shop(t, "magic-wands")
	r := renderer(t)
	style, script := constants(t, r, shop)
	for _, tt := range answertest.All {
		t.Run(tt.Name, func(t *testing.T) {
			d, _, err := gate.Parse([]byte(tt.Answer), shop)
			if err != nil {
				return // the gate's own tests say which answers are refused
			}
			page := render(t, r, storefront.PageInput{Shop: shop, Design: d})
			checkSafe(t, page, style, script)
			text := words(parse(t, page))
			if !strings.Contains(text, tt.Sees) {
				t.Errorf("the page does not say %q", tt.Sees)
			}
			if tt.Says(text) {
				t.Errorf("the page says %q", tt.Never)
			}
		})
	}
}

func FuzzAnswerPage(f *testing.F) {
	for _, a := range answertest.All {
		if len(a.Answer) < 4096 {
			f.Add([]byte(a.Answer))
		}
	}
	shop := cataloguetest.Shop(f, "magic-wands")
	r := renderer(f)
	style, script := constants(f, r, shop)
	f.Fuzz(func(t *testing.T, answer []byte) {
		d, _, err := gate.Parse(answer, shop)
		if err != nil {
			return
		}
		checkSafe(t, render(t, r, storefront.PageInput{Shop: shop, Design: d, Live: true}), style, script)
	})
}

// watching matches texts that tell shoppers they are observed.
var watching = regexp.MustCompile(`(?i)\b(we|i) (\w+ )?(saw|noticed|watched|tracked|remember)|\byou(['’]ve| have)? (\w+ )?(viewed|looked at|searched|browsed|clicked|left)|based on your|because you|your (\w+ )?history|recently viewed|welcome back, `)

// A page explains itself under "Why am I seeing this page?", and no text says that the
// shopper was observed.
func TestPagesNeverSayThatTheyWatched(t *testing.T) {
	r := renderer(t)
	for _, shop := range cataloguetest.BuiltIn(t).All() {
		in := design.Interests{
			Cart: []string{shop.Products[0].ID}, RecentProducts: []string{shop.Products[1].ID}, Purchased: []string{shop.Products[2].ID},
			Searched: []string{shop.Products[3].Name}, Categories: []string{shop.Collections[0].ID},
		}
		answer := `{"sections":[{"type":"hero","headline":"We saw you looking at oak","body":"You recently viewed this. It is oak."},{"type":"promises","headline":"Because you searched for yew"}]}`
		designed, rep, err := gate.Parse([]byte(answer), shop)
		if err != nil || rep.DroppedClaims != 3 {
			t.Errorf("%s: report %+v, error %v", shop.Slug, rep, err)
		}
		for _, personaName := range personas {
			for _, d := range []design.Design{design.Template(shop, personaName, in), designed.OpenFor(shop, personaName, in)} {
				text := words(parse(t, render(t, r, storefront.PageInput{Shop: shop, Design: d, Persona: personaName})))
				if said := watching.FindString(text); said != "" {
					t.Errorf("%s, %s: the page says %q", shop.Slug, personaName, said)
				}
				if !strings.Contains(text, "Why am I seeing this page?") || !strings.Contains(text, "looked at, searched for, bought and kept in the cart") {
					t.Errorf("%s, %s: the page does not say why it is as it is", shop.Slug, personaName)
				}
			}
		}
		text := words(parse(t, render(t, r, storefront.PageInput{Shop: shop, Design: design.Default(shop)})))
		if said := watching.FindString(text); said != "" || strings.Contains(text, "Why am I seeing") {
			t.Errorf("%s: everybody's page says %q", shop.Slug, said)
		}
	}
}
