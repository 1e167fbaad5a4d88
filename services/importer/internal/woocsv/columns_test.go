package woocsv_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/services/importer/internal/listing"
	"github.com/wandstore/wandstore/services/importer/internal/listing/listingtest"
	"github.com/wandstore/wandstore/services/importer/internal/table"
	"github.com/wandstore/wandstore/services/importer/internal/woocsv"
)

// whole is the columns of an export in their order, and the values of a variable product and
// of one of its variations.
var whole = []struct{ column, product, variation string }{
	{"id", "7", "8"},
	{"type", "variable", "variation"},
	{"sku", "SOCK", "SOCK-S"},
	{"gtin", "", "0012345678905"},
	{"name", "Sock", "Sock - S"},
	{"published", "1", "1"},
	{"featured", "0", "0"},
	{"visibility", "visible", "visible"},
	{"shortDescription", "Warm.", ""},
	{"description", "<p>Of wool.</p>", ""},
	{"saleFrom", "", "2026-11-01"},
	{"saleUntil", "", "2026-12-31"},
	{"taxStatus", "taxable", "taxable"},
	{"taxClass", "", "parent"},
	{"inStock", "1", "1"},
	{"stock", "", "4"},
	{"lowStock", "", ""},
	{"backorders", "0", "notify"},
	{"soldIndividually", "0", "0"},
	{"weight", "", ""},
	{"length", "", ""},
	{"width", "", ""},
	{"height", "", ""},
	{"reviews", "1", "0"},
	{"purchaseNote", "", ""},
	{"salePrice", "", "7"},
	{"price", "", "9,50"},
	{"categories", "Clothing > Socks", ""},
	{"tags", "wool, warm", ""},
	{"shippingClass", "", ""},
	{"images", "https://img.example.com/sock.jpg", "https://img.example.com/s.jpg"},
	{"downloadLimit", "", ""},
	{"downloadExpiry", "", ""},
	{"parent", "", "SOCK"},
	{"grouped", "", ""},
	{"upsells", "", ""},
	{"crossSells", "", ""},
	{"link", "", ""},
	{"buttonText", "", ""},
	{"position", "0", "1"},
	{"attributeName", "Size", "Size"},
	{"attributeValues", "S", "S"},
	{"attributeVisible", "1", ""},
	{"attributeGlobal", "1", "1"},
}

// export is the two rows under those headers. keep tells which columns the merchant chose.
func export(header func(column string) string, keep func(column string) bool) string {
	var b strings.Builder
	for _, cell := range []func(i int) string{
		func(i int) string { return header(whole[i].column) },
		func(i int) string { return whole[i].product },
		func(i int) string { return whole[i].variation },
	} {
		var cells []string
		for i := range whole {
			if keep(whole[i].column) {
				cells = append(cells, `"`+cell(i)+`"`)
			}
		}
		b.WriteString(strings.Join(cells, ",") + "\n")
	}
	return b.String()
}

// reads reports that the sock is read as it stands in the export.
func reads(t *testing.T, name, content string) {
	t.Helper()
	header, err := table.NewReader(strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if !woocsv.Recognises(header) {
		t.Errorf("%s: is not recognised", name)
	}
	products, err := listingtest.Read(t, woocsv.New(listingtest.Text(t, content), now))
	if err != nil || len(products) != 1 || len(products[0].Variants) != 1 {
		t.Errorf("%s: %v, %+v", name, err, products)
		return
	}
	p := products[0]
	v := p.Variants[0]
	if p.Title != "Sock" || p.HTML != "<p>Warm.</p>\n<p>Of wool.</p>" || p.Hidden != "" || p.Fault != "" || p.Handle != "SOCK" || p.ExternalID != "7" ||
		!slices.Equal(p.Categories, []string{"Clothing > Socks"}) || !slices.Equal(p.Tags, []string{"wool", "warm"}) ||
		!slices.Equal(p.Options, []string{"Size"}) || !slices.Equal(p.Images, []listing.Image{{URL: "https://img.example.com/sock.jpg"}}) {
		t.Errorf("%s: got %+v", name, p)
	}
	if v.Price != "7" || v.CompareAt != "9,50" || v.SKU != "SOCK-S" || v.ExternalID != "8" || v.Stock == nil || *v.Stock != 4 || !v.Backorder ||
		v.Image != "https://img.example.com/s.jpg" || !slices.Equal(v.Values, []string{"S"}) {
		t.Errorf("%s: got the variation %+v", name, v)
	}
}

// An export is read in each of the known languages, also if the merchant chose the columns.
func TestHeadersInEveryLanguage(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("headers.json")
	if err != nil {
		t.Fatal(err)
	}
	var languages map[string]map[string]string
	if err := json.Unmarshal(content, &languages); err != nil {
		t.Fatal(err)
	}
	means := map[string]string{}
	for language, names := range languages {
		for column, name := range names {
			if other, known := means[table.Name(name)]; known && other != column {
				t.Errorf("%s: %q means both %s and %s", language, name, column, other)
			}
			means[table.Name(name)] = column
		}
		header := func(column string) string {
			name, ok := names[column]
			if !ok {
				name = languages["en"][column]
			}
			return strings.Replace(name, "%d", "1", 1)
		}
		known := func(column string) bool { return header(column) != "" }
		reads(t, language, export(header, known))
	}
	if len(languages) < 24 {
		t.Errorf("%d languages", len(languages))
	}
}

// A whole export is read in a language that nobody knows, of WooCommerce with and without
// GTINs; and refused if its values are not those of such an export.
func TestHeadersByTheirPlaces(t *testing.T) {
	t.Parallel()
	unknown := func(column string) string {
		if strings.HasPrefix(column, "attribute") {
			return "Eigind 1 " + column[len("attribute"):]
		}
		return "~" + column
	}
	all := func(string) bool { return true }
	reads(t, "with GTINs", export(unknown, all))
	reads(t, "without GTINs", export(unknown, func(column string) bool { return column != "gtin" }))
	for name, content := range map[string]string{
		"other values":      strings.Replace(export(unknown, all), `"visible"`, `"yes"`, 1),
		"columns left out":  export(unknown, func(column string) bool { return column != "taxClass" }),
		"another order":     strings.Replace(export(unknown, all), `"~name"`, `"Regular price"`, 1),
		"nothing but names": fmt.Sprintf("%q,%q\n1,2\n", "Nimi", "Hinta"),
	} {
		header, err := table.NewReader(strings.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		if woocsv.Recognises(header) {
			t.Errorf("%s: is recognised", name)
		}
		_, err = listingtest.Read(t, woocsv.New(listingtest.Text(t, content), now))
		if err == nil || !strings.Contains(err.Error(), "rename it so") || !strings.HasPrefix(err.Error(), "line 1: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
