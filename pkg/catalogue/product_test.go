package catalogue_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/catalogue"
)

const shirt = `{
	"id": "linen-shirt", "name": "Linen shirt", "descriptionHtml": "<p>Woven in <b>Ulster</b>. Washed twice.</p>",
	"vendor": "Loom", "type": "Shirts", "tags": ["summer", "linen"],
	"options": [{"name": "Size", "values": ["S", "M", "L"]}, {"name": "Colour", "values": ["White", "كحلي"]}],
	"variants": [
		{"id": "s-w", "options": ["S", "White"], "priceCents": 4000, "stock": 0},
		{"id": "m-w", "options": ["M", "White"], "priceCents": 4500, "compareAtCents": 6000, "stock": 3, "image": 2},
		{"id": "l-n", "options": ["L", "كحلي"], "priceCents": 5500, "stock": 1, "stockPolicy": "continue", "sku": "L N", "barcode": "4006381333931"}
	],
	"images": [{"url": "https://cdn.example.com/a.jpg", "alt": "On a hanger", "width": 1200, "height": 1600}, {"url": "https://cdn.example.com/b.jpg"}]
}`

func TestProductWithVariants(t *testing.T) {
	p, err := catalogue.ReadProduct("CATALOGUE/shop.linen-shirt", "linen-shirt", []byte(shirt))
	if err != nil {
		t.Fatal(err)
	}
	low, high := p.PriceRange()
	got := fmt.Sprint(p.Offer().ID, " ", p.NowCents(), p.PriceCents, p.SavedCents(), low, high, p.Stock, p.SoldOut(), p.NearlySoldOut(), p.Quantity(500), " ", p.Image)
	if want := "m-w 4500 6000 1500 4500 5500 4 false false 99 https://cdn.example.com/a.jpg"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if p.Description != "Woven in Ulster. Washed twice." || p.Summary() != "Woven in Ulster." {
		t.Errorf("description %q", p.Description)
	}
	small, _ := p.Variant("s-w")
	last, _ := p.Chosen([]string{"L", "كحلي"})
	if small == nil || !small.SoldOut() || small.Quantity(2) != 0 || last == nil || last.Quantity(2) != 2 || last.NearlySoldOut() {
		t.Errorf("small %+v, large %+v", small, last)
	}
	if picture, ok := p.VariantPicture(last); !ok || picture.Alt != "On a hanger" {
		t.Errorf("the picture of a variant without its own: %+v", picture)
	}
	if _, ok := p.Variant("none"); ok {
		t.Error("found a variant that is not there")
	}

	// What is read, encoded and read again is the same.
	b, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := catalogue.ReadProduct("again", p.ID, b)
	if err != nil {
		t.Fatal(err)
	}
	if b2, err := again.Encode(); err != nil || string(b2) != string(b) {
		t.Errorf("encoded again: %v\n%s\n%s", err, b2, b)
	}
}

func TestFaultyProducts(t *testing.T) {
	for name, tt := range map[string]struct{ old, new, want string }{
		"not JSON":             {`{`, `{{`, "line 1: is not JSON"},
		"a list":               {shirt, `[]`, "the product: is an array"},
		"another id":           {`"linen-shirt"`, `"coat"`, `id: is "coat", must be "linen-shirt"`},
		"unknown field":        {`"vendor"`, `"seller"`, "seller: is not a field"},
		"variant twice":        {`"m-w"`, `"s-w"`, `variants[1].id: "s-w" is used twice`},
		"variant's id":         {`"m-w"`, `"m/w"`, `variants[1].id: is "m/w"`},
		"missing value":        {`["M", "White"]`, `["M"]`, "variants[1].options: holds 1 values for 2 options"},
		"unknown value":        {`["M", "White"]`, `["XL", "White"]`, `variants[1].options[0]: is "XL", which is not one of the values of "Size"`},
		"price below zero":     {`4500`, `-1`, "variants[1].priceCents: is -1"},
		"stock below zero":     {`"stock": 3`, `"stock": -3`, "variants[1].stock: is -3"},
		"stock policy":         {`"continue"`, `"maybe"`, `variants[2].stockPolicy: is "maybe"`},
		"picture of none":      {`"image": 2`, `"image": 3`, "variants[1].image: is 3, must be the number of one of 2 pictures"},
		"picture without TLS":  {`https://cdn.example.com/b.jpg`, `http://cdn.example.com/b.jpg`, "images[1].url: is"},
		"half a size":          {`"height": 1600`, `"height": 0`, "images[0]: is 1200 by 0 pixels"},
		"override in a name":   {`Linen shirt`, `Linen \u202Etrihs`, "name: holds the invisible character U+202E"},
		"isolate in a value":   {`"alt": "On`, `"alt": "\u2066On`, "images[0].alt: holds the invisible character U+2066"},
		"tag character in tag": {`"summer"`, `"summer\udb40\udc41"`, "tags[0]: holds the invisible character U+E0041"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := catalogue.ReadProduct("CATALOGUE/shop.linen-shirt", "linen-shirt", []byte(strings.Replace(shirt, tt.old, tt.new, 1)))
			if !errors.Is(err, catalogue.ErrProduct) || !strings.Contains(err.Error(), "product left out: CATALOGUE/shop.linen-shirt: "+tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestProductIDs(t *testing.T) {
	seen := map[string]string{}
	for _, handle := range []string{
		"linen-shirt", "Linen-Shirt", "linen shirt", "Über-Schön", "日本の茶", "日本の紙", "-", "", strings.Repeat("very-long-", 20), strings.Repeat("very-long-", 20) + "x", "a.b", "a*b", "a>b",
	} {
		id := catalogue.ProductID(handle)
		if other, taken := seen[id]; taken {
			t.Errorf("%q and %q are both %s", handle, other, id)
		}
		seen[id] = handle
		p := strings.Replace(shirt, `"linen-shirt"`, `"`+id+`"`, 1)
		if _, err := catalogue.ReadProduct("p", id, []byte(p)); err != nil {
			t.Errorf("%q: %v", handle, err)
		}
		if again := catalogue.ProductID(id); again != id {
			t.Errorf("the id %s becomes %s", id, again)
		}
	}
	if seen["linen-shirt"] != "linen-shirt" {
		t.Error("a handle that is an id is replaced")
	}
}

func TestCleanText(t *testing.T) {
	for s, want := range map[string]string{
		"  two \n lines\t":                       "two lines",
		"pay\u202eload\u2066s\u2069\u200b\ufeff": "payloads",
		"می\u200cخواهم":                          "می\u200cخواهم",
		"👩\u200d🌾":                               "👩\u200d🌾",
		"bad\xff bytes\x00":                      "bad bytes",
		"שלום \u200f(1)":                         "שלום \u200f(1)",
		"a\U000E0041b":                           "ab",
	} {
		if got := catalogue.CleanText(s); got != want {
			t.Errorf("%q becomes %q, want %q", s, got, want)
		}
	}
}

func TestAmounts(t *testing.T) {
	for _, tt := range []struct {
		code, text string
		minor      int
		formatted  string
	}{
		{"EUR", "12.5", 1250, "12.50"}, {"EUR", "0", 0, "0.00"}, {"EUR", ".99", 99, "0.99"}, {"EUR", " 7 ", 700, "7.00"},
		{"EUR", "12.500", 1250, "12.50"}, {"KWD", "1.250", 1250, "1.250"}, {"JPY", "500.00", 500, "500"}, {"CLF", "1.0001", 10001, "1.0001"},
	} {
		minor, err := catalogue.ParseAmount(tt.code, tt.text)
		if err != nil || minor != tt.minor || catalogue.FormatAmount(tt.code, minor) != tt.formatted {
			t.Errorf("%s %q: %d, %v, formatted %s", tt.code, tt.text, minor, err, catalogue.FormatAmount(tt.code, minor))
		}
	}
	for _, tt := range [][2]string{{"EUR", "12.505"}, {"JPY", "5.5"}, {"EUR", "-1"}, {"EUR", "1,50"}, {"EUR", "1.000.00"}, {"EUR", ""}, {"EUR", "."}, {"EUR", "1e3"}, {"EUR", "99999999999999999999"}, {"XXL", "1"}} {
		if minor, err := catalogue.ParseAmount(tt[0], tt[1]); err == nil {
			t.Errorf("%s %q is %d, want an error", tt[0], tt[1], minor)
		}
	}
}

func TestCollectionRules(t *testing.T) {
	p, err := catalogue.ReadProduct("p", "linen-shirt", []byte(shirt))
	if err != nil {
		t.Fatal(err)
	}
	type c = catalogue.Condition
	for _, tt := range []struct {
		match      string
		conditions []c
		want       bool
	}{
		{"all", []c{{"tag", "equals", "Summer"}, {"vendor", "equals", "loom"}}, true},
		{"all", []c{{"tag", "equals", "summer"}, {"vendor", "equals", "Other"}}, false},
		{"any", []c{{"tag", "equals", "winter"}, {"type", "starts-with", "shi"}}, true},
		{"any", []c{{"tag", "equals", "winter"}, {"type", "ends-with", "shi"}}, false},
		{"all", []c{{"tag", "not-equals", "winter"}}, true},
		{"all", []c{{"tag", "not-equals", "linen"}}, false},
		{"all", []c{{"title", "contains", "LINEN"}, {"title", "not-contains", "wool"}}, true},
		{"all", []c{{"price", "above", "4499"}, {"price", "below", "4501"}, {"price", "equals", "4500"}}, true},
		{"all", []c{{"price", "above", "4500"}}, false},
		{"all", nil, false},
	} {
		rules := &catalogue.CollectionRules{Match: tt.match, Conditions: tt.conditions}
		if got := rules.Takes(p); got != tt.want {
			t.Errorf("%s of %v: %t", tt.match, tt.conditions, got)
		}
	}
}
