package imports_test

import (
	"encoding/json"
	"html"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/checkout"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
)

// Everything of an export is on the pages of its products: names, words, pictures, tags, and
// each variant with its values, its price and its number.
func TestEverythingImportedIsOnItsPage(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	edge := w.StartEdge()
	_, js := w.Connect()
	b := &bus{w.NATS.URL(), js}
	for _, source := range []struct{ shop, currency, file string }{
		{"old-headers", "EUR", "shopifycsv/testdata/old.csv"},
		{"new-headers", "EUR", "shopifycsv/testdata/new.csv"},
		{"products-json", "USD", "shopify/testdata/products.json"},
		{"woo", "USD", "woocsv/testdata/products.csv"},
		{"woo-german", "EUR", "woocsv/testdata/german.csv"},
		{"feed", "EUR", "feed/testdata/feed.xml"},
		{"feed-atom", "USD", "feed/testdata/atom.xml"},
		{"feed-tsv", "USD", "feed/testdata/feed.tsv"},
	} {
		path := filepath.Join(checkout.Root(t), "services", "importer", "internal", filepath.FromSlash(source.file))
		// Status 3 is for products with a fault, which golden files have on purpose.
		if status, says := b.run(t, "-shop", source.shop, "-name", "A shop", "-currency", source.currency, path); status != 0 && status != 3 {
			t.Fatalf("%s: status %d: %s", source.file, status, says)
		}
		products := b.products(t, source.shop)
		if len(products) == 0 {
			t.Errorf("%s: no products", source.file)
		}
		for _, p := range products {
			var body string
			eventually.True(t, source.shop+" has "+p.ID, func() bool {
				page := world.Get(t, edge.Base+"/s/"+source.shop+"/p/"+p.ID)
				// Numbers are kept together with their units.
				body = strings.ReplaceAll(html.UnescapeString(page.Body), "\u00a0", " ")
				return page.Status == 200
			})
			for _, lacking := range lacks(t, body, source.currency, p) {
				t.Errorf("%s: the page of %s lacks %s", source.file, p.ID, lacking)
			}
		}
	}
}

var structured = regexp.MustCompile(`(?s)<script type="application/ld\+json">(.*?)</script>`)

// lacks is what of a product is not on its page.
func lacks(t *testing.T, body, currency string, p *catalogue.Product) []string {
	t.Helper()
	var lacking []string
	want := func(what, text string) {
		if !strings.Contains(body, text) {
			lacking = append(lacking, what+" "+text)
		}
	}
	want("the name", ">"+p.Name+"</h1>")
	if p.Vendor != "" {
		want("the vendor", "<bdi>"+p.Vendor+"</bdi>")
	}
	for _, tag := range p.Tags {
		want("the tag", "<bdi>"+tag+"</bdi>")
	}
	for _, a := range p.Attributes {
		want("the attribute", a.Value)
	}
	for _, image := range p.Images {
		u, err := url.Parse(image.URL)
		if err != nil {
			t.Fatal(err)
		}
		want("the picture", u.Host+u.EscapedPath())
		want("the alternative text", image.Alt)
	}
	var data struct {
		Offers   offer
		SKU      string
		Variants []struct {
			Name, SKU string
			Offers    offer
		} `json:"hasVariant"`
	}
	block := structured.FindStringSubmatch(body)
	if block == nil || json.Unmarshal([]byte(block[1]), &data) != nil {
		return append(lacking, "its structured data")
	}
	if len(p.Variants) < 2 {
		want("the price", "<strong>")
		if data.Offers.Price != catalogue.FormatAmount(currency, p.NowCents()) {
			lacking = append(lacking, "its price")
		}
		return lacking
	}
	if len(data.Variants) != len(p.Variants) {
		return append(lacking, "some of its variants")
	}
	for i, v := range p.Variants {
		if got := data.Variants[i]; got.SKU != v.SKU || got.Offers.Price != catalogue.FormatAmount(currency, v.NowCents()) {
			lacking = append(lacking, "the variant "+v.ID)
		}
		for _, value := range v.Options {
			want("the value", value)
		}
	}
	return lacking
}

type offer struct{ Price string }
