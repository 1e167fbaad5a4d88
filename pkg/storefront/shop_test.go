package storefront_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/storefront"
)

// shopPages is the product, search and cart pages in all their states, by name.
func shopPages(t *testing.T, r *storefront.Renderer, shop *catalogue.Shop) map[string][]byte {
	t.Helper()
	pages := map[string][]byte{}
	keep := func(name string) func([]byte, error) {
		return func(page []byte, err error) {
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			pages[name] = page
		}
	}
	for i := range shop.Products {
		p := shop.Products[i]
		keep("product " + p.ID)(r.Product(storefront.ProductInput{Shop: shop, Product: p, InCart: i}))
	}
	for _, q := range []catalogue.Query{{}, {Words: "zzzz <b>"}, {Collection: shop.Collections[0].ID, Sort: catalogue.SortNewest}, {Words: "a", OnSale: true, InStock: true, Most: 1}} {
		keep(fmt.Sprintf("search %+v", q))(r.Search(storefront.SearchInput{Shop: shop, Query: q}))
	}
	var lines []storefront.CartLine
	for _, p := range shop.Products {
		lines = append(lines, storefront.CartLine{Key: p.ID, Quantity: 3})
	}
	keep("cart")(r.Cart(storefront.CartInput{Shop: shop, Lines: append(lines, storefront.CartLine{Key: "gone", Quantity: 1})}))
	keep("cart, empty")(r.Cart(storefront.CartInput{Shop: shop}))
	keep("cart, unavailable")(r.Cart(storefront.CartInput{Shop: shop, Unavailable: true}))
	return pages
}

func TestShopPagesHaveOnlyTemplateContent(t *testing.T) {
	r := renderer(t)
	for _, shop := range cataloguetest.BuiltIn(t).All() {
		// The checkout is the only address outside the shop.
		shop.CheckoutURL = ""
		style, script := constants(t, r, shop)
		for name, page := range shopPages(t, r, shop) {
			t.Run(shop.Slug+" "+name, func(t *testing.T) { checkSafe(t, page, style, script) })
		}
	}
}

// Every search address has a safe page.
func FuzzSearchPage(f *testing.F) {
	shop := cataloguetest.Shop(f, "magic-wands")
	shop.CheckoutURL = ""
	r := renderer(f)
	style, script := constants(f, r, shop)
	for _, seed := range []string{"q=owl", "q=%3Cscript%3E&sort=price", "collection=../..&most=-1", "most=99999999999999999999", "q=%ff%00&sale=1&instock=2", "sort=<b>&q=" + strings.Repeat("a+", 300)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		fields, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		q := shop.ParseQuery(fields.Get)
		if len(q.Words) > 120 {
			t.Errorf("%d bytes of words", len(q.Words))
		}
		page, err := r.Search(storefront.SearchInput{Shop: shop, Query: q})
		if err != nil {
			t.Fatal(err)
		}
		checkSafe(t, page, style, script)
	})
}

// The total of a cart counts the quantities in stock, at today's prices.
func TestCartAddsUp(t *testing.T) {
	shop := cataloguetest.Shop(t, "magic-wands")
	shop.CheckoutURL = "https://pay.example/new?items={items}&in={currency}&who={shopper}"
	var sold, left *catalogue.Product
	var plenty []*catalogue.Product
	for i := range shop.Products {
		switch p := shop.Products[i]; {
		case p.SoldOut():
			sold = p
		case p.Stock <= 4:
			left = p
		case p.Stock > 4:
			plenty = append(plenty, p)
		}
	}
	if sold == nil || left == nil || len(plenty) < 2 {
		t.Fatal("the shop has no product of each kind")
	}
	page, err := renderer(t).Cart(storefront.CartInput{Shop: shop, Mark: "ada.mark", Lines: []storefront.CartLine{
		{Key: plenty[0].ID, Quantity: 2}, {Key: sold.ID, Quantity: 1}, {Key: left.ID, Quantity: 50}, {Key: "no-such-thing", Quantity: 1},
	}})
	if err != nil {
		t.Fatal(err)
	}
	root := parse(t, page)
	text := words(root)
	for _, want := range []string{
		fmt.Sprintf("%d items", 2+left.Stock),
		shop.Money(2*plenty[0].NowCents() + left.Stock*left.NowCents()),
		fmt.Sprintf("Only %d left", left.Stock),
		"Sold out for now; not counted",
		"One thing in your cart is not sold any more.",
		"You pay at pay.example.",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the cart does not say %q: %s", want, text)
		}
	}
	checkout := ""
	for _, a := range elements(root, "a") {
		if attr(a, "id") == "checkout" {
			checkout = attr(a, "href")
		}
	}
	u, err := url.Parse(checkout)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("%s:2,%s:%d", plenty[0].ID, left.ID, left.Stock)
	if u.Host != "pay.example" || u.Query().Get("items") != want || u.Query().Get("in") != shop.Currency || u.Query().Get("who") != "ada.mark" {
		t.Errorf("the checkout is %s, want items %s", checkout, want)
	}
}

// Shopify keeps what a cart's permalink says of the shopper with the order.
func TestCheckoutAtShopifyTakesTheMarkAlong(t *testing.T) {
	shop := cataloguetest.Shop(t, "magic-wands")
	shop.Checkout, shop.CheckoutURL = catalogue.CheckoutShopify, "https://wands.myshopify.com"
	p := shop.Products[slices.IndexFunc(shop.Products, (*catalogue.Product).Available)]
	p.Origin = &catalogue.Origin{ID: "42"}
	for mark, want := range map[string]string{"": "/cart/42:1", "ada.mark": "/cart/42:1?attributes%5Bwandstore_shopper%5D=ada.mark"} {
		page, err := renderer(t).Cart(storefront.CartInput{Shop: shop, Mark: mark, Lines: []storefront.CartLine{{Key: p.ID, Quantity: 1}}})
		if err != nil {
			t.Fatal(err)
		}
		found := slices.ContainsFunc(elements(parse(t, page), "a"), func(a *html.Node) bool {
			return attr(a, "href") == shop.CheckoutURL+want
		})
		if !found {
			t.Errorf("the cart of %q does not lead to %s", mark, want)
		}
	}
}

// A product that the shop's checkout cannot take leads to where it is sold.
func TestProductSoldElsewhereLeadsThere(t *testing.T) {
	shop := cataloguetest.Shop(t, "magic-wands")
	p := shop.Products[slices.IndexFunc(shop.Products, (*catalogue.Product).Available)]
	p.URL = "https://wands.example.org/one"
	for name, c := range map[string]struct {
		checkout  string
		url, id   string
		elsewhere bool
	}{
		"no checkout":                {elsewhere: true},
		"a template":                 {url: "https://pay.example.com/?items={items}"},
		"Shopify, known there":       {checkout: catalogue.CheckoutShopify, url: "https://wands.myshopify.com", id: "gid://shopify/ProductVariant/42"},
		"WooCommerce, known there":   {checkout: catalogue.CheckoutWooCommerce, url: "https://wands.example.com", id: "42"},
		"WooCommerce, unknown there": {checkout: catalogue.CheckoutWooCommerce, url: "https://wands.example.com", elsewhere: true},
	} {
		shop.Checkout, shop.CheckoutURL, p.Origin = c.checkout, c.url, &catalogue.Origin{ID: c.id}
		page, err := renderer(t).Product(storefront.ProductInput{Shop: shop, Product: p})
		if err != nil {
			t.Fatal(err)
		}
		root := parse(t, page)
		leads := slices.ContainsFunc(elements(root, "a"), func(a *html.Node) bool { return attr(a, "href") == p.URL })
		buys := slices.ContainsFunc(elements(root, "form"), func(f *html.Node) bool { return attr(f, "class") == "buy" })
		if leads != c.elsewhere || buys == c.elsewhere {
			t.Errorf("%s: it leads there: %t, the cart takes it: %t", name, leads, buys)
		}
	}
}

func TestSoldOutProductCannotBeBought(t *testing.T) {
	r := renderer(t)
	for _, shop := range cataloguetest.BuiltIn(t).All() {
		for i := range shop.Products {
			p := shop.Products[i]
			page, err := r.Product(storefront.ProductInput{Shop: shop, Product: p})
			if err != nil {
				t.Fatal(err)
			}
			buys := false
			for _, form := range elements(parse(t, page), "form") {
				buys = buys || attr(form, "class") == "buy"
			}
			if buys == p.SoldOut() {
				t.Errorf("%s: stock is %d, and it can be bought: %t", p.ID, p.Stock, buys)
			}
		}
	}
}
