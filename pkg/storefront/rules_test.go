package storefront_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/text/unicode/norm"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/design/gate"
	"github.com/wandstore/wandstore/pkg/persona"
	"github.com/wandstore/wandstore/pkg/storefront"
)

type object = map[string]any

// Products of the merchant's rules in these tests.
const (
	pinned, promoted, demoted, excluded, excludedForSome, excludedLater = "emberhollow", "rosewarden", "nightjar", "oakenfell", "halcyon", "maplesong"
)

var neverSaid = []string{"cheap", "miracle cure", "clinically proven", "最安値", "wunderwaffe"}

// ruledShop is a shop with a rule of every kind, on the second of December.
func ruledShop(t testing.TB) *catalogue.Shop {
	t.Helper()
	shop := cataloguetest.Edited(t, "magic-wands", func(d object) {
		d["rules"] = object{
			"voice": "Dry.", "neverSay": neverSaid, "noSections": []string{"quote", "last-pieces"},
			"products": []object{
				{"product": pinned, "do": "pin"}, {"product": promoted, "do": "promote"}, {"product": demoted, "do": "demote"},
				{"product": excluded, "do": "exclude"}, {"product": excludedForSome, "do": "exclude", "personas": []string{persona.Explorer}},
				{"product": excludedLater, "do": "exclude", "from": "2026-12-24"},
			},
			"campaigns": []object{
				{"id": "advent", "headline": "Four Sundays of light", "body": "One wand a week.", "products": []string{promoted, excluded}, "from": "2026-12-01", "until": "2026-12-24"},
				{"id": "sale", "headline": "After the feast", "from": "2026-12-27"},
				{"id": "for-explorers", "headline": "Further still", "collection": "first", "personas": []string{persona.Explorer}},
			},
		}
	})
	return shop.On(day("2026-12-02"))
}

func day(text string) time.Time {
	t, _ := time.Parse(time.DateOnly, text)
	return t
}

// evasions write a word so that it is read all the same.
var evasions = []func(r *rand.Rand, s string) string{
	func(_ *rand.Rand, s string) string { return s },
	func(_ *rand.Rand, s string) string { return strings.ToUpper(s) },
	func(r *rand.Rand, s string) string { return between(r, s, "\u200b", 1) },
	func(r *rand.Rand, s string) string { return between(r, s, "\u00ad", 1) },
	func(r *rand.Rand, s string) string { return between(r, s, "\u2063", 3) },
	func(r *rand.Rand, s string) string { return between(r, s, "\u0336", 99) },
	func(r *rand.Rand, s string) string { return between(r, s, "<b></b>", 1) },
	func(r *rand.Rand, s string) string { return between(r, s, "**", 1) },
	func(r *rand.Rand, s string) string { return between(r, s, "&shy;", 1) },
	func(r *rand.Rand, s string) string { return between(r, s, "&amp;shy;", 1) },
	func(r *rand.Rand, s string) string { return between(r, s, "<!-- -->", 1) },
	func(_ *rand.Rand, s string) string { return strings.Join(strings.Split(s, ""), " ") },
	func(_ *rand.Rand, s string) string { return strings.Join(strings.Split(s, ""), ".") },
	func(_ *rand.Rand, s string) string { return strings.ReplaceAll(s, " ", "\u00a0") },
	func(_ *rand.Rand, s string) string { return strings.ReplaceAll(s, " ", ". ") },
	func(_ *rand.Rand, s string) string {
		return strings.Map(func(r rune) rune {
			if r > ' ' && r < 0x7f {
				return r + 0xfee0
			}
			return r
		}, s)
	},
	func(_ *rand.Rand, s string) string {
		var b strings.Builder
		for _, r := range s {
			fmt.Fprintf(&b, "&#%d;", r)
		}
		return b.String()
	},
	func(_ *rand.Rand, s string) string {
		return strings.NewReplacer("a", "а", "c", "с", "e", "е", "o", "ο", "i", "і").Replace(s)
	},
	func(_ *rand.Rand, s string) string { return norm.NFD.String(strings.ReplaceAll(s, "a", "á")) },
	func(_ *rand.Rand, s string) string { return "“" + s + "”—!" },
}

// between puts the piece between letters of s, at up to n places.
func between(r *rand.Rand, s, piece string, n int) string {
	letters := strings.Split(s, "")
	for range min(n, len(letters)-1) {
		i := r.IntN(len(letters) - 1)
		letters[i] += piece
	}
	return strings.Join(letters, "")
}

// disobedient is the answer of a model that breaks every rule: it says what is never said,
// in one of many ways and places, shows what is excluded and puts last first.
func disobedient(t *testing.T, r *rand.Rand) string {
	t.Helper()
	word := neverSaid[r.IntN(len(neverSaid))]
	text := evasions[r.IntN(len(evasions))](r, word)
	if r.IntN(8) == 0 {
		return `<html><body><h1>The ` + text + ` shop</h1><p>It is ` + text + ` indeed.</p><ul><li>One ` + text + `</li><li>Two</li></ul><h2>More</h2><a href="/p/` + excluded + `">x</a><a href="/p/` + demoted + `">x</a><p>A wand that is good. It is <i>` + strings.Join(strings.Split(word, ""), "</i><i>") + `</i>.</p></body></html>`
	}
	half := len([]rune(word)) / 2
	head, tail := string([]rune(word)[:half]), string([]rune(word)[half:])
	ids := []string{demoted, excluded, excludedForSome, promoted, "winter-hornbeam", pinned}
	r.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	sections := []object{
		{"type": "hero", "variant": "split", "eyebrow": "So " + text, "headline": "A wand, " + text, "body": "Fine. Truly " + text + ".", "productIds": []string{demoted}},
		{"type": "story", "headline": "Nothing but " + head, "body": tail + " indeed, and more of it."},
		{"type": "guide", "headline": "How", "items": []object{{"title": "A " + text + " way", "body": "Yes."}, {"title": "Another", "body": "So " + text}}},
		{"type": "product-grid", "headline": "For you", "body": text, "actionLabel": text, "productIds": ids},
		{"type": "spotlight", "headline": text, "productIds": []string{excluded}},
		{"type": "quote", "body": "A " + text + " it is."},
		{"type": "last-pieces", "headline": "Hurry"},
		{"type": "faq", "headline": "Asked", "items": []object{{"title": "Is it " + head, "body": tail + "?"}}},
		{"type": "thanks", "eyebrow": "so " + head, "headline": tail + " it is", "body": "Thank you."},
		{"type": "campaign", "headline": "Mine"},
		{"type": "story", "headline": "A wand", "body": "It is " + head},
		{"type": "story", "headline": tail, "body": "So it is."},
	}
	r.Shuffle(len(sections), func(i, j int) { sections[i], sections[j] = sections[j], sections[i] })
	b, err := json.Marshal(object{"theme": object{"palette": "ember"}, "sections": sections[:3+r.IntN(len(sections)-3)]})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Whatever a model answers, no rule of the merchant is broken on a page, nor on one that is
// rendered from what was stored before there was a rule.
func TestADisobedientModelBreaksNoRule(t *testing.T) {
	t.Parallel()
	shop, free, r := ruledShop(t), cataloguetest.Shop(t, "magic-wands"), renderer(t)
	rng := rand.New(rand.NewPCG(15, 60))
	for i := range 60 {
		answer := disobedient(t, rng)
		name := persona.All()[i%len(persona.All())]
		for from, parsedFor := range map[string]*catalogue.Shop{"answered": shop, "stored": free} {
			d, _, err := gate.Parse([]byte(answer), parsedFor)
			if err != nil {
				d = design.Template(shop, name, design.Interests{})
			}
			d = d.OpenFor(parsedFor, name, design.Interests{RecentProducts: []string{excluded, demoted}, Cart: []string{excludedForSome}})
			page := render(t, r, storefront.PageInput{Shop: shop, Design: d, Persona: name})
			if broken := brokenRules(shop, name, page); len(broken) > 0 {
				t.Errorf("answer %d, %s, for %s: %s\n%s", i, from, name, strings.Join(broken, "; "), answer)
			}
			stored, err := gate.ReadStored(page, shop)
			if err != nil {
				t.Fatalf("answer %d: %v", i, err)
			}
			sections, err := r.Sections(storefront.PageInput{Shop: shop, Design: stored, Persona: name}, 0)
			if err != nil || !strings.Contains(string(page), sectionOf(sections[len(sections)-1])) {
				t.Errorf("answer %d: the sections that come one by one are others than the page's (%v)", i, err)
			}
		}
	}
}

// sectionOf is the section element of a rendered section, without the drawings before it.
func sectionOf(rendered string) string {
	_, section, _ := strings.Cut(rendered, "<section")
	return "<section" + section
}

// brokenRules names the rules of ruledShop that a page of the persona breaks.
func brokenRules(shop *catalogue.Shop, personaName string, page []byte) []string {
	var broken []string
	fail := func(format string, args ...any) { broken = append(broken, fmt.Sprintf(format, args...)) }
	root, err := html.Parse(strings.NewReader(string(page)))
	if err != nil {
		return []string{err.Error()}
	}
	seen := readable(root)
	for _, word := range neverSaid {
		if plain := strings.Join(strings.FieldsFunc(strings.ToLower(norm.NFKC.String(strings.Join(seen, " "))), func(r rune) bool {
			return !unicode.IsLetter(r)
		}), " "); strings.Contains(" "+plain+" ", " "+word+" ") {
			fail("says %q", word)
		}
	}
	if shop.Forbids(seen...) {
		fail("says what it never says")
	}
	links, lists := map[string]bool{}, [][]string{}
	campaigns := []string{}
	for _, section := range elements(root, "section") {
		if campaign := attr(section, "data-campaign"); campaign != "" {
			campaigns = append(campaigns, campaign)
		}
		for _, unwanted := range []string{"quote", "last-pieces"} {
			if strings.HasPrefix(attr(section, "class"), unwanted+" ") {
				fail("has a section %s", unwanted)
			}
		}
		var list []string
		for _, a := range elements(section, "a") {
			if _, id, ok := strings.Cut(attr(a, "href"), "/p/"); ok && !slices.Contains(list, id) {
				list = append(list, id)
				links[id] = true
			}
		}
		if class := attr(section, "class"); strings.HasPrefix(class, "product-grid") || strings.HasPrefix(class, "hero") || strings.HasPrefix(class, "spotlight") {
			lists = append(lists, list)
		}
	}
	want := []string{"advent"}
	if personaName == persona.Explorer {
		want = append(want, "for-explorers")
	}
	if !slices.Equal(campaigns, want) {
		fail("campaigns %v, want %v", campaigns, want)
	}
	if !links[pinned] || links[excluded] || personaName == persona.Explorer && links[excludedForSome] {
		fail("products %v", links)
	}
	for _, list := range lists {
		order := func(id string) int {
			return 1 + slices.Index([]string{pinned, promoted}, id)
		}
		for i := range list {
			switch {
			case i > 0 && order(list[i]) > 0 && (order(list[i-1]) == 0 || order(list[i-1]) > order(list[i])):
				fail("order %v", list)
			case list[i] == demoted && (i < len(list)-1 || len(list) == 1):
				fail("the demoted one in %v", list)
			}
		}
	}
	return broken
}

// readable is the texts that a page shows or reads out, in their order.
func readable(root *html.Node) []string {
	var all []string
	for n := range root.Descendants() {
		switch {
		case n.Type == html.TextNode && n.Parent.Data != "style" && (n.Parent.Data != "script" || attr(n.Parent, "type") == "application/json"):
			all = append(all, n.Data)
		case n.Type == html.ElementNode:
			for _, a := range n.Attr {
				if slices.Contains([]string{"alt", "title", "aria-label", "placeholder", "value"}, a.Key) || a.Key == "content" && attr(n, "name") == "description" {
					all = append(all, a.Val)
				}
			}
		}
	}
	return all
}

// Tags are words of the shop as others are.
func TestTagsThatAreNeverSaidAreNotShown(t *testing.T) {
	shop := cataloguetest.Edited(t, "magic-wands", func(d object) {
		d["rules"] = object{"neverSay": []string{"cheap"}}
		cataloguetest.Product(d, 0)["tags"] = []string{"oak", "so CHEAP"}
	})
	page, err := renderer(t).Product(storefront.ProductInput{Shop: shop, Product: shop.Products[0]})
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.ToLower(string(page)); strings.Contains(text, "cheap") || !strings.Contains(text, "<bdi>oak</bdi>") {
		t.Error("the page has the tag that is never said, or lacks the other one")
	}
}

// A page that is rendered on another day has that day's campaigns and products.
func TestRulesAtTheirDates(t *testing.T) {
	t.Parallel()
	shop, r := ruledShop(t), renderer(t)
	d := design.Design{Sections: []design.Section{{Type: "product-grid", Headline: "All", ProductIDs: []string{excludedLater, excluded, pinned}}}}
	for date, want := range map[string]string{
		"2026-11-30": "[for-explorers] true", "2026-12-01": "[advent for-explorers] true", "2026-12-24": "[advent for-explorers] false",
		"2026-12-25": "[for-explorers] false", "2026-12-27": "[sale for-explorers] false",
	} {
		page := render(t, r, storefront.PageInput{Shop: shop.On(day(date)), Design: d, Persona: persona.Explorer})
		root := parse(t, page)
		var campaigns []string
		for _, s := range elements(root, "section") {
			if id := attr(s, "data-campaign"); id != "" {
				campaigns = append(campaigns, id)
			}
		}
		has := slices.ContainsFunc(elements(root, "a"), func(a *html.Node) bool { return strings.HasSuffix(attr(a, "href"), "/p/"+excludedLater) })
		if got := fmt.Sprint(campaigns, has); got != want {
			t.Errorf("%s: %s, want %s", date, got, want)
		}
		if stored, err := gate.ReadStored(page, shop); err != nil || !slices.Contains(stored.Sections[0].ProductIDs, excludedLater) || len(stored.Sections) != 1 {
			t.Errorf("%s: what is stored has changed: %+v, %v", date, stored, err)
		}
	}
}

// A shop of whose products the rules leave nothing still has a page.
func TestRulesThatLeaveNothing(t *testing.T) {
	t.Parallel()
	r := renderer(t)
	shop := cataloguetest.Edited(t, "magic-wands", func(d object) {
		var all []object
		for _, p := range cataloguetest.Shop(t, "magic-wands").Products {
			all = append(all, object{"product": p.ID, "do": "exclude"})
		}
		d["rules"] = object{"products": all, "sections": []string{"no-such-type"}, "neverSay": []string{"wand*", "the", "a"}}
	})
	for _, name := range append(personas, "") {
		render(t, r, storefront.PageInput{Shop: shop, Design: design.Template(shop, name, design.Interests{}), Persona: name})
	}
	for _, render := range []func() ([]byte, error){
		func() ([]byte, error) { return r.Search(storefront.SearchInput{Shop: shop}) },
		func() ([]byte, error) {
			return r.Cart(storefront.CartInput{Shop: shop, Lines: []storefront.CartLine{{Key: pinned, Quantity: 1}}})
		},
	} {
		if _, err := render(); err != nil {
			t.Error(err)
		}
	}
}
