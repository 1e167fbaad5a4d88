package mapping_test

import (
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/services/importer/internal/listing"
	"github.com/wandstore/wandstore/services/importer/internal/mapping"
)

func mapper(t testing.TB) *mapping.Mapper {
	t.Helper()
	m, err := mapping.New("EUR")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// mug is a listing that can be taken.
func mug() listing.Product {
	five := 5
	return listing.Product{
		Line: 2, Handle: "mug", Title: "Mug", HTML: "<p>Holds tea.</p>", Categories: []string{"Kitchen > Mugs", "Sale"}, Tags: []string{"tea", "tea", " "},
		Options: []string{"Colour"},
		Images:  []listing.Image{{URL: "http://img.example.com/a b.jpg", Alt: "A mug"}, {URL: "data:x"}},
		Variants: []listing.Variant{
			{Values: []string{"Blue"}, Price: "12.00", CompareAt: "15", Stock: &five, Image: "https://img.example.com/blue.jpg"},
			{Values: []string{"Red"}, Price: "12.00", CompareAt: "10", SoldOut: true, Image: "http://img.example.com/a b.jpg"},
			{Values: []string{""}, Price: "13.00"},
			{Values: []string{"Grey"}, Price: "13.00", Backorder: true},
		},
	}
}

func TestProduct(t *testing.T) {
	t.Parallel()
	l := mug()
	got, err := mapper(t).Product(&l)
	if err != nil {
		t.Fatal(err)
	}
	p := got.Product
	if p.ID != "mug" || p.Collection != "kitchen-mugs" || strings.Join(p.Collections, " ") != "kitchen sale" || strings.Join(p.Tags, " ") != "tea" {
		t.Errorf("got %+v", p)
	}
	if len(p.Images) != 2 || p.Images[0].URL != "https://img.example.com/a%20b.jpg" || len(got.Notices) != 1 {
		t.Errorf("pictures %+v, notices %q", p.Images, got.Notices)
	}
	for i, want := range []catalogue.Variant{
		{ID: "blue", Options: []string{"Blue"}, PriceCents: 1200, CompareAtCents: 1500, Stock: 5, Image: 2},
		{ID: "red", Options: []string{"Red"}, PriceCents: 1200, Image: 1},
		{Options: []string{"–"}, PriceCents: 1300, StockPolicy: catalogue.StockUntracked},
		{ID: "grey", Options: []string{"Grey"}, PriceCents: 1300, StockPolicy: catalogue.StockContinue},
	} {
		v := p.Variants[i]
		if v.PriceCents != want.PriceCents || v.CompareAtCents != want.CompareAtCents || v.Stock != want.Stock || v.StockPolicy != want.StockPolicy ||
			v.Image != want.Image || v.Options[0] != want.Options[0] || want.ID != "" && v.ID != want.ID {
			t.Errorf("variant %d is %+v, want %+v", i, v, want)
		}
	}
	again, err := mapper(t).Product(&l)
	if err != nil || string(again.Encoded) != string(got.Encoded) {
		t.Errorf("a second time it is another product: %v", err)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*listing.Product)
		says   string
	}{
		"no title":             {func(p *listing.Product) { p.Title = " \u202e " }, "has no title"},
		"no handle":            {func(p *listing.Product) { p.Handle = "" }, "has neither"},
		"nothing to buy":       {func(p *listing.Product) { p.Variants = nil }, "has nothing to buy"},
		"no price":             {func(p *listing.Product) { p.Variants[1].Price = "" }, "has no price"},
		"no price, later":      {func(p *listing.Product) { p.Variants[1].Price, p.Variants[1].Line = "", 9 }, "line 9: has no price"},
		"a price that is none": {func(p *listing.Product) { p.Variants[1].Price = "1.299" }, `the price "1.299" is no amount`},
		"another currency":     {func(p *listing.Product) { p.Variants[0].Price = "5 USD" }, "not in the shop's currency"},
		"another's sign":       {func(p *listing.Product) { p.Variants[0].Price = "$5.00" }, "not in the shop's currency"},
		"one product twice": {func(p *listing.Product) {
			p.Options, p.Variants = nil, []listing.Variant{{Price: "1"}, {Price: "2", Line: 7}}
		}, "is for sale twice, in line 7 again, and no option tells the two apart"},
		"one variant twice": {func(p *listing.Product) { p.Variants[1].Values = []string{"Blue "} }, "has two variants"},
		"too many variants": {many, "has 101 variants"},
		"a reader's fault":  {func(p *listing.Product) { p.Fault = "is torn" }, "is torn"},
	} {
		l := mug()
		tt.change(&l)
		if _, err := mapper(t).Product(&l); err == nil || !strings.HasPrefix(err.Error(), tt.says) && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := mapping.New("EURO"); err == nil {
		t.Error("EURO is a currency")
	}
}

func many(p *listing.Product) {
	for i := len(p.Variants); i < 101; i++ {
		p.Variants = append(p.Variants, listing.Variant{Values: []string{strings.Repeat("x", i)}, Price: "1"})
	}
}

// Ids are made of what sources call things, and differ where these do.
func TestIDs(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, handle := range []string{"mug", "кружка", "чашка", "か", "Mug!", "mug?", "a b", "a-b", strings.Repeat("long-", 40), strings.Repeat("long-", 41)} {
		id := mapping.ID(&listing.Product{Handle: handle})
		if id == "" || len(id) > 63 || seen[id] != "" {
			t.Errorf("%q has the id %q, and so has %q", handle, id, seen[id])
		}
		seen[id] = handle
	}
	for _, same := range []string{"%D0%BA%D1%80%D1%83%D0%B6%D0%BA%D0%B0", "Кружка"} {
		if id := mapping.ID(&listing.Product{Handle: same}); seen[id] != "кружка" {
			t.Errorf("%q has another id than кружка: %q", same, id)
		}
	}
}

// Whatever a listing holds, what is made of it can be read by an edge, and is the same when
// it is made again.
func FuzzProduct(f *testing.F) {
	f.Add("mug", "Mug", "<p>x</p>", "Kitchen > Mugs", "Blue", "12.00", "https://img.example.com/x.jpg")
	f.Add("кр", "\u202eX", "<script>", ">", "", "1.299,00 EUR", "//x/é")
	f.Fuzz(func(t *testing.T, handle, title, html, category, value, price, image string) {
		l := listing.Product{
			Handle: handle, Title: title, HTML: html, Vendor: title, Type: category, Categories: []string{category, title}, Tags: []string{value, title},
			Options: []string{value, title}, Images: []listing.Image{{URL: image, Alt: title}}, Link: image,
			Attributes: []listing.Attribute{{Name: value, Value: title}},
			Variants: []listing.Variant{
				{Values: []string{value, title}, Price: price, SKU: value, ExternalID: value},
				{Values: []string{title, value}, Price: price, CompareAt: value, Image: image},
			},
		}
		m := mapper(t)
		got, err := m.Product(&l)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("the reason has lines: %v", err)
			}
			return
		}
		read, err := catalogue.ReadProduct("x", got.Product.ID, got.Encoded)
		if err != nil {
			t.Fatalf("an edge does not read it: %v", err)
		}
		if again, err := read.Encode(); err != nil || string(again) != string(got.Encoded) {
			t.Errorf("it is another product when it was read: %v", err)
		}
	})
}

// Names are read as a shopper reads them, and options can be told apart.
func TestWords(t *testing.T) {
	t.Parallel()
	l := mug()
	l.Title, l.Vendor, l.Tags = "<b>Salt</b> &amp; Pepper, 5 < 6 & R&D", "Fennel &amp; Sons", []string{"AT&T", "a &gt; b"}
	l.Categories = []string{"Caf&eacute; > <i>Mugs</i>"}
	l.Options = []string{"Size", "size", ""}
	l.Variants = []listing.Variant{{Values: []string{"S", "Long", "x"}, Price: "€ 1.234,56", Barcode: "4.00638E+12"}}
	got, err := mapper(t).Product(&l)
	if err != nil {
		t.Fatal(err)
	}
	p := got.Product
	if p.Name != "Salt & Pepper, 5 < 6 & R&D" || p.Vendor != "Fennel & Sons" || strings.Join(p.Tags, "|") != "AT&T|a > b" {
		t.Errorf("got %q of %q, %q", p.Name, p.Vendor, p.Tags)
	}
	if got.Collections[0].Name != "Mugs" || got.Collections[1].Name != "Café" {
		t.Errorf("collections %+v", got.Collections)
	}
	if p.Options[0].Name != "Size" || p.Options[1].Name != "size 2" || p.Options[2].Name != "Option" {
		t.Errorf("options %+v", p.Options)
	}
	if v := p.Variants[0]; v.Barcode != "" || v.PriceCents != 123456 || !strings.Contains(string(got.Notices[len(got.Notices)-1]), "rounded by a spreadsheet") {
		t.Errorf("variant %+v, notices %q", v, got.Notices)
	}
}
