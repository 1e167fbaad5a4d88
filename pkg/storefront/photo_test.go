package storefront_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/storefront"
)

// photographs is a shop as merchants have them.
func photographs(t testing.TB, language string) *catalogue.Shop {
	t.Helper()
	const slug = "linen-and-larch"
	shop, err := catalogue.ReadShop(slug, slug, cataloguetest.Photographs(t, slug, language))
	if err != nil {
		t.Fatal(err)
	}
	if err := shop.LeftOut.Err(); err != nil {
		t.Fatal(err)
	}
	return shop
}

func productPage(t testing.TB, in storefront.ProductInput) *html.Node {
	t.Helper()
	page, err := renderer(t).Product(in)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, page)
}

// A page with photographs has only what the templates write, loads pictures from the shop's
// hosts only, and reserves the place of each.
func TestPhotographs(t *testing.T) {
	r := renderer(t)
	shop := photographs(t, "en")
	style, script := constants(t, r, shop)
	pages := shopPages(t, r, shop)
	for nth := range 4 {
		pages[fmt.Sprintf("every section, variant %d", nth)] = render(t, r, storefront.PageInput{Shop: shop, Design: everySection(t, shop, nth, 2)})
	}
	for _, personaName := range personas {
		pages[personaName] = render(t, r, storefront.PageInput{Shop: shop, Design: design.Template(shop, personaName, design.Interests{}), Persona: personaName})
	}
	pages["front"] = render(t, r, storefront.PageInput{Shop: shop, Design: design.Default(shop)})
	for name, page := range pages {
		shown := 0
		root := parse(t, page)
		for _, n := range elements(root, "img") {
			shown++
			u, err := url.Parse(attr(n, "src"))
			if err != nil || u.Host != cataloguetest.PictureHost || attr(n, "alt") == "" || attr(n, "width") == "" || attr(n, "height") == "" {
				t.Errorf("%s: a picture with %v", name, n.Attr)
			}
			if !strings.Contains(attr(n, "srcset"), "width=480 480w") || strings.Contains(attr(n, "srcset"), "1600w") && attr(n, "width") == "1500" {
				t.Errorf("%s: srcset %q of a picture that is %s wide", name, attr(n, "srcset"), attr(n, "width"))
			}
		}
		headingsInOrder(t, root)
		if strings.HasPrefix(name, "cart") {
			continue // its checkout is outside of the shop
		}
		if shown == 0 && name == "front" {
			t.Error("no picture on the front page")
		}
		checkSafe(t, bytes.ReplaceAll(page, []byte("<script>"+choiceScript(root, script)+"</script>"), nil), style, script)
	}
}

// choiceScript is the script of a product's options, if the page has it.
func choiceScript(root *html.Node, script string) string {
	for _, n := range scripts(root) {
		if !strings.Contains(script, n.FirstChild.Data) {
			return n.FirstChild.Data
		}
	}
	return "-"
}

// A product that costs another price in another variant is shown with the one chosen.
func TestProductHasOptions(t *testing.T) {
	shop := photographs(t, "en")
	product, _ := shop.Product("thing-0")
	rust, _ := product.Chosen([]string{"Rust", "M"})
	root := productPage(t, storefront.ProductInput{Shop: shop, Product: product, Variant: rust})
	text := words(root)
	for _, want := range []string{shop.Money(rust.PriceCents), "Was " + shop.Money(rust.CompareAtCents), "Colour", "Size", rust.SKU, "Care Wash at 40°"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	var chosen []string
	for _, n := range elements(root, "input") {
		for _, a := range n.Attr {
			if a.Key == "checked" {
				chosen = append(chosen, attr(n, "name")+"="+attr(n, "value"))
			}
		}
	}
	if got := strings.Join(chosen, " "); got != "option1=Rust option2=M" {
		t.Errorf("chosen is %q", got)
	}
	for _, n := range elements(root, "img") {
		if attr(n, "fetchpriority") == "high" && attr(n, "alt") != product.Images[rust.Image-1].Alt {
			t.Errorf("the first picture is %q", attr(n, "alt"))
		}
	}
	text = words(productPage(t, storefront.ProductInput{Shop: shop, Product: product, Asked: []string{"Sea", "L"}}))
	if !strings.Contains(text, "There is none of what you chose") {
		t.Error("a combination that does not exist is not refused")
	}
}

// The structured data says what the page says, and cannot end its element.
func TestStructuredData(t *testing.T) {
	shop := photographs(t, "en")
	product, _ := shop.Product("thing-0")
	hostile := *product
	hostile.Vendor = `</script><script>never()</script>`
	root := productPage(t, storefront.ProductInput{Shop: shop, Product: &hostile})
	var data []map[string]any
	for _, n := range elements(root, "script") {
		if attr(n, "type") == "application/ld+json" {
			var d map[string]any
			if err := json.Unmarshal([]byte(n.FirstChild.Data), &d); err != nil {
				t.Fatal(err)
			}
			data = append(data, d)
		}
	}
	if len(data) != 2 || data[0]["@type"] != "ProductGroup" || data[1]["@type"] != "BreadcrumbList" {
		t.Fatalf("the data is %v", data)
	}
	variants, _ := data[0]["hasVariant"].([]any)
	if len(variants) != len(product.Variants) {
		t.Errorf("%d variants, want %d", len(variants), len(product.Variants))
	}
	offer, _ := variants[0].(map[string]any)["offers"].(map[string]any)
	if offer["price"] != catalogue.FormatAmount(shop.Currency, product.Variants[0].PriceCents) || offer["priceCurrency"] != "EUR" || offer["availability"] != "https://schema.org/InStock" {
		t.Errorf("the offer is %v", offer)
	}
	if brand, _ := data[0]["brand"].(map[string]any); brand["name"] != hostile.Vendor {
		t.Errorf("the brand is %v", brand)
	}
}

// The layout of a shop whose language is written from right to left is so too; its names
// say their language.
func TestRightToLeft(t *testing.T) {
	shop := photographs(t, "ar")
	root := parse(t, render(t, renderer(t), storefront.PageInput{Shop: shop, Design: design.Default(shop)}))
	if document := elements(root, "html")[0]; attr(document, "dir") != "rtl" || attr(document, "lang") != shop.Locale {
		t.Errorf("the document is %v", document.Attr)
	}
	names := 0
	for _, n := range elements(root, "bdi") {
		if attr(n, "lang") == "ar" {
			names++
		}
	}
	if names == 0 {
		t.Error("no name says its language")
	}
	if document := elements(parse(t, render(t, renderer(t), storefront.PageInput{Shop: photographs(t, "en")})), "html")[0]; attr(document, "dir") != "" {
		t.Errorf("a page from left to right is %v", document.Attr)
	}
}

// A cart is handed over as the shop's document says.
func TestCheckouts(t *testing.T) {
	shop := photographs(t, "en")
	lines := []storefront.CartLine{{Key: "thing-0:v01", Quantity: 2}, {Key: "thing-6", Quantity: 1}, {Key: "thing-2", Quantity: 1}}
	for kind, want := range map[string]string{
		catalogue.CheckoutShopify:     "https://linen-and-larch.example/cart/400001:2",
		catalogue.CheckoutWooCommerce: "https://linen-and-larch.example/checkout-link/?products=400001%3A2",
		catalogue.CheckoutTemplate:    "https://linen-and-larch.example/?i=thing-0%3Av01%3A2",
	} {
		s := *shop
		s.Checkout = kind
		if kind == catalogue.CheckoutTemplate {
			s.CheckoutURL += "/?i={items}"
		}
		page, err := renderer(t).Cart(storefront.CartInput{Shop: &s, Lines: lines})
		if err != nil {
			t.Fatal(err)
		}
		root := parse(t, page)
		got := ""
		for _, n := range elements(root, "a") {
			if attr(n, "id") == "checkout" {
				got = attr(n, "href")
			}
		}
		if !strings.HasPrefix(got, want) {
			t.Errorf("%q: the checkout is %q, want %q", kind, got, want)
		}
		if apart := strings.Contains(words(root), "Not part of the checkout here"); apart != (kind != "") {
			t.Errorf("%q: a line without an id of the platform is named: %t", kind, apart)
		}
		if !strings.Contains(words(root), "Chalk / M") {
			t.Errorf("%q: the cart does not say what was chosen", kind)
		}
	}
}

// A listing has pages, and says so to search engines; a filter narrows it and can be taken
// away; what nothing answers offers something else.
func TestListings(t *testing.T) {
	r, shop := renderer(t), photographs(t, "en")
	search := func(q catalogue.Query) (*html.Node, string) {
		page, err := r.Search(storefront.SearchInput{Shop: shop, Query: q})
		if err != nil {
			t.Fatal(err)
		}
		root := parse(t, page)
		var links strings.Builder
		for _, n := range elements(root, "link", "meta") {
			if rel := attr(n, "rel") + attr(n, "name"); rel == "canonical" || rel == "prev" || rel == "next" || rel == "robots" {
				links.WriteString(rel + " " + attr(n, "href") + attr(n, "content") + "; ")
			}
		}
		return root, links.String()
	}
	root, links := search(catalogue.Query{Page: 2})
	if want := "canonical /s/linen-and-larch/c?page=2; prev /s/linen-and-larch/c; next /s/linen-and-larch/c?page=3; "; links != want {
		t.Errorf("the second page says %q, want %q", links, want)
	}
	cards := 0
	for _, li := range elements(root, "li") {
		if strings.HasPrefix(attr(li, "class"), "card") {
			cards++
		}
	}
	if cards != catalogue.PageSize {
		t.Errorf("%d products on a page", cards)
	}
	root, links = search(catalogue.Query{Vendor: "Larch", OnSale: true})
	if !strings.HasPrefix(links, "robots noindex") || !strings.Contains(words(root), "Without Larch ×") {
		t.Errorf("a filtered list says %q", links)
	}
	root, _ = search(catalogue.Query{Vendor: "Nobody"})
	if text := words(root); !strings.Contains(text, "look at what others like") || !strings.Contains(text, "Larch (20)") {
		t.Errorf("nothing found: %s", text)
	}
}

// A front page does not grow with the shop.
func TestFrontPageDoesNotGrow(t *testing.T) {
	r, shop := renderer(t), photographs(t, "en")
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(render(t, r, storefront.PageInput{Shop: shop, Design: design.Default(shop), Live: true})); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if b.Len() > 30_000 {
		t.Errorf("%d bytes compressed", b.Len())
	}
	t.Logf("%d bytes compressed", b.Len())
}
