package storefront_test

import (
	"bytes"
	"errors"
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/net/html"

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

// edited is the store with its file changed.
func edited(t testing.TB, slug string, edit func(file map[string]any)) *storefront.Store {
	t.Helper()
	all, err := storefront.ReadStores(fstest.MapFS{slug + ".json": {Data: editedFile(t, slug, edit)}})
	if err != nil {
		t.Fatal(err)
	}
	return all.All()[0]
}

// product is a product of a store's file.
func product(file map[string]any, i int) map[string]any {
	p, _ := file["products"].([]any)[i].(map[string]any)
	return p
}

// Every page of somebody can be drawn again from what it holds, to the byte.
func TestDesignIsReadBack(t *testing.T) {
	r := renderer(t)
	for _, st := range load(t).All() {
		for _, whom := range personas {
			for name, d := range map[string]storefront.Design{
				"template":      storefront.TemplateDesign(st, whom, storefront.Interests{Cart: []string{st.Products[0].ID}}),
				"every section": everySection(t, st, 1, 3),
			} {
				page := draw(t, r, storefront.PageInput{Store: st, Design: d, Persona: whom})
				back, err := storefront.ReadDesign(page, st)
				if err != nil {
					t.Fatalf("%s, %s, %s: %v", st.Slug, whom, name, err)
				}
				if !bytes.Equal(draw(t, r, storefront.PageInput{Store: st, Design: back, Persona: whom}), page) {
					t.Errorf("%s, %s, %s: another page is drawn from what is read back", st.Slug, whom, name)
				}
			}
		}
		fallback := draw(t, r, storefront.PageInput{Store: st, Design: storefront.DefaultDesign(st), Live: true})
		if _, err := storefront.ReadDesign(fallback, st); !errors.Is(err, storefront.ErrNoDesign) {
			t.Errorf("%s: everybody's page: %v, want ErrNoDesign", st.Slug, err)
		}
	}
}

// What is drawn again says what the catalogue and the store say now, and nothing
// that is gone for a while is gone for good.
func TestRedrawnPageSaysWhatIsTrueNow(t *testing.T) {
	r := renderer(t)
	before := store(t, "magic-wands")
	d := storefront.TemplateDesign(before, "explorer", storefront.Interests{})
	page := draw(t, r, storefront.PageInput{Store: before, Design: d, Persona: "explorer"})
	redraw := func(page []byte, st *storefront.Store) []byte {
		t.Helper()
		back, err := storefront.ReadDesign(page, st)
		if err != nil {
			t.Fatal(err)
		}
		return draw(t, r, storefront.PageInput{Store: st, Design: back, Persona: "explorer"})
	}
	id := d.Sections[0].ProductIDs[0]
	after := edited(t, "magic-wands", func(file map[string]any) {
		file["story"].(map[string]any)["body"] = "The bench has moved to the back room."
		for i := range file["products"].([]any) {
			if p := product(file, i); p["id"] == id {
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
	without := edited(t, "magic-wands", func(file map[string]any) {
		var kept []any
		for i, p := range file["products"].([]any) {
			if product(file, i)["id"] != id {
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
	st := store(t, "magic-wands")
	style, script := constants(t, r, st)
	for _, words := range []string{
		`</script><script>never()</script>`, `<!-- <script>`, `--></script>`, "\u2028\u2029", `"}]}; never() //`, `\u003c/script>`, `]]>`, "</ScRiPt >", `<script type="application/json" id="design">{"sections":[]}</script>`,
	} {
		d := storefront.Design{Sections: []storefront.Section{{
			Type: "hero", Headline: "A quiet shelf", Body: words, Eyebrow: words, ProductIDs: []string{words},
			Items: []storefront.Item{{Title: words, Body: words}},
		}}}
		page := draw(t, r, storefront.PageInput{Store: st, Design: d, Persona: "explorer"})
		checkSafe(t, page, style, script)
		if _, err := storefront.ReadDesign(page, st); err != nil {
			t.Errorf("%q: %v", words, err)
		}
	}
}

func TestVersionTellsAssortmentFromFacts(t *testing.T) {
	was := store(t, "magic-wands").Version
	for name, c := range map[string]struct {
		edit func(map[string]any)
		same bool
	}{
		"price":         {func(f map[string]any) { product(f, 0)["priceCents"] = 60_00 }, true},
		"sale":          {func(f map[string]any) { product(f, 0)["salePriceCents"] = 10_00 }, true},
		"stock":         {func(f map[string]any) { product(f, 0)["stock"] = 99 }, true},
		"reviews":       {func(f map[string]any) { product(f, 0)["reviews"] = 999 }, true},
		"story":         {func(f map[string]any) { f["story"].(map[string]any)["headline"] = "Other words" }, true},
		"order":         {func(f map[string]any) { p := f["products"].([]any); p[0], p[1] = p[1], p[0] }, true},
		"name":          {func(f map[string]any) { product(f, 0)["name"] = "Renamed" }, false},
		"description":   {func(f map[string]any) { product(f, 0)["description"] = "Said otherwise." }, false},
		"tags":          {func(f map[string]any) { product(f, 0)["tags"] = []any{"quiet"} }, false},
		"shop's about":  {func(f map[string]any) { f["about"] = "Another shop altogether." }, false},
		"shelf's name":  {func(f map[string]any) { f["collections"].([]any)[0].(map[string]any)["name"] = "Elsewhere" }, false},
		"one more wand": {func(f map[string]any) { f["products"] = append(f["products"].([]any), another(f)) }, false},
	} {
		now := edited(t, "magic-wands", c.edit).Version
		if now == was {
			t.Errorf("%s: the version is the same", name)
		}
		if was.SameAssortment(now) != c.same {
			t.Errorf("%s: the assortment is the same: %t", name, !c.same)
		}
	}
	if was.SameAssortment("0123456789ab") || was.SameAssortment("") {
		t.Error("a version of another form counts as the same assortment")
	}
}

// another is a product like the first, under an id of its own.
func another(file map[string]any) map[string]any {
	p := maps.Clone(product(file, 0))
	p["id"], p["name"] = "newcomer", "Newcomer"
	return p
}

func FuzzReadDesign(f *testing.F) {
	st := store(f, "magic-wands")
	r := renderer(f)
	style, script := constants(f, r, st)
	page := draw(f, r, storefront.PageInput{Store: st, Design: storefront.DefaultDesign(st), Persona: "explorer"})
	_, block, _ := bytes.Cut(page, []byte(`id="design">`))
	block, _, _ = bytes.Cut(block, []byte("</script>"))
	f.Add(block)
	f.Add(block[:len(block)/2])
	f.Add([]byte(`{"sections":[{"type":"hero","headline":"A</script>b"}]}`))
	f.Add([]byte(`{"sections":[{"type":"faq","items":[{"title":"<!--","body":"-->"}]}]}</script><script>never()</script>`))
	f.Fuzz(func(t *testing.T, block []byte) {
		document := append([]byte(`<!doctype html><script type="application/json" id="design">`), append(block, "</script>"...)...)
		d, err := storefront.ReadDesign(document, st)
		if err != nil {
			if !errors.Is(err, storefront.ErrNoDesign) {
				t.Fatalf("error %v does not wrap ErrNoDesign", err)
			}
			return
		}
		page := draw(t, r, storefront.PageInput{Store: st, Design: d, Persona: "explorer"})
		checkSafe(t, page, style, script)
		if again, err := storefront.ReadDesign(page, st); err != nil || !bytes.Equal(draw(t, r, storefront.PageInput{Store: st, Design: again, Persona: "explorer"}), page) {
			t.Fatalf("what was drawn again is drawn otherwise the next time: %v", err)
		}
	})
}

// Redrawing is what a page costs at its first visit after a change of price.
func BenchmarkRedraw(b *testing.B) {
	st := store(b, "magic-wands")
	r := renderer(b)
	page := draw(b, r, storefront.PageInput{Store: st, Design: storefront.TemplateDesign(st, "explorer", storefront.Interests{}), Persona: "explorer"})
	b.ReportAllocs()
	for b.Loop() {
		d, err := storefront.ReadDesign(page, st)
		if err != nil {
			b.Fatal(err)
		}
		draw(b, r, storefront.PageInput{Store: st, Design: d, Persona: "explorer"})
	}
}
