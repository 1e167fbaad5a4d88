package storefront_test

import (
	"bytes"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/design/designtest"
	"github.com/wandstore/wandstore/pkg/storefront"
)

// everyPage calls check with each page that needs no model, and with pages that have
// every section type.
func everyPage(t *testing.T, check func(t *testing.T, shop *catalogue.Shop, page []byte)) {
	t.Helper()
	r := renderer(t)
	for _, shop := range append(cataloguetest.BuiltIn(t).All(), cataloguetest.Example(t)) {
		t.Run(shop.Slug+" default", func(t *testing.T) {
			check(t, shop, render(t, r, storefront.PageInput{Shop: shop, Design: design.Default(shop), Live: true}))
		})
		for _, personaName := range personas {
			t.Run(shop.Slug+" "+personaName, func(t *testing.T) {
				d := design.Template(shop, personaName, design.Interests{})
				check(t, shop, render(t, r, storefront.PageInput{Shop: shop, Design: d, Persona: personaName}))
			})
		}
		for nth := range 4 {
			t.Run(fmt.Sprintf("%s every section, variant %d", shop.Slug, nth), func(t *testing.T) {
				check(t, shop, render(t, r, storefront.PageInput{Shop: shop, Design: everySection(t, shop, nth, 2)}))
			})
		}
	}
}

// everySection is a design with each type once, in its nth variant, with the given number
// of products or the most that the type takes. It has the most sections of a page.
func everySection(t *testing.T, shop *catalogue.Shop, nth, products int) design.Design {
	t.Helper()
	root, _ := designtest.Schema(t, shop.Sorted(catalogue.AsListed))
	d := design.Design{Theme: shop.Theme}
	for _, branch := range root.Kinds() {
		kind, variants := branch.Kind(), branch.Properties["variant"].Enum
		s := design.Section{
			Type: kind, Variant: variants[nth%len(variants)], Eyebrow: "Above", Headline: "About " + kind, Body: "First words of " + kind + ".\n\nSecond words.", ActionLabel: "Go on",
		}
		choice := root.Properties["sections"].Items.Properties["productIds"].Items.Enum
		if own := branch.Properties["productIds"].Items; own != nil {
			choice = own.Enum
		}
		s.ProductIDs = choice[:min(products, *branch.Properties["productIds"].MaxItems)]
		if branch.Properties["items"].MaxItems == nil {
			s.Items = shop.FAQ
		}
		d.Sections = append(d.Sections, s)
	}
	return d
}

func TestPagesAreWellBuilt(t *testing.T) {
	everyPage(t, wellBuilt)
	r := renderer(t)
	for _, shop := range cataloguetest.BuiltIn(t).All() {
		for name, page := range shopPages(t, r, shop) {
			t.Run(shop.Slug+" "+name, func(t *testing.T) { wellBuilt(t, shop, page) })
		}
	}
}

func wellBuilt(t *testing.T, shop *catalogue.Shop, page []byte) {
	t.Helper()
	root := parse(t, page)
	headingsInOrder(t, root)
	for _, name := range []string{"header", "main", "footer", "title"} {
		if n := len(elements(root, name)); n != 1 {
			t.Errorf("%d %s, want one", n, name)
		}
	}
	checkout, _, _ := strings.Cut(shop.CheckoutURL, "?")
	ids := make(map[string]bool)
	for _, n := range elements(root) {
		if id := attr(n, "id"); id != "" {
			if ids[id] {
				t.Errorf("id %s is there twice", id)
			}
			ids[id] = true
		}
		for _, a := range n.Attr {
			if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
				t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
			}
		}
	}
	for _, n := range elements(root) {
		for _, name := range []string{"href", "aria-labelledby"} {
			ref := strings.TrimPrefix(attr(n, name), "#")
			if ref != "" && ref != "data:," && !strings.HasPrefix(ref, "/") && !strings.HasPrefix(ref, checkout+"?") && !ids[ref] {
				t.Errorf("<%s %s> leads to %q, which is not there", n.Data, name, ref)
			}
		}
		if n.Data == "a" && words(n) == "" {
			t.Error("a link without words")
		}
		if n.Data == "img" && attr(n, "alt") == "" {
			t.Error("an image without words")
		}
		if n.Data == "svg" && attr(n, "aria-hidden") == "" && (attr(n, "role") != "img" || attr(n, "aria-label") == "") {
			t.Error("a picture without words")
		}
		if n.Data == "section" && len(elements(n, "h1", "h2", "h3")) == 0 && !strings.HasPrefix(attr(n, "class"), "quote ") {
			t.Errorf("section %s has no heading", attr(n, "class"))
		}
	}
	if got := attr(elements(root, "html")[0], "lang"); got != shop.Locale {
		t.Errorf("lang is %q, want %q", got, shop.Locale)
	}
	for _, m := range elements(root, "meta") {
		if attr(m, "name") == "description" && attr(m, "content") == "" {
			t.Error("no description")
		}
	}
}

// headingsInOrder fails if there is not exactly one h1, or if a heading is empty or skips
// a level.
func headingsInOrder(t *testing.T, root *html.Node) {
	t.Helper()
	if n := len(elements(root, "h1")); n != 1 {
		t.Errorf("%d h1, want one", n)
	}
	level := 0
	for _, h := range elements(root, "h1", "h2", "h3", "h4", "h5", "h6") {
		next := int(h.Data[1] - '0')
		if next > level+1 {
			t.Errorf("%s %q follows a heading of level %d", h.Data, words(h), level)
		}
		if words(h) == "" {
			t.Errorf("an empty %s", h.Data)
		}
		level = next
	}
}

// Every variant is rendered for every shop, for a section without content as well as for
// one with too many products, and no element is empty.
func TestEverySectionIsRendered(t *testing.T) {
	r := renderer(t)
	for _, shop := range cataloguetest.BuiltIn(t).All() {
		root, _ := designtest.Schema(t, shop.Sorted(catalogue.AsListed))
		var sale []string
		for _, p := range shop.Products {
			if p.OnSale() {
				sale = append(sale, p.ID)
			}
		}
		for _, branch := range root.Kinds() {
			kind := branch.Kind()
			for _, variant := range branch.Properties["variant"].Enum {
				for _, n := range []int{0, 1, 3, 12} {
					name := fmt.Sprintf("%s %s %s with %d", shop.Slug, kind, variant, n)
					s := design.Section{Type: kind, Variant: variant}
					if kind == "hero" {
						s.Headline = "Come in and look around"
					}
					for i := range n {
						if kind == "deals" {
							s.ProductIDs = append(s.ProductIDs, sale[i%len(sale)])
						} else {
							s.ProductIDs = append(s.ProductIDs, shop.Products[i].ID)
						}
					}
					page := render(t, r, storefront.PageInput{Shop: shop, Design: design.Design{Sections: []design.Section{s}}})
					rendered := section(parse(t, page), "s1")
					least, own := branch.Properties["productIds"].MinItems, !slices.Contains(branch.Required, "productIds")
					if least != nil && n < *least && !own {
						if rendered != nil {
							t.Errorf("%s is rendered", name)
						}
						continue
					}
					if rendered == nil || attr(rendered, "class") != kind+" "+variant {
						t.Errorf("%s is not rendered", name)
						continue
					}
					noneEmpty(t, name, rendered)
				}
			}
		}
	}
}

// section is the section element with the id, or nil.
func section(root *html.Node, id string) *html.Node {
	for _, n := range elements(root, "section") {
		if attr(n, "id") == id {
			return n
		}
	}
	return nil
}

// noneEmpty fails if an element has neither text nor a picture, or if a path is empty.
func noneEmpty(t *testing.T, name string, root *html.Node) {
	t.Helper()
	if len(words(root)) < 20 {
		t.Errorf("%s says only %q", name, words(root))
	}
	for _, n := range elements(root, "h1", "h2", "h3", "p", "ul", "ol", "li", "dl", "dt", "dd", "div", "a", "th", "tr", "table", "details", "summary", "blockquote", "strong", "s") {
		if n.Data == "th" && n.FirstChild == nil {
			t.Errorf("%s: an empty heading of a table", name)
		}
		if words(n) == "" && len(elements(n, "svg", "img")) == 0 {
			t.Errorf("%s: <%s class=%q> is empty", name, n.Data, attr(n, "class"))
		}
	}
	for _, n := range elements(root, "path") {
		if attr(n, "d") == "" {
			t.Errorf("%s: an empty path", name)
		}
	}
}

// Wherever a page shows a product, its price, saving and stock are the catalogue's.
func TestPagesSayWhatTheCatalogueSays(t *testing.T) {
	everyPage(t, func(t *testing.T, shop *catalogue.Shop, page []byte) {
		root := parse(t, page)
		for _, li := range elements(root, "li") {
			class := attr(li, "class")
			if !strings.HasPrefix(class, "card") && !strings.HasPrefix(class, "short") {
				continue
			}
			id := linked(shop, elements(li, "a")[0])
			p, ok := shop.Product(id)
			if !ok {
				t.Errorf("%q is not in the catalogue", id)
				continue
			}
			text := words(li)
			for _, want := range []string{p.Name, shop.Money(p.NowCents())} {
				if !strings.Contains(text, want) {
					t.Errorf("%s: %q does not say %q", id, text, want)
				}
			}
			if was := strings.Contains(text, "Was "+shop.Money(p.PriceCents)); was != p.OnSale() {
				t.Errorf("%s: %q, on sale is %t", id, text, p.OnSale())
			}
			if sold := strings.Contains(text, "Sold out"); sold != p.SoldOut() {
				t.Errorf("%s: %q, stock is %d", id, text, p.Stock)
			}
			if left := strings.Contains(text, fmt.Sprintf("Only %d left", p.Stock)); left != (p.Stock > 0 && p.Stock <= 4) {
				t.Errorf("%s: %q, stock is %d", id, text, p.Stock)
			}
		}
	})
}

func TestSameInputSameBytes(t *testing.T) {
	shop := cataloguetest.Shop(t, "whitby-tea")
	in := storefront.PageInput{Shop: shop, Design: design.Default(shop), Live: true}
	if a, b := render(t, renderer(t), in), render(t, renderer(t), in); !bytes.Equal(a, b) {
		t.Error("two renderings differ")
	}
}

// A design that passed no gate does not break a page.
func TestPageRendersAnyDesign(t *testing.T) {
	r := renderer(t)
	shop := cataloguetest.Shop(t, "magic-wands")
	style, script := constants(t, r, shop)
	nasty := `"><script>never()</script>`
	designs := map[string]design.Design{
		"zero": {},
		"nasty": {
			Theme: catalogue.Theme{Palette: nasty, Typeface: nasty},
			Sections: []design.Section{
				{Type: nasty, Headline: nasty},
				{Type: "hero", Variant: nasty, Eyebrow: nasty, Headline: nasty, Body: nasty, ActionLabel: nasty, ProductIDs: []string{nasty, "nightjar"}},
				{Type: "guide", Headline: nasty, Items: []catalogue.Item{{Title: nasty, Body: nasty}, {Title: nasty}}},
			},
		},
	}
	for name, d := range designs {
		t.Run(name, func(t *testing.T) {
			page := render(t, r, storefront.PageInput{Shop: shop, Design: d, Persona: nasty})
			checkSafe(t, page, style, script)
			root := parse(t, page)
			if n := len(elements(root, "h1")); n != 1 {
				t.Errorf("%d h1", n)
			}
			if got := attr(elements(root, "html")[0], "data-palette"); got != shop.Theme.Palette {
				t.Errorf("palette %q, want the shop's", got)
			}
		})
	}
	if _, err := r.Page(storefront.PageInput{}); err == nil {
		t.Error("a page of no shop was rendered")
	}
}

func TestErrorPages(t *testing.T) {
	r := renderer(t)
	shop := cataloguetest.Shop(t, "whitby-tea")
	style, script := constants(t, r, shop)
	tests := map[string]struct {
		in   storefront.ErrorInput
		sees string
	}{
		"not found":   {storefront.ErrorInput{Status: http.StatusNotFound, Shop: shop}, "There is no such door here"},
		"bad request": {storefront.ErrorInput{Status: http.StatusBadRequest}, "That address is not quite right"},
		"broken":      {storefront.ErrorInput{Status: http.StatusInternalServerError, Shop: shop}, "Something broke on our side"},
		"unavailable": {storefront.ErrorInput{Status: http.StatusServiceUnavailable}, "We will be right back"},
		"other":       {storefront.ErrorInput{Status: http.StatusTeapot}, "I'm a teapot"},
		"unknown":     {storefront.ErrorInput{Status: 799}, "Something went wrong"},
		"own words":   {storefront.ErrorInput{Status: http.StatusNotFound, Title: "<b>Gone</b>", Message: "Look elsewhere."}, "<b>Gone</b> Look elsewhere."},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			page, err := r.Error(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			checkSafe(t, page, style, script)
			root := parse(t, page)
			if text := words(root); !strings.Contains(text, tt.sees) {
				t.Errorf("the page says %q, want %q", text, tt.sees)
			}
			if n := len(elements(root, "h1")); n != 1 {
				t.Errorf("%d h1", n)
			}
			back := ""
			for _, a := range elements(elements(root, "main")[0], "a") {
				back = attr(a, "href")
			}
			if want := map[bool]string{true: "", false: "/s/whitby-tea"}[tt.in.Shop == nil]; back != want {
				t.Errorf("the way back is %q, want %q", back, want)
			}
		})
	}
}

// A picture has the colours of its product, and no two products have the same picture.
func TestPicturesComeFromTheProduct(t *testing.T) {
	for _, shop := range cataloguetest.BuiltIn(t).All() {
		r, seen := renderer(t), make(map[string]string)
		for i := range shop.Products {
			p := shop.Products[i]
			page, err := r.Product(storefront.ProductInput{Shop: shop, Product: p})
			if err != nil {
				t.Fatal(err)
			}
			address, svg, _, err := r.Drawing(shop, p)
			if err != nil {
				t.Fatal(err)
			}
			if shown := attr(elements(elements(parse(t, page), "main")[0], "img")[0], "src"); shown != address || storefront.ParseDrawing(path.Base(shown)) != p.ID {
				t.Errorf("%s: the page shows %s, the drawing is %s", p.ID, shown, address)
			}
			drawing := string(svg)
			body := shop.Picture.Shades[shop.Picture.Body][p.Attribute(shop.Picture.Body)]
			accent := shop.Picture.Shades[shop.Picture.Accent][p.Attribute(shop.Picture.Accent)]
			for _, colour := range []string{body.Light, body.Dark, accent.Dark} {
				if !strings.Contains(drawing, colour) {
					t.Errorf("%s: the picture has no %s", p.ID, colour)
				}
			}
			if other, ok := seen[drawing]; ok {
				t.Errorf("%s and %s have the same picture", p.ID, other)
			}
			seen[drawing] = p.ID
		}
	}
}
