package storefront_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/storefront"
)

// one wraps a section into a whole answer.
func one(section string) string {
	return `{"theme":{"palette":"forest"},"sections":[` + section + `]}`
}

const (
	good = `{"theme":{"palette":"midnight","typeface":"modern","density":"airy","corner":"round","motion":"lively"},` +
		`"sections":[{"type":"hero","variant":"banner","headline":"A quiet shelf","body":"Made for slow evenings.","actionLabel":"Look around","productIds":["nightjar"]},` +
		`{"type":"product-grid","headline":"Three to hold","productIds":["halcyon","rosewarden","willowmere"]}]}`
	hero = `{"type":"hero","headline":"A quiet shelf"}`
)

// Answers as models, and people who write to models, give them. never is what
// must not show on the page; sees what must.
var answers = []struct {
	name   string
	answer string
	types  string // of the sections that are left, or "" if there is no design
	rep    storefront.Report
	sees   string
	never  string
}{
	{name: "good", answer: good, types: "hero product-grid", sees: "A quiet shelf"},
	{name: "fenced", answer: "```json\n" + good + "\n```", types: "hero product-grid"},
	{name: "fence without language", answer: "```\n" + good + "\n```", types: "hero product-grid"},
	{name: "fence left open", answer: "Here it is:\n```json\n" + good, types: "hero product-grid"},
	{name: "prose around", answer: "Sure! {I hope} this helps.\n" + good + "\nEnjoy {it}.", types: "hero product-grid"},
	{name: "byte order mark", answer: "\xef\xbb\xbf" + good, types: "hero product-grid"},
	{name: "thinking aloud", answer: `<think>Maybe {"sections":[{"type":"hero","headline":"never"}]}?</think>` + good, types: "hero product-grid", never: "never"},
	{name: "thinking aloud without an answer", answer: "<think>" + good + "</think>"},
	{name: "trailing braces", answer: good + "}}}]", types: "hero product-grid"},

	{name: "empty", answer: ""},
	{name: "white space", answer: " \n\t "},
	{name: "null", answer: "null"},
	{name: "number", answer: "42"},
	{name: "string", answer: `"hero"`},
	{name: "list", answer: `[` + hero + `]`},
	{name: "empty object", answer: "{}"},
	{name: "error object", answer: `{"error":{"message":"overloaded"}}`},
	{name: "refusal", answer: "I'm sorry, I can't help with that."},
	{name: "no sections", answer: `{"theme":{"palette":"forest"},"sections":[]}`},
	{name: "sections null", answer: `{"sections":null}`},
	{name: "sections object", answer: `{"sections":{"hero":` + hero + `}}`},
	{name: "sections string", answer: `{"sections":"hero"}`},
	{name: "sections of rubbish", answer: `{"sections":[null,1,"x",[],true]}`},
	{name: "binary", answer: "\x00\x01\xff\xfe{\x00"},
	{name: "only unknown types", answer: one(`{"type":"iframe","headline":"x"},{"type":"script"}`)},
	{name: "too deep", answer: one(`{"type":"hero","headline":"x","items":` + strings.Repeat("[", 50_000) + strings.Repeat("]", 50_000) + `}`)},
	{name: "too deep, unclosed", answer: `{"sections":` + strings.Repeat("[", 100_000)},
	{name: "too deep objects", answer: strings.Repeat(`{"a":`, 40_000)},
	{name: "many braces", answer: strings.Repeat("{", 7) + strings.Repeat("{} ", 60_000)},
	{name: "10 MB", answer: `{"sections":[` + hero + `],"pad":"` + strings.Repeat("x", 10<<20) + `"}`},
	{name: "case matters", answer: `{"Sections":[` + hero + `]}`},

	{name: "broken off in a section", answer: good[:len(good)-40], types: "hero", rep: storefront.Report{DroppedSections: 1, Salvaged: true}},
	{name: "broken off after a section", answer: `{"sections":[` + hero, types: "hero", rep: storefront.Report{Salvaged: true}},
	{name: "broken off in the theme", answer: `{"sections":[` + hero + `],"theme":{"palette":"fo`, types: "hero", rep: storefront.Report{Salvaged: true}},
	{name: "missing comma", answer: `{"sections":[` + hero + hero + `]}`, types: "hero", rep: storefront.Report{DroppedSections: 1, Salvaged: true}},

	{name: "unknown type", answer: one(hero + `,{"type":"iframe","headline":"never"}`), types: "hero", rep: storefront.Report{DroppedSections: 1}, never: "never"},
	{name: "type of wrong type", answer: one(hero + `,{"type":["hero"],"headline":"never"}`), types: "hero", rep: storefront.Report{DroppedSections: 1, DroppedFields: 1}, never: "never"},
	{name: "unknown variant", answer: one(`{"type":"hero","variant":"popup","headline":"A quiet shelf"}`), types: "hero", rep: storefront.Report{DroppedFields: 1}},
	{name: "variant of another type", answer: one(`{"type":"hero","variant":"table","headline":"A quiet shelf"}`), types: "hero", rep: storefront.Report{DroppedFields: 1}},
	{name: "unknown fields", answer: `{"version":2,"theme":{"palette":"forest","font":"Comic"},"sections":[{"type":"hero","headline":"A quiet shelf","style":"color:red","onclick":"never()","html":"<b>never</b>"}]}`, types: "hero", rep: storefront.Report{DroppedFields: 5}, never: "never"},
	{name: "theme out of the choices", answer: `{"theme":{"palette":"\" onload=never","motion":7},"sections":[` + hero + `]}`, types: "hero", rep: storefront.Report{DroppedFields: 2}, never: "never"},
	{name: "theme of wrong type", answer: `{"theme":"dark","sections":[` + hero + `]}`, types: "hero", rep: storefront.Report{DroppedFields: 1}},
	{name: "null fields", answer: one(`{"type":"hero","variant":null,"headline":"A quiet shelf","body":null,"productIds":null,"items":null}`), types: "hero"},
	{name: "wrong types", answer: one(`{"type":"hero","headline":"A quiet shelf","body":{"text":"never"},"eyebrow":1,"actionLabel":[],"productIds":"nightjar","items":{}}`), types: "hero", rep: storefront.Report{DroppedFields: 5}, never: "never"},
	{name: "keys twice", answer: `{"theme":{"palette":"pink"},"theme":{"palette":"forest"},"sections":[{"type":"hero","headline":"never","headline":"A quiet shelf"}]}`, types: "hero", sees: "A quiet shelf", never: "never"},
	{name: "sections twice", answer: `{"sections":[{"type":"hero","headline":"never"}],"sections":[` + hero + `]}`, types: "hero", never: "never"},

	{name: "invented products", answer: one(`{"type":"product-grid","headline":"Ours","productIds":["elder-wand","halcyon","../../etc/passwd","halcyon",7,null,{"id":"nightjar"}]}`), types: "product-grid", rep: storefront.Report{DroppedProducts: 6}, sees: "Halcyon", never: "elder-wand"},
	{name: "only invented products", answer: one(hero + `,{"type":"spotlight","headline":"never","productIds":["sword-of-ages"]}`), types: "hero", rep: storefront.Report{DroppedProducts: 1, DroppedSections: 1}, never: "sword"},
	{name: "deals not on sale", answer: one(`{"type":"deals","headline":"Kinder","productIds":["nightjar","thornbrook"]}`), types: "deals", rep: storefront.Report{DroppedProducts: 1}, sees: "$49"},
	{name: "too many products", answer: one(`{"type":"spotlight","headline":"One","productIds":["nightjar","halcyon","rosewarden"]}`), types: "spotlight", rep: storefront.Report{DroppedProducts: 2}},
	{name: "too many sections", answer: one(hero + strings.Repeat(`,{"type":"collections"}`, 60)), types: "hero" + strings.Repeat(" collections", 24), rep: storefront.Report{DroppedSections: 36}},
	{name: "too many items", answer: one(`{"type":"guide","headline":"Care","items":[` + strings.Repeat(`{"title":"Oil it","body":"Now and then."},`, 9) + `null]}`), types: "guide", rep: storefront.Report{DroppedFields: 4}},
	{name: "items without titles", answer: one(hero + `,{"type":"faq","headline":"Ask away","items":[{"body":"Because."},{"title":"<script>"}]}`), types: "hero faq", rep: storefront.Report{DroppedFields: 2}, sees: "Ask away", never: "Because"},

	{name: "prices in fields", answer: one(`{"type":"product-grid","headline":"Ours","price":1,"priceCents":1,"productIds":["nightjar"]}`), types: "product-grid", rep: storefront.Report{DroppedFields: 2}, sees: "$189"},
	{name: "prices in copy", answer: one(`{"type":"hero","headline":"Nightjar for $9.99","body":"A fine wand. Today 50% off! It listens.","eyebrow":"Only 3 EUR","actionLabel":"Save 20 now","productIds":["nightjar"]}`), types: "hero", rep: storefront.Report{DroppedClaims: 4}, sees: "A fine wand. It listens.", never: "9.99"},
	{name: "stock in copy", answer: one(`{"type":"hero","headline":"A quiet shelf","body":"Only 7 left. Hurry never was our way."}`), types: "hero", rep: storefront.Report{DroppedClaims: 1}, never: "7 left"},
	{name: "foreign addresses", answer: one(`{"type":"hero","headline":"A quiet shelf","body":"Visit https://evil.example/now. Or evil-shop.example too. Write to me@evil.example. Stay a while."}`), types: "hero", rep: storefront.Report{DroppedClaims: 3}, sees: "Stay a while.", never: "evil"},
	{name: "script tag", answer: one(`{"type":"hero","headline":"A quiet shelf<script>never()</script>","body":"<script src=//evil.example></script>Calm."}`), types: "hero", sees: "Calm.", never: "never"},
	{name: "broken out of script", answer: one(`{"type":"hero","headline":"A quiet shelf","body":"</script></style><script>never()</script> Calm."}`), types: "hero", sees: "Calm.", never: "never"},
	{name: "event handler", answer: one(`{"type":"hero","headline":"A quiet <img src=x onerror=never()> shelf","body":"\" onmouseover=\"alert(1)"}`), types: "hero", sees: "A quiet shelf", never: "never"},
	{name: "javascript address", answer: one(`{"type":"hero","headline":"A quiet shelf","actionLabel":"javascript:never()","action":{"href":"javascript:never()"}}`), types: "hero", rep: storefront.Report{DroppedFields: 1, DroppedClaims: 1}, never: "never"},
	{name: "template actions", answer: one(`{"type":"hero","headline":"{{.Store.Slug}} A quiet shelf","body":"{{template \"script\"}}"}`), types: "hero", sees: "{{.Store.Slug}}"},
	{name: "escaped markup", answer: one(`{"type":"hero","headline":"\u003csvg onload=never()\u003eA quiet shelf","body":"&lt;iframe src=//x&gt;never&lt;/iframe&gt; Calm."}`), types: "hero", sees: "Calm.", never: "never"},
	{name: "bidi overrides", answer: one(`{"type":"hero","headline":"A \u202equiet\u2066 shelf\u200f"}`), types: "hero", sees: "A quiet shelf"},
	{name: "control characters", answer: one(`{"type":"hero","headline":"A\u0000 quiet\u001b[31m shelf\u0007"}`), types: "hero", sees: "A quiet[31m shelf"},
	{name: "lone surrogates", answer: one(`{"type":"hero","headline":"A quiet shelf \ud800"}`), types: "hero", sees: "A quiet shelf"},
	{name: "long copy", answer: one(`{"type":"hero","headline":"` + strings.Repeat("quiet ", 200) + `","body":"` + strings.Repeat("word ", 5000) + `"}`), types: "hero", rep: storefront.Report{CutFields: 2}, sees: "quiet…"},
	{name: "one long word", answer: one(`{"type":"hero","headline":"` + strings.Repeat("x", 5000) + `"}`), types: "hero", rep: storefront.Report{CutFields: 1}},
	{name: "quote without words", answer: one(`{"type":"quote","body":""},` + hero), types: "quote hero", sees: "least sensible"},

	{name: "HTML document", answer: `<!doctype html><html><head><title>never</title><style>.never{}</style><script>never()</script></head><body onload="never()">` +
		`<h1>A quiet shelf</h1><p>Made for slow evenings.</p><a href="https://evil.example">evil</a>` +
		`<h2>Three to hold</h2><ul><li>Halcyon for $5</li><li>Nightjar</li></ul>` +
		`<h2>How to care</h2><ol><li>Oil it.</li><li>Let it rest.</li></ol><h2>Our way</h2><p>One branch.</p><blockquote>Nothing here is hurried.</blockquote></body></html>`,
		types: "hero product-grid guide story", rep: storefront.Report{Salvaged: true}, sees: "Nothing here is hurried.", never: "never"},
	{name: "HTML in a fence", answer: "```html\n<section><h1>A quiet shelf</h1><p>Slow evenings.</p></section>\n```", types: "hero", rep: storefront.Report{Salvaged: true}, sees: "Slow evenings."},
	{name: "HTML product cards", answer: `<div><h2>Ours</h2><div data-id="nightjar"><h3>Nightjar</h3><p>never, $3</p></div><div><a href="/p/halcyon"><h3>Halcyon</h3></a><span>$1</span></div></div>`,
		types: "hero product-grid", rep: storefront.Report{Salvaged: true}, sees: "$189", never: "never"},
	{name: "HTML without words", answer: `<html><body><script>never()</script><img src=x onerror=never()></body></html>`},
	{name: "HTML, deeply nested", answer: strings.Repeat("<div>", 40_000) + "<h1>A quiet shelf</h1><p>Calm.</p>"},
	{name: "HTML, mis-nested tables", answer: "<h1>A quiet shelf</h1>" + strings.Repeat("<table><b><td>", 8_000), types: "hero", rep: storefront.Report{Salvaged: true}},
	{name: "HTML, unclosed comment", answer: "<h1>A quiet shelf</h1><p>Calm.</p><!-- <h2>never</h2>", types: "hero", rep: storefront.Report{Salvaged: true}, never: "never"},
	{name: "HTML, unclosed attribute", answer: `<h1>A quiet shelf</h1><p>Calm.</p><a href="never`, types: "hero", rep: storefront.Report{Salvaged: true}, never: "never"},
	{name: "HTML, a script in SVG", answer: `<h1>A quiet shelf</h1><svg><script>never()</script><text>never</text></svg><p>Calm.</p>`, types: "hero", rep: storefront.Report{Salvaged: true}, never: "never"},
}

func TestParseAnswer(t *testing.T) {
	if len(answers) < 60 {
		t.Errorf("%d answers, want at least 60", len(answers))
	}
	st := store(t, "magic-wands")
	r := renderer(t)
	style, script := constants(t, r, st)
	for _, tt := range answers {
		t.Run(tt.name, func(t *testing.T) {
			d, rep, err := storefront.ParseAnswer([]byte(tt.answer), st)
			if tt.types == "" {
				if !errors.Is(err, storefront.ErrNoDesign) {
					t.Fatalf("design %+v, error %v, want one that wraps ErrNoDesign", d, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var types []string
			for _, s := range d.Sections {
				types = append(types, s.Type)
			}
			if got := strings.Join(types, " "); got != tt.types {
				t.Errorf("sections are %q, want %q", got, tt.types)
			}
			if rep != tt.rep {
				t.Errorf("report %+v, want %+v", rep, tt.rep)
			}
			page := draw(t, r, storefront.PageInput{Store: st, Design: d})
			checkSafe(t, page, style, script)
			text := words(parse(t, page))
			if !strings.Contains(text, tt.sees) {
				t.Errorf("the page does not say %q", tt.sees)
			}
			if tt.never != "" && strings.Contains(strings.ReplaceAll(text, "Never varnish", ""), tt.never) {
				t.Errorf("the page says %q", tt.never)
			}
		})
	}
}

// A model is asked again with the error: it must say what to do and not repeat
// what it was given.
func TestErrorsAreFitForTheModel(t *testing.T) {
	st := store(t, "magic-wands")
	for _, answer := range []string{"SECRET", "<p>SECRET", `{"sections":["SECRET"]}`, `{"SECRET":1}`} {
		_, _, err := storefront.ParseAnswer([]byte(answer), st)
		if err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: error %v", answer, err)
		}
	}
}

func TestOneStoresProductsAreUnknownToAnother(t *testing.T) {
	tea := store(t, "whitby-tea")
	d, rep, err := storefront.ParseAnswer([]byte(good), tea)
	if err != nil {
		t.Fatal(err)
	}
	foreign := func(id string) bool {
		_, ok := tea.Product(id)
		return !ok
	}
	if rep.DroppedProducts != 4 || slices.ContainsFunc(d.Sections, func(s storefront.Section) bool { return slices.ContainsFunc(s.ProductIDs, foreign) }) {
		t.Errorf("design %+v, report %+v: wands in a tea room", d, rep)
	}
}

func FuzzParseAnswer(f *testing.F) {
	for _, a := range answers {
		if len(a.answer) < 4096 {
			f.Add([]byte(a.answer))
		}
	}
	st := store(f, "magic-wands")
	r := renderer(f)
	style, script := constants(f, r, st)
	f.Fuzz(func(t *testing.T, answer []byte) {
		d, _, err := storefront.ParseAnswer(answer, st)
		if err != nil {
			if !errors.Is(err, storefront.ErrNoDesign) {
				t.Fatalf("error %v does not wrap ErrNoDesign", err)
			}
			return
		}
		if len(d.Sections) == 0 || len(d.Sections) > 25 {
			t.Fatalf("%d sections", len(d.Sections))
		}
		checkSafe(t, draw(t, r, storefront.PageInput{Store: st, Design: d, Live: true}), style, script)
	})
}
