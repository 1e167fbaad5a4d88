package catalogue_test

import (
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
)

func silent(t testing.TB, words ...any) *catalogue.Shop {
	t.Helper()
	return cataloguetest.Edited(t, "magic-wands", func(d doc) { d["rules"] = doc{"neverSay": words} })
}

func TestForbiddenWords(t *testing.T) {
	t.Parallel()
	shop := silent(t, "cheap", "Miracle cure", "guarant*", "100%", "Straße", "最安値", "ถูก", "чудо", "기적", "naïve", "ΘΑΥΜΑ")
	for text, want := range map[string]bool{
		"Cheap wands":               true,
		"CHEAP!":                    true,
		"A cheap-looking wand":      true,
		"“cheap”":                   true,
		"Cheaper than before":       false,
		"A cheapskate":              false,
		"Hard to cheat, a pleasure": false,
		"A miracle cure":            true,
		"A miracle\n\ncure":         true,
		"A miracle, a cure":         false,
		"miracle-cure":              true,
		"A miracle":                 false,
		"We guarantee it":           true,
		"Guaranteed":                true,
		"The guarantor":             true,
		"Ungaranteed":               false,
		"100% willow":               true,
		"100 ％ willow":              true,
		"100 years old":             false,
		"1100%":                     false,
		"In der STRASSE":            true,
		"ここは最安値です":                  true,
		"ไม้กายสิทธิ์ราคาถูกมาก": true,
		"Это ЧУДО":                    true,
		"чудовище":                    false,
		"이것은 기적의 약":                   true,
		"a naive wand":                true,
		"θαυμα":                       true,
		"che\u200bap":                 true, // zero-width space
		"che\u00adap":                 true, // soft hyphen
		"che\u2060ap":                 true, // word joiner
		"c\ufeffheap":                 true, // byte order mark
		"che\ufe0fap":                 true, // variation selector
		"che\U000e0020ap":             true, // tag
		"ｃｈｅａｐ":                       true, // full width
		"𝐜𝐡𝐞𝐚𝐩 𝓌ands":                 true, // mathematical
		"ⓒⓗⓔⓐⓟ":                       true,
		"🅲🅷🅴🅰🅿":                       true,
		"🇨🇭🇪🇦🇵":                       true,
		"ᴄʜᴇᴀᴘ":                       true, // small capitals
		"сhеар":                       true, // Cyrillic with, а, е, р
		"CΗΕΑΡ":                       true, // Greek capitals
		"chéáp":                       true,
		"c̶h̶e̶a̶p̶":                  true, // struck out
		"&#99;heap":                   true,
		"&amp;#x63;heap":              true,
		"che&shy;ap":                  true,
		"c h e a p":                   true,
		"c.h.e.a.p":                   true,
		"c-h-e-a-p":                   true,
		"che🔥ap":                      true,
		"che ap":                      true,
		"ch3ap":                       true,
		"che@p":                       true,
		"":                            false,
		"A wand like any other wand.": false,
	} {
		if got := shop.Forbids(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
		if shop.Forbids(shop.Permitted(text)) {
			t.Errorf("%q: %q is left", text, shop.Permitted(text))
		}
	}
	if !shop.Forbids("Nothing but a miracle", "cure for all") || shop.Forbids("one", "two") {
		t.Error("texts are not read one after the other")
	}
	if got := shop.Permitted("A wand. Cheap too! And light.\n\nGuaranteed."); got != "A wand. And light." {
		t.Errorf("left: %q", got)
	}
	if shop := silent(t); shop.Forbids("cheap") || shop.Permitted("cheap") != "cheap" {
		t.Error("a shop without rules forbids something")
	}
}

// What a shop never says is not in its own texts either; its names stay.
func TestOwnTextsAreSilenced(t *testing.T) {
	t.Parallel()
	shop := cataloguetest.Edited(t, "magic-wands", func(d doc) {
		d["rules"] = doc{"neverSay": []any{"cheap"}}
		d["tagline"], d["about"] = "Cheap, and good", "We make wands. They are cheap."
		d["quotes"] = []any{doc{"text": "Good. And cheap!", "by": "Ada"}}
		d["faq"] = []any{doc{"title": "Is it cheap?", "body": "No."}, doc{"title": "Is it good?", "body": "Yes."}}
		p := cataloguetest.Product(d, 0)
		p["name"], p["description"] = "Cheap wand", "A wand. Not cheap."
		p["descriptionHtml"] = "<p>Light &amp; long. Not c<b>hea</b>p!</p>"
	})
	p := shop.Products[0]
	for got, want := range map[string]string{
		shop.Tagline: "", shop.About: "We make wands.", p.Description: "A wand.", p.DescriptionHTML: "Light &amp; long.", p.Name: "Cheap wand", shop.FAQ[0].Title: "Is it good?",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if len(shop.Quotes) != 0 {
		t.Errorf("a quote with half its words: %v", shop.Quotes)
	}
	imported, err := catalogue.ReadProduct("x", "x", []byte(`{"id":"x","name":"X","description":"So cheap. And red.","collection":"first","priceCents":100,"stock":1}`))
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := shop.With([]*catalogue.Product{imported}).Product("x"); got.Description != "And red." {
		t.Errorf("imported: %q", got.Description)
	}
}

func FuzzPermitted(f *testing.F) {
	for _, s := range []string{"cheap", "c h e a p. miracle\u200b cure", "&#99;heap", "100%", "ｃｈｅａｐ\n\n最安値"} {
		f.Add(s)
	}
	shop := silent(f, "cheap", "miracle cure", "100%", "最安値")
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.ToValidUTF8(text, "")
		if left := shop.Permitted(text); shop.Forbids(left) {
			t.Errorf("%q leaves %q", text, left)
		}
	})
}
