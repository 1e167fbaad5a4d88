package storefront_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/storefront"
)

func TestPagesHaveOnlyTemplateContent(t *testing.T) {
	r := renderer(t)
	style, script := constants(t, r, cataloguetest.Shop(t, "magic-wands"))
	everyPage(t, func(t *testing.T, _ *catalogue.Shop, page []byte) {
		checkSafe(t, page, style, script)
		for _, address := range []string{"http:", "https:", `"//`} {
			if bytes.Contains(page, []byte(address)) {
				t.Errorf("the page holds %s", address)
			}
		}
	})
}

func TestPolicyMatchesThePage(t *testing.T) {
	r := renderer(t)
	header := r.CSP(nil)
	if !strings.Contains(header, "frame-ancestors 'none'") || !strings.HasPrefix(header, "default-src 'none'; ") {
		t.Errorf("policy %q", header)
	}
	everyPage(t, func(t *testing.T, _ *catalogue.Shop, page []byte) {
		root := parse(t, page)
		for element, directive := range map[string]string{"style": "style-src", "script": "script-src"} {
			rendered := elements(root, element)
			if element == "script" {
				rendered = scripts(root)
			}
			rest := page
			_, sources, _ := strings.Cut(header, directive+" ")
			sources, _, _ = strings.Cut(sources, ";")
			for _, n := range rendered {
				// The hash is of the document's bytes, which a parser may change, so the
				// content is taken from the page.
				var content []byte
				_, rest, _ = bytes.Cut(rest, []byte("<"+element+">"))
				content, rest, _ = bytes.Cut(rest, []byte("</"+element+">"))
				sum := sha256.Sum256(content)
				want := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
				if !strings.Contains(sources, want) {
					t.Errorf("policy %q does not hold %q", header, want)
				}
				if n.FirstChild.Data != string(content) {
					t.Errorf("the %s is not read as it is written", element)
				}
			}
		}
		var policies []string
		for _, m := range elements(root, "meta") {
			if attr(m, "http-equiv") == "Content-Security-Policy" {
				policies = append(policies, attr(m, "content"))
			}
		}
		if len(policies) != 1 || policies[0]+"; frame-ancestors 'none'" != header {
			t.Errorf("the page's policies are %q, want the header's without frame-ancestors", policies)
		}
	})
}

func TestScriptsAreSmall(t *testing.T) {
	shop := cataloguetest.Shop(t, "magic-wands")
	r := renderer(t)
	pages := shopPages(t, r, shop)
	for _, live := range []bool{true, false} {
		page := render(t, r, storefront.PageInput{Shop: shop, Design: design.Default(shop), Live: live})
		pages[fmt.Sprint("live ", live)] = page
		if waits := bytes.Contains(page, []byte(`id="live"`)); waits != live {
			t.Errorf("live %t: the page waits for a better one: %t", live, waits)
		}
	}
	_, both := constants(t, r, shop)
	for name, page := range pages {
		found, want := scripts(parse(t, page)), 1
		if name == "live true" {
			want = 2
		}
		if len(found) != want {
			t.Fatalf("%s: %d scripts, want %d", name, len(found), want)
		}
		for i, limit := range []int{2000, 7500}[:want] {
			if script := found[i].FirstChild.Data; !strings.Contains(both, script) || len(script) > limit {
				t.Errorf("%s: another script %d, or one with more than %d bytes: %d", name, i, limit, len(script))
			}
		}
	}
}

// A page has at most 20 KB compressed, and a page with every section type at most 25 KB.
func TestPagesAreSmall(t *testing.T) {
	everyPage(t, func(t *testing.T, _ *catalogue.Shop, page []byte) {
		limit := 20_000
		if strings.Contains(t.Name(), "every_section") {
			limit = 25_000
		}
		if n := compressed(t, page); n > limit {
			t.Errorf("%d bytes compressed, want at most %d", n, limit)
		}
	})
}

// The page of a shopper is the page's own words and design: what all pages have is at
// addresses of its own. It is the same page otherwise.
func TestOwnPagesAreSmall(t *testing.T) {
	r := renderer(t)
	address, css := r.Stylesheet()
	for _, shop := range append(cataloguetest.BuiltIn(t).All(), cataloguetest.Example(t)) {
		_, scripts := constants(t, r, shop)
		for _, personaName := range personas {
			in := storefront.PageInput{Shop: shop, Design: design.Template(shop, personaName, design.Interests{}), Persona: personaName}
			contains := render(t, r, in)
			in.Returning = true
			links := render(t, r, in)
			if n := compressed(t, links); len(links) > 30_000 || n > 12_000 {
				t.Errorf("%s, %s: %d bytes, %d compressed, want at most 30,000 and 12,000", shop.Slug, personaName, len(links), n)
			}
			link := []byte(`<link rel="stylesheet" href="` + address + `">`)
			if got := bytes.Replace(links, link, slices.Concat([]byte("<style>"), css, []byte("</style>")), 1); !bytes.Equal(got, contains) {
				t.Errorf("%s, %s: the page that links its stylesheet is another", shop.Slug, personaName)
			}
			if !r.Rendered(links, shop) {
				t.Errorf("%s, %s: the renderer does not know its page", shop.Slug, personaName)
			}
			checkSafe(t, links, "", scripts)
		}
	}
}

// A drawing is a document of a few shapes, which runs and loads nothing, and its address is
// another when it is another.
func TestDrawingsAreAssets(t *testing.T) {
	r := renderer(t)
	for _, shop := range append(cataloguetest.BuiltIn(t).All(), cataloguetest.Example(t)) {
		for _, p := range shop.Products {
			address, svg, drawn, err := r.Drawing(shop, p)
			if err != nil || !drawn || !strings.HasPrefix(address, storefront.AssetsPath+shop.Slug+"/") {
				t.Fatalf("%s: %s, %t, %v", p.ID, address, drawn, err)
			}
			for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
				token, err := d.Token()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatalf("%s: %v", p.ID, err)
				}
				element, ok := token.(xml.StartElement)
				if ok && !drawingElements[element.Name.Local] {
					t.Errorf("%s: an element %s", p.ID, element.Name.Local)
				}
				for _, a := range element.Attr {
					if strings.Contains(a.Value, "url(") && !strings.HasPrefix(a.Value, "url(#") || strings.HasPrefix(a.Name.Local, "on") {
						t.Errorf("%s: %s=%q", p.ID, a.Name.Local, a.Value)
					}
				}
			}
			if len(svg) > 6_000 {
				t.Errorf("%s: %d bytes", p.ID, len(svg))
			}
		}
		p := shop.Products[0]
		before, _, _, _ := r.Drawing(shop, p)
		repainted := *shop
		repainted.Picture.Shades = map[string]map[string]catalogue.Shade{
			shop.Picture.Body: {p.Attribute(shop.Picture.Body): {Light: "#010203", Dark: "#040506"}}, shop.Picture.Accent: shop.Picture.Shades[shop.Picture.Accent],
		}
		if after, _, _, _ := r.Drawing(&repainted, p); after == before {
			t.Errorf("%s: another colour, the same address", shop.Slug)
		}
	}
	photographed := cataloguetest.Seeded(t, 1, 1)
	if _, _, drawn, err := r.Drawing(photographed, photographed.Products[0]); drawn || err != nil {
		t.Errorf("a product without a style is drawn: %v", err)
	}
	for name, want := range map[string]string{
		"nightjar.0123456789abcdef.svg": "nightjar", "nightjar.svg": "", "nightjar.xyz.svg": "", "nightjar.0123456789abcdef": "", "": "", ".svg": "", "a.b.1.svg": "",
	} {
		if got := storefront.ParseDrawing(name); got != want {
			t.Errorf("%q names %q, want %q", name, got, want)
		}
	}
}

var drawingElements = set("svg path circle ellipse g stop clipPath linearGradient radialGradient")

func compressed(t testing.TB, page []byte) int {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(page); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Len()
}
