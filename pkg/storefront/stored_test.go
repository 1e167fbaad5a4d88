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

// scripts are what a browser would run of a document.
func scripts(root *html.Node) []*html.Node {
	var run []*html.Node
	for _, n := range elements(root, "script") {
		if attr(n, "type") != "application/json" {
			run = append(run, n)
		}
	}
	return run
}

// Every page of somebody can be drawn again from what it holds, to the byte.
func TestDesignIsReadBack(t *testing.T) {
	r := renderer(t)
	for _, shop := range cataloguetest.BuiltIn(t).All() {
		for _, whom := range personas {
			for name, d := range map[string]design.Design{
				"template":      design.Template(shop, whom, design.Interests{Cart: []string{shop.Products[0].ID}}),
				"every section": everySection(t, shop, 1, 3),
			} {
				page := draw(t, r, storefront.PageInput{Shop: shop, Design: d, Persona: whom})
				back, err := gate.ReadStored(page, shop)
				if err != nil {
					t.Fatalf("%s, %s, %s: %v", shop.Slug, whom, name, err)
				}
				if !bytes.Equal(draw(t, r, storefront.PageInput{Shop: shop, Design: back, Persona: whom}), page) {
					t.Errorf("%s, %s, %s: another page is drawn from what is read back", shop.Slug, whom, name)
				}
			}
		}
		fallback := draw(t, r, storefront.PageInput{Shop: shop, Design: design.Default(shop), Live: true})
		if _, err := gate.ReadStored(fallback, shop); !errors.Is(err, gate.ErrNoDesign) {
			t.Errorf("%s: everybody's page: %v, want ErrNoDesign", shop.Slug, err)
		}
	}
}

// What is drawn again says what the catalogue and the store say now, and nothing
// that is gone for a while is gone for good.
func TestRedrawnPageSaysWhatIsTrueNow(t *testing.T) {
	r := renderer(t)
	before := cataloguetest.Shop(t, "magic-wands")
	d := design.Template(before, "explorer", design.Interests{})
	page := draw(t, r, storefront.PageInput{Shop: before, Design: d, Persona: "explorer"})
	redraw := func(page []byte, shop *catalogue.Shop) []byte {
		t.Helper()
		back, err := gate.ReadStored(page, shop)
		if err != nil {
			t.Fatal(err)
		}
		return draw(t, r, storefront.PageInput{Shop: shop, Design: back, Persona: "explorer"})
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
	now := redraw(page, after)
	text := words(parse(t, now))
	for _, want := range []string{after.Money(123_45), "The bench has moved to the back room."} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if p, _ := before.Product(id); strings.Contains(text, before.Story.Body) || strings.Contains(text, p.Name+" "+before.Money(p.NowCents())) {
		t.Error("the page says what is not true any more")
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
	gone := redraw(now, without)
	if drawn, _, _ := bytes.Cut(gone, []byte(`id="design"`)); bytes.Contains(drawn, []byte(id)) {
		t.Errorf("%s is not sold any more and is shown", id)
	}
	if !bytes.Equal(redraw(gone, before), page) {
		t.Error("with the first catalogue again it is not the first page again")
	}
}

// Words cannot end the block that they are in, nor become a script.
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
		page := draw(t, r, storefront.PageInput{Shop: shop, Design: d, Persona: "explorer"})
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
	page := draw(f, r, storefront.PageInput{Shop: shop, Design: design.Default(shop), Persona: "explorer"})
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
		page := draw(t, r, storefront.PageInput{Shop: shop, Design: d, Persona: "explorer"})
		checkSafe(t, page, style, script)
		if again, err := gate.ReadStored(page, shop); err != nil || !bytes.Equal(draw(t, r, storefront.PageInput{Shop: shop, Design: again, Persona: "explorer"}), page) {
			t.Fatalf("what was drawn again is drawn otherwise the next time: %v", err)
		}
	})
}

// Redrawing is what a page costs at its first visit after a change of price.
func BenchmarkRedraw(b *testing.B) {
	shop := cataloguetest.Shop(b, "magic-wands")
	r := renderer(b)
	page := draw(b, r, storefront.PageInput{Shop: shop, Design: design.Template(shop, "explorer", design.Interests{}), Persona: "explorer"})
	b.ReportAllocs()
	for b.Loop() {
		d, err := gate.ReadStored(page, shop)
		if err != nil {
			b.Fatal(err)
		}
		draw(b, r, storefront.PageInput{Shop: shop, Design: d, Persona: "explorer"})
	}
}
