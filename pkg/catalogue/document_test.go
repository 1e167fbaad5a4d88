package catalogue_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
)

func TestBuiltInShops(t *testing.T) {
	all := cataloguetest.BuiltIn(t)
	var slugs []string
	for _, shop := range all.All() {
		slugs = append(slugs, shop.Slug)
		if len(shop.Version) != 25 {
			t.Errorf("%s: version %q, want twice 12 hex digits", shop.Slug, shop.Version)
		}
		if len(shop.Products) < 12 {
			t.Errorf("%s: %d products, want at least 12", shop.Slug, len(shop.Products))
		}
		sold, few, sale := 0, 0, 0
		for _, p := range shop.Products {
			switch {
			case p.SoldOut():
				sold++
			case p.Stock <= 4:
				few++
			}
			if p.OnSale() {
				sale++
			}
		}
		if sold == 0 || few == 0 || sale < 2 {
			t.Errorf("%s: %d sold out, %d nearly gone, %d on sale: the pages' states are not all shown", shop.Slug, sold, few, sale)
		}
	}
	if !slices.IsSorted(slugs) || len(slugs) < 2 {
		t.Errorf("shops %v, want at least two, sorted", slugs)
	}

	wands := cataloguetest.Shop(t, "magic-wands")
	if len(wands.Products) < 24 {
		t.Errorf("%d wands, want at least 24", len(wands.Products))
	}
	for _, p := range wands.Products {
		for _, name := range []string{"Wood", "Core", "Length"} {
			if p.Attribute(name) == "" {
				t.Errorf("%s has no %s", p.ID, name)
			}
		}
	}
	if _, ok := all.Shop("no-such-store"); ok {
		t.Error("found a shop that is not there")
	}
	if _, ok := wands.Product("no-such-wand"); ok {
		t.Error("found a product that is not there")
	}
}

func TestVersionChangesWithTheDocument(t *testing.T) {
	read := func(b []byte) catalogue.Version {
		all, err := catalogue.ReadDir(fstest.MapFS{"magic-wands.json": {Data: b}})
		if err != nil {
			t.Fatal(err)
		}
		return all.All()[0].Version
	}
	b := wandsDocument(t)
	if a, again := read(b), read(b); a != again {
		t.Errorf("the same file has versions %s and %s", a, again)
	}
	if a, other := read(b), read(append(slices.Clone(b), '\n')); a == other {
		t.Errorf("another file has the same version %s", a)
	}
}

func wandsDocument(t *testing.T) []byte {
	t.Helper()
	b, err := os.ReadFile("shops/magic-wands.json")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRefusedDocuments(t *testing.T) {
	type doc = map[string]any
	product := func(d doc) doc { return d["products"].([]any)[0].(doc) }
	tests := map[string]struct {
		spoil func(doc)
		want  string // in the error, after the file's name
	}{
		"bad slug":                {func(d doc) { d["slug"] = "Magic Wands" }, `slug: is "Magic Wands"`},
		"slug of another file":    {func(d doc) { d["slug"] = "teas" }, `slug: is "teas", must be "magic-wands"`},
		"no name":                 {func(d doc) { d["name"] = " " }, "name: must not be empty"},
		"long tagline":            {func(d doc) { d["tagline"] = strings.Repeat("x", 91) }, "tagline: has 91 characters, at most 90"},
		"no noun":                 {func(d doc) { d["noun"] = doc{"one": "wand"} }, "noun.many: must not be empty"},
		"unknown currency":        {func(d doc) { d["currency"] = "GALLEON" }, `currency: is "GALLEON"`},
		"foreign locale":          {func(d doc) { d["locale"] = "de-DE" }, `locale: is "de-DE", must be English`},
		"unknown palette":         {func(d doc) { d["theme"].(doc)["palette"] = "pink" }, `theme.palette: is "pink", must be one of parchment`},
		"unknown picture":         {func(d doc) { d["picture"].(doc)["kind"] = "photo" }, `picture.kind: is "photo", must be one of wand, cup, vessel`},
		"picture without colours": {func(d doc) { d["picture"].(doc)["body"] = "Weight" }, `picture.body: is "Weight"`},
		"bad colour":              {func(d doc) { shade(d)["light"] = "url(x)" }, `picture.shades.Wood.Holly: light is "url(x)"`},
		"no collections":          {func(d doc) { d["collections"] = []any{} }, "collections: must hold at least one"},
		"collection twice":        {func(d doc) { c := d["collections"].([]any); d["collections"] = append(c, c[0]) }, `collections[4].id: "first" is used twice`},
		"empty collection": {func(d doc) {
			d["collections"] = append(d["collections"].([]any), doc{"id": "void", "name": "Void", "blurb": "Nothing."})
		}, `collections[4]: "void" has no products`},
		"too many questions":   {func(d doc) { d["faq"] = slices.Repeat(d["faq"].([]any), 3) }, "faq: holds 9, at most 6"},
		"quote without author": {func(d doc) { d["quotes"].([]any)[0].(doc)["by"] = "" }, "quotes[0].by: must not be empty"},
		"no products":          {func(d doc) { d["products"] = []any{} }, "products: must hold at least one without a fault"},
		"product twice":        {func(d doc) { p := d["products"].([]any); d["products"] = append(p, p[0]) }, `products[26].id: "emberhollow" is used twice`},
		"bad product id":       {func(d doc) { product(d)["id"] = "Ember Hollow" }, `products[0].id: is "Ember Hollow"`},
		"no product name":      {func(d doc) { product(d)["name"] = "" }, "products[0].name: must not be empty"},
		"unknown collection":   {func(d doc) { product(d)["collection"] = "attic" }, `products[0].collection: is "attic"`},
		"no price":             {func(d doc) { product(d)["priceCents"] = 0 }, "products[0].priceCents: is 0, must be above 0"},
		"sale above price":     {func(d doc) { product(d)["salePriceCents"] = 5900 }, "products[0].salePriceCents: is 5900, must be below priceCents (5900)"},
		"stock below zero":     {func(d doc) { product(d)["stock"] = -1 }, "products[0].stock: is -1"},
		"rating of six":        {func(d doc) { product(d)["rating"] = 6 }, "products[0].rating: is 6"},
		"rating by nobody":     {func(d doc) { product(d)["reviews"] = 0 }, "products[0].reviews: is 0 with a rating of 4.8"},
		"no day":               {func(d doc) { delete(product(d), "addedAt") }, "products[0].addedAt: must be a day"},
		"bad day":              {func(d doc) { product(d)["addedAt"] = "yesterday" }, `products[0].addedAt: date "yesterday" is not of the form`},
		"unknown wood":         {func(d doc) { attribute(d, 0)["value"] = "Plastic" }, `products[0].attributes[0].value: "Wood" is "Plastic"`},
		"attribute twice":      {func(d doc) { attribute(d, 1)["name"] = "Wood" }, `products[0].attributes[1].name: "Wood" is given twice`},
		"size without number":  {func(d doc) { attribute(d, 2)["value"] = "long" }, `products[0].attributes[2].value: "Length" is "long", must begin with a number`},
		"unknown field":        {func(d doc) { product(d)["colour"] = "red" }, "products[0].colour: is not a field of a store"},
		"wrong type":           {func(d doc) { product(d)["priceCents"] = "59.00" }, "products[0].priceCents: is a string, which does not belong there"},
		"price of a fortune":   {func(d doc) { product(d)["priceCents"] = 1e14 }, "products[0].priceCents: is 100000000000000, must be above 0 and at most"},
		"price with a half":    {func(d doc) { product(d)["priceCents"] = 59.5 }, "products[0].priceCents: is a number"},
		"image without TLS":    {func(d doc) { product(d)["image"] = "http://cdn.example/a.jpg" }, `products[0].image: is "http://cdn.example/a.jpg", must be an https address`},
		"image of a script":    {func(d doc) { product(d)["image"] = "javascript:alert(1)" }, "products[0].image: is"},
		"image for a policy":   {func(d doc) { product(d)["image"] = "https://a.example;script-src" }, "products[0].image: is"},
		"image of any host":    {func(d doc) { product(d)["image"] = "https://*.example/a.jpg" }, "products[0].image: is"},
		"images of many hosts": {func(d doc) {
			p := d["products"].([]any)
			for i := range 7 {
				twin := maps.Clone(p[i].(doc))
				twin["id"] = fmt.Sprintf("twin-%d", i)
				d["products"] = append(d["products"].([]any), twin)
			}
			for i, p := range d["products"].([]any) {
				p.(doc)["image"] = fmt.Sprintf("https://cdn-%d.example/a.jpg", i)
			}
		}, "products[32].image: is on one more host than the 32 of the pictures before"},
		"checkout without TLS":    {func(d doc) { d["checkoutUrl"] = "http://pay.example/" }, `checkoutUrl: is "http://pay.example/"`},
		"hidden order of letters": {func(d doc) { product(d)["name"] = "Ember\u202Ehollow" }, "products[0].name: holds the invisible character U+202E"},
		"empty tag":               {func(d doc) { product(d)["tags"] = []any{""} }, "products[0].tags[0]: must not be empty"},
		"value of two lines":      {func(d doc) { d["currency"] = "EUR\nUSD" }, `currency: is "EUR\nUSD"`},
		"value of a book":         {func(d doc) { d["currency"] = strings.Repeat("x", 9000) }, `xxx…", must be a known`},
		"name of a book":          {func(d doc) { d[strings.Repeat("x", 9000)] = 1 }, `xxx…": is not a field`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := catalogue.ReadDir(fstest.MapFS{"magic-wands.json": {Data: editedDocument(t, "magic-wands", tt.spoil)}})
			if !errors.Is(err, catalogue.ErrDocument) && !errors.Is(err, catalogue.ErrProduct) {
				t.Fatalf("error %v, want one that wraps ErrDocument or ErrProduct", err)
			}
			if !strings.Contains(err.Error(), "magic-wands.json") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q, want the file and %q", err, tt.want)
			}
			for line := range strings.Lines(err.Error()) {
				_, place, _ := strings.Cut(line, ": ")
				if !strings.HasPrefix(place, "magic-wands.json: ") || len(line) > 400 {
					t.Errorf("line %q, want the file's name first, and no more than can be read", line)
				}
			}
		})
	}
}

// editedDocument is a built-in shop's document after edit has changed it.
func editedDocument(t testing.TB, slug string, edit func(map[string]any)) []byte {
	t.Helper()
	b, err := os.ReadFile("shops/" + slug + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]any
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	edit(file)
	if b, err = json.Marshal(file); err != nil {
		t.Fatal(err)
	}
	return b
}

func shade(d map[string]any) map[string]any {
	type doc = map[string]any
	return d["picture"].(doc)["shades"].(doc)["Wood"].(doc)["Holly"].(doc)
}

func attribute(d map[string]any, i int) map[string]any {
	type doc = map[string]any
	return d["products"].([]any)[0].(doc)["attributes"].([]any)[i].(doc)
}

func TestReadDirRefuses(t *testing.T) {
	tests := map[string]fstest.MapFS{
		"no files":      {},
		"empty":         {"a.json": {}},
		"truncated":     {"a.json": {Data: []byte(`{"slug":"a"`)}},
		"not JSON":      {"a.json": {Data: []byte("slug: a")}},
		"too large":     {"magic-wands.json": {Data: append(wandsDocument(t), make([]byte, catalogue.MaxDocumentBytes)...)}},
		"two documents": {"magic-wands.json": {Data: append(wandsDocument(t), "{}"...)}},
	}
	for name, files := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := catalogue.ReadDir(files); !errors.Is(err, catalogue.ErrDocument) {
				t.Errorf("error %v, want one that wraps ErrDocument", err)
			}
		})
	}
}

func TestReadDirReportsEveryFile(t *testing.T) {
	_, err := catalogue.ReadDir(fstest.MapFS{
		"a.json": {Data: []byte(`{"slug":"a"}`)},
		"b.json": {Data: []byte(`{"slug":"b"}`)},
	})
	for _, want := range []string{"a.json: name", "a.json: currency", "b.json: name", "b.json: collections: must"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
}

// An error of the JSON decoder has a JSON path or a line, as the faults of a check have.
func TestDecoderErrorsHaveAPlace(t *testing.T) {
	for text, want := range map[string]string{
		`{"slug":"a","slug":"b"}`:                 "a.json: slug: is given twice (line 1)",
		`{"Slug":"a"}`:                            "a.json: Slug: is not a field of a store",
		"{\n\"slug\":\n nope}":                    "a.json: line 3: is not JSON",
		`{"picture":{"shades":{"a b":{"c":[]}}}}`: `a.json: picture.shades."a b".c: is an array`,
		"{\"slug\":\"\xff\"}":                     "a.json: line 1: is not JSON: invalid UTF-8",
		`[]`:                                      "a.json: the store: is an array",
	} {
		_, err := catalogue.ReadShop("a.json", "a", []byte(text))
		if !errors.Is(err, catalogue.ErrDocument) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	many := `{"slug":"a","quotes":[` + strings.TrimSuffix(strings.Repeat("{},", 99), ",") + `]}`
	if _, err := catalogue.ReadShop("a.json", "a", []byte(many)); err == nil || strings.Count(err.Error(), "\n") != 20 || !strings.Contains(err.Error(), "more faults") {
		t.Errorf("of a hundred faults: %v", err)
	}
}

func TestMoney(t *testing.T) {
	tests := map[string]map[int]string{
		"USD": {5900: "$59", 999: "$9.99", 1234505: "$12,345.05", 100: "$1", 5: "$0.05"},
		"GBP": {950: "£9.50"},
		"JPY": {1250: "¥1,250"},
		"CHF": {1200: "CHF\u00a012"},
		"KWD": {1250: "KWD\u00a01.250", 5: "KWD\u00a00.005", 2000: "KWD\u00a02"},
		"XOF": {500: "F\u202fCFA\u00a0500"},
	}
	for code, amounts := range tests {
		shop := &catalogue.Shop{Currency: code}
		for _, minor := range slices.Sorted(maps.Keys(amounts)) {
			if got := shop.Money(minor); got != amounts[minor] {
				t.Errorf("%d of %s is %q, want %q", minor, code, got, amounts[minor])
			}
		}
	}
}
