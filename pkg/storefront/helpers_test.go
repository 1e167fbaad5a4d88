package storefront_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/persona"
	"github.com/wandstore/wandstore/pkg/storefront"
)

var personas = persona.All()

func renderer(t testing.TB) *storefront.Renderer {
	t.Helper()
	r, err := storefront.NewRenderer()
	if err != nil {
		t.Fatalf("NewRenderer: %v", err)
	}
	return r
}

func render(t testing.TB, r *storefront.Renderer, in storefront.PageInput) []byte {
	t.Helper()
	page, err := r.Page(in)
	if err != nil {
		t.Fatalf("Page: %v", err)
	}
	return page
}

func parse(t testing.TB, page []byte) *html.Node {
	t.Helper()
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatalf("parse the page: %v", err)
	}
	return root
}

// elements is the elements with one of the names, or all, in document order.
func elements(root *html.Node, names ...string) []*html.Node {
	var found []*html.Node
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if len(names) == 0 {
			found = append(found, n)
		}
		for _, name := range names {
			if n.Data == name {
				found = append(found, n)
			}
		}
	}
	return found
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// words is the text of a node, without style and script elements, with white space
// folded.
func words(root *html.Node) string {
	var b strings.Builder
	for n := range root.Descendants() {
		if n.Type == html.TextNode && n.Parent.Data != "style" && n.Parent.Data != "script" {
			b.WriteString(n.Data)
			b.WriteByte(' ')
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// templateElements and templateAttrs are all elements and attributes of the templates. A
// page with another one has something that the templates did not write.
var (
	templateElements = set("bdi fieldset legend br em text html head meta title link style body a svg path img header p nav ul li main section div h1 h2 h3 h4 span strong s dl dt dd table thead tbody tr th td ol details summary blockquote footer script button form input label select option aside")
	templateAttrs    = set("dir src srcset sizes alt loading decoding referrerpolicy fetchpriority disabled formmethod formaction formnovalidate text-anchor dominant-baseline data-picture x y lang charset http-equiv content name rel href id class tabindex role hidden type scope " +
		"action method name value maxlength placeholder min max required inputmode selected checked aria-current " +
		"data-view data-product data-category data-query data-sort data-filter " +
		"data-campaign data-shop data-sheet data-palette data-typeface data-density data-corner data-motion data-persona " +
		"aria-label aria-labelledby aria-hidden aria-live " +
		"viewBox preserveAspectRatio width height focusable d")
)

func set(list string) map[string]bool {
	m := make(map[string]bool)
	for s := range strings.FieldsSeq(list) {
		m[s] = true
	}
	return m
}

// checkSafe fails the test if the document has something that the templates do not write:
// another element, attribute, address, style or script.
func checkSafe(t testing.TB, page []byte, style, scripts string) {
	t.Helper()
	for _, n := range elements(parse(t, page)) {
		if !templateElements[n.Data] {
			t.Errorf("element <%s>, which no template writes", n.Data)
		}
		for _, a := range n.Attr {
			if !templateAttrs[a.Key] {
				t.Errorf("attribute %s on <%s>, which no template writes", a.Key, n.Data)
			}
			if a.Key == "src" && !strings.HasPrefix(a.Val, storefront.AssetsPath) && !strings.HasPrefix(a.Val, "https://") {
				t.Errorf("src %q", a.Val)
			}
			if strings.Contains(a.Val, "ZgotmplZ") {
				t.Errorf("html/template did not take what %s of <%s> is given", a.Key, n.Data)
			}
			isStylesheet := n.Data == "link" && strings.HasPrefix(a.Val, storefront.StylesheetPrefix)
			if a.Key == "href" && !isStylesheet && !strings.HasPrefix(a.Val, "#") && !strings.HasPrefix(a.Val, "/s/") && a.Val != "data:," {
				t.Errorf("href %q leads out of the shop", a.Val)
			}
			if a.Key == "action" && !strings.HasPrefix(a.Val, "/s/") {
				t.Errorf("a form for %q", a.Val)
			}
			if strings.Contains(a.Val, "url(") && !strings.HasPrefix(a.Val, "url(#") {
				t.Errorf("%s=%q leads out of the page", a.Key, a.Val)
			}
		}
		switch n.Data {
		case "style":
			if n.FirstChild.Data != style {
				t.Error("a style that is not the stylesheet")
			}
		case "script":
			if kind := attr(n, "type"); kind == "application/json" || kind == "application/ld+json" {
				if !json.Valid([]byte(n.FirstChild.Data)) {
					t.Errorf("data that is not JSON: %s", n.FirstChild.Data)
				}
			} else if !strings.Contains(scripts, n.FirstChild.Data) {
				t.Error("a script that is not ours")
			}
		}
	}
}

// linked is the product id in the address of a link.
func linked(shop *catalogue.Shop, a *html.Node) string {
	return strings.TrimPrefix(attr(a, "href"), shop.ProductPath(""))
}

// constants returns the stylesheet and the scripts: the first every page has, the second
// only a page that waits.
func constants(t testing.TB, r *storefront.Renderer, shop *catalogue.Shop) (style, both string) {
	t.Helper()
	root := parse(t, render(t, r, storefront.PageInput{Shop: shop, Design: design.Default(shop), Live: true}))
	ours := scripts(root)
	return elements(root, "style")[0].FirstChild.Data, ours[0].FirstChild.Data + ours[1].FirstChild.Data
}

// constantStyle returns the stylesheet.
func constantStyle(t testing.TB) string {
	t.Helper()
	style, _ := constants(t, renderer(t), cataloguetest.Shop(t, "magic-wands"))
	return style
}
