package storefront_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/design/gate"
	"github.com/wandstore/wandstore/pkg/storefront"
)

// scripts is the script elements that a browser runs.
func scripts(root *html.Node) []*html.Node {
	var run []*html.Node
	for _, n := range elements(root, "script") {
		if attr(n, "type") == "" {
			run = append(run, n)
		}
	}
	return run
}

// Every page of a persona, rendered again from the design that it contains, is the same
// to the byte.
func TestDesignIsReadBack(t *testing.T) {
	r := renderer(t)
	for _, shop := range cataloguetest.BuiltIn(t).All() {
		for _, personaName := range personas {
			for name, d := range map[string]design.Design{
				"template":      design.Template(shop, personaName, design.Interests{Cart: []string{shop.Products[0].ID}}),
				"every section": everySection(t, shop, 1, 3),
			} {
				page := render(t, r, storefront.PageInput{Shop: shop, Design: d, Persona: personaName})
				back, err := gate.ReadStored(page, shop)
				if err != nil {
					t.Fatalf("%s, %s, %s: %v", shop.Slug, personaName, name, err)
				}
				if !bytes.Equal(render(t, r, storefront.PageInput{Shop: shop, Design: back, Persona: personaName}), page) {
					t.Errorf("%s, %s, %s: another page is rendered from the design that was read", shop.Slug, personaName, name)
				}
			}
		}
		fallback := render(t, r, storefront.PageInput{Shop: shop, Design: design.Default(shop), Live: true})
		if _, err := gate.ReadStored(fallback, shop); !errors.Is(err, gate.ErrNoDesign) {
			t.Errorf("%s: everybody's page: %v, want ErrNoDesign", shop.Slug, err)
		}
	}
}

// A page that is rendered again has the current prices and texts of the shop. A product
// that the shop no longer has is not shown, and is shown again if the shop gets it back.
func TestPageRenderedAgainIsCurrent(t *testing.T) {
	r := renderer(t)
	before := cataloguetest.Shop(t, "magic-wands")
	d := design.Template(before, "explorer", design.Interests{})
	page := render(t, r, storefront.PageInput{Shop: before, Design: d, Persona: "explorer"})
	renderAgain := func(page []byte, shop *catalogue.Shop) []byte {
		t.Helper()
		back, err := gate.ReadStored(page, shop)
		if err != nil {
			t.Fatal(err)
		}
		return render(t, r, storefront.PageInput{Shop: shop, Design: back, Persona: "explorer"})
	}
	id := d.Sections[0].ProductIDs[0]
	after := cataloguetest.Edited(t, "magic-wands", func(file map[string]any) {
		file["story"].(map[string]any)["body"] = "The bench has moved to the back room."
		for i := range file["products"].([]any) {
			if p := cataloguetest.Product(file, i); p["id"] == id {
				p["priceCents"], p["stock"] = 123_45, 0
				delete(p, "salePriceCents")
			}
		}
	})
	now := renderAgain(page, after)
	text := words(parse(t, now))
	for _, want := range []string{after.Money(123_45), "The bench has moved to the back room."} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if p, _ := before.Product(id); strings.Contains(text, before.Story.Body) || strings.Contains(text, p.Name+" "+before.Money(p.NowCents())) {
		t.Error("the page has an old price or text")
	}
	without := cataloguetest.Edited(t, "magic-wands", func(file map[string]any) {
		var kept []any
		for i, p := range file["products"].([]any) {
			if cataloguetest.Product(file, i)["id"] != id {
				kept = append(kept, p)
			}
		}
		file["products"] = kept
	})
	gone := renderAgain(now, without)
	if shown, _, _ := bytes.Cut(gone, []byte(`id="design"`)); bytes.Contains(shown, []byte(id)) {
		t.Errorf("%s was removed and is shown", id)
	}
	if !bytes.Equal(renderAgain(gone, before), page) {
		t.Error("with the first catalogue the page differs from the first one")
	}
}

// Text cannot end the data block that it is in, nor become a script.
func TestHostileWordsStayInTheBlock(t *testing.T) {
	r := renderer(t)
	shop := cataloguetest.Shop(t, "magic-wands")
	style, script := constants(t, r, shop)
	for _, words := range []string{
		`</script><script>never()</script>`, `<!-- <script>`, `--></script>`, "\u2028\u2029", `"}]}; never() //`, `\u003c/script>`, `]]>`, "</ScRiPt >", `<script type="application/json" id="design">{"sections":[]}</script>`,
	} {
		d := design.Design{Sections: []design.Section{{
			Type: "hero", Headline: "A quiet shelf", Body: words, Eyebrow: words, ProductIDs: []string{words},
			Items: []catalogue.Item{{Title: words, Body: words}},
		}}}
		page := render(t, r, storefront.PageInput{Shop: shop, Design: d, Persona: "explorer"})
		checkSafe(t, page, style, script)
		if _, err := gate.ReadStored(page, shop); err != nil {
			t.Errorf("%q: %v", words, err)
		}
	}
}

func FuzzReadDesign(f *testing.F) {
	shop := cataloguetest.Shop(f, "magic-wands")
	r := renderer(f)
	style, script := constants(f, r, shop)
	page := render(f, r, storefront.PageInput{Shop: shop, Design: design.Default(shop), Persona: "explorer"})
	_, block, _ := bytes.Cut(page, []byte(`id="design">`))
	block, _, _ = bytes.Cut(block, []byte("</script>"))
	f.Add(block)
	f.Add(block[:len(block)/2])
	f.Add([]byte(`{"sections":[{"type":"hero","headline":"A</script>b"}]}`))
	f.Add([]byte(`{"sections":[{"type":"faq","items":[{"title":"<!--","body":"-->"}]}]}</script><script>never()</script>`))
	f.Fuzz(func(t *testing.T, block []byte) {
		document := append([]byte(`<!doctype html><script type="application/json" id="design">`), append(block, "</script>"...)...)
		d, err := gate.ReadStored(document, shop)
		if err != nil {
			if !errors.Is(err, gate.ErrNoDesign) {
				t.Fatalf("error %v does not wrap ErrNoDesign", err)
			}
			return
		}
		page := render(t, r, storefront.PageInput{Shop: shop, Design: d, Persona: "explorer"})
		checkSafe(t, page, style, script)
		if again, err := gate.ReadStored(page, shop); err != nil || !bytes.Equal(render(t, r, storefront.PageInput{Shop: shop, Design: again, Persona: "explorer"}), page) {
			t.Fatalf("a page rendered again differs the next time: %v", err)
		}
	})
}

// The first visit after a change of prices costs this: reading the design of a stored page
// and rendering it.
func BenchmarkRenderAgain(b *testing.B) {
	shop := cataloguetest.Shop(b, "magic-wands")
	r := renderer(b)
	page := render(b, r, storefront.PageInput{Shop: shop, Design: design.Template(shop, "explorer", design.Interests{}), Persona: "explorer"})
	b.ReportAllocs()
	for b.Loop() {
		d, err := gate.ReadStored(page, shop)
		if err != nil {
			b.Fatal(err)
		}
		render(b, r, storefront.PageInput{Shop: shop, Design: d, Persona: "explorer"})
	}
}
