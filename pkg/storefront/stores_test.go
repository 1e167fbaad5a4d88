package storefront_test

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/wandstore/wandstore/pkg/storefront"
)

func TestBuiltInStores(t *testing.T) {
	all := load(t)
	var slugs []string
	for _, st := range all.All() {
		slugs = append(slugs, st.Slug)
		if len(st.Version) != 25 {
			t.Errorf("%s: version %q, want twice 12 hex digits", st.Slug, st.Version)
		}
		if len(st.Products) < 12 {
			t.Errorf("%s: %d products, want at least 12", st.Slug, len(st.Products))
		}
		sold, few, sale := 0, 0, 0
		for _, p := range st.Products {
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
			t.Errorf("%s: %d sold out, %d nearly gone, %d on sale: the pages' states are not all shown", st.Slug, sold, few, sale)
		}
	}
	if !slices.IsSorted(slugs) || len(slugs) < 2 {
		t.Errorf("stores %v, want at least two, sorted", slugs)
	}

	wands := store(t, "magic-wands")
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
	if _, ok := all.Store("no-such-store"); ok {
		t.Error("found a store that is not there")
	}
	if _, ok := wands.Product("no-such-wand"); ok {
		t.Error("found a product that is not there")
	}
}

func TestVersionFollowsTheFile(t *testing.T) {
	read := func(b []byte) storefront.Version {
		all, err := storefront.ReadStores(fstest.MapFS{"magic-wands.json": {Data: b}})
		if err != nil {
			t.Fatal(err)
		}
		return all.All()[0].Version
	}
	b := storeFile(t)
	if a, again := read(b), read(b); a != again {
		t.Errorf("the same file has versions %s and %s", a, again)
	}
	if a, other := read(b), read(append(slices.Clone(b), '\n')); a == other {
		t.Errorf("another file has the same version %s", a)
	}
}

func storeFile(t *testing.T) []byte {
	t.Helper()
	b, err := os.ReadFile("stores/magic-wands.json")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestWrongStoreFiles(t *testing.T) {
	type doc = map[string]any
	product := func(d doc) doc { return d["products"].([]any)[0].(doc) }
	tests := map[string]struct {
		spoil func(doc)
		want  string // in the error, after the file's name
	}{
		"bad slug":                {func(d doc) { d["slug"] = "Magic Wands" }, `slug: is "Magic Wands"`},
		"slug of another file":    {func(d doc) { d["slug"] = "teas" }, "slug: is \"teas\", so the file must be called teas.json"},
		"no name":                 {func(d doc) { d["name"] = " " }, "name: must not be empty"},
		"long tagline":            {func(d doc) { d["tagline"] = strings.Repeat("x", 91) }, "tagline: has 91 characters, at most 90"},
		"no noun":                 {func(d doc) { d["noun"] = doc{"one": "wand"} }, "noun: many: must not be empty"},
		"unknown currency":        {func(d doc) { d["currency"] = "GALLEON" }, `currency: is "GALLEON"`},
		"foreign locale":          {func(d doc) { d["locale"] = "de-DE" }, `locale: is "de-DE", must be English`},
		"unknown palette":         {func(d doc) { d["theme"].(doc)["palette"] = "pink" }, `theme: palette: is "pink", must be one of parchment`},
		"unknown picture":         {func(d doc) { d["picture"].(doc)["kind"] = "photo" }, `picture: kind: is "photo", must be one of wand, cup`},
		"picture without colours": {func(d doc) { d["picture"].(doc)["body"] = "Weight" }, `picture: body: is "Weight"`},
		"bad colour":              {func(d doc) { shade(d)["light"] = "url(x)" }, `picture: shades: Wood: Holly: light is "url(x)"`},
		"no collections":          {func(d doc) { d["collections"] = []any{} }, "collections: must hold at least one"},
		"collection twice":        {func(d doc) { c := d["collections"].([]any); d["collections"] = append(c, c[0]) }, `collections 5: id: "first" is used twice`},
		"empty collection": {func(d doc) {
			d["collections"] = append(d["collections"].([]any), doc{"id": "void", "name": "Void", "blurb": "Nothing."})
		}, "collections: void: has no products"},
		"too many questions":   {func(d doc) { d["faq"] = slices.Repeat(d["faq"].([]any), 3) }, "faq: holds 9, at most 6"},
		"quote without author": {func(d doc) { d["quotes"].([]any)[0].(doc)["by"] = "" }, "quotes 1: by: must not be empty"},
		"no products":          {func(d doc) { d["products"] = []any{} }, "products: must hold at least one"},
		"product twice":        {func(d doc) { p := d["products"].([]any); d["products"] = append(p, p[0]) }, "product emberhollow: id: is used twice"},
		"bad product id":       {func(d doc) { product(d)["id"] = "Ember Hollow" }, `product 1: id: is "Ember Hollow"`},
		"no product name":      {func(d doc) { product(d)["name"] = "" }, "product emberhollow: name: must not be empty"},
		"unknown collection":   {func(d doc) { product(d)["collection"] = "attic" }, `product emberhollow: collection: is "attic"`},
		"no price":             {func(d doc) { product(d)["priceCents"] = 0 }, "product emberhollow: priceCents: is 0, must be above 0"},
		"sale above price":     {func(d doc) { product(d)["salePriceCents"] = 5900 }, "product emberhollow: salePriceCents: is 5900, must be below priceCents (5900)"},
		"stock below zero":     {func(d doc) { product(d)["stock"] = -1 }, "product emberhollow: stock: is -1"},
		"rating of six":        {func(d doc) { product(d)["rating"] = 6 }, "product emberhollow: rating: is 6"},
		"rating by nobody":     {func(d doc) { product(d)["reviews"] = 0 }, "product emberhollow: reviews: is 0 with a rating of 4.8"},
		"no day":               {func(d doc) { delete(product(d), "addedAt") }, "product emberhollow: addedAt: must be a day"},
		"bad day":              {func(d doc) { product(d)["addedAt"] = "yesterday" }, `date "yesterday" is not of the form`},
		"unknown wood":         {func(d doc) { attribute(d, 0)["value"] = "Plastic" }, `product emberhollow: attributes: Wood: is "Plastic"`},
		"attribute twice":      {func(d doc) { attribute(d, 1)["name"] = "Wood" }, "product emberhollow: attributes: Wood: is given twice"},
		"size without number":  {func(d doc) { attribute(d, 2)["value"] = "long" }, `product emberhollow: attributes: Length: is "long", must begin with a number`},
		"unknown field":        {func(d doc) { product(d)["colour"] = "red" }, `unknown field "colour"`},
		"wrong type":           {func(d doc) { product(d)["priceCents"] = "59.00" }, "priceCents"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := storefront.ReadStores(fstest.MapFS{"magic-wands.json": {Data: editedFile(t, "magic-wands", tt.spoil)}})
			if !errors.Is(err, storefront.ErrStoreFile) {
				t.Fatalf("error %v, want one that wraps ErrStoreFile", err)
			}
			if !strings.Contains(err.Error(), "magic-wands.json") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q, want the file and %q", err, tt.want)
			}
		})
	}
}

// editedFile is a built-in store's file, changed.
func editedFile(t testing.TB, slug string, edit func(map[string]any)) []byte {
	t.Helper()
	b, err := os.ReadFile("stores/" + slug + ".json")
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

func TestStoreFilesThatAreNone(t *testing.T) {
	tests := map[string]fstest.MapFS{
		"no files":      {},
		"empty":         {"a.json": {}},
		"truncated":     {"a.json": {Data: []byte(`{"slug":"a"`)}},
		"not JSON":      {"a.json": {Data: []byte("slug: a")}},
		"two documents": {"magic-wands.json": {Data: append(storeFile(t), "{}"...)}},
	}
	for name, files := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := storefront.ReadStores(files); !errors.Is(err, storefront.ErrStoreFile) {
				t.Errorf("error %v, want one that wraps ErrStoreFile", err)
			}
		})
	}
}

func TestFaultsOfAllFilesAreTold(t *testing.T) {
	_, err := storefront.ReadStores(fstest.MapFS{
		"a.json": {Data: []byte(`{"slug":"a"}`)},
		"b.json": {Data: []byte(`{"slug":"b"}`)},
	})
	for _, want := range []string{"a.json: name", "a.json: currency", "b.json: name", "b.json: products"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
}

func TestMoney(t *testing.T) {
	tests := map[string]map[int]string{
		"USD": {5900: "$59", 999: "$9.99", 1234505: "$12,345.05", 100: "$1", 5: "$0.05"},
		"GBP": {950: "£9.50"},
		"JPY": {1250: "¥1,250"},
		"CHF": {1200: "CHF 12"},
	}
	for code, amounts := range tests {
		st := &storefront.Store{Currency: code}
		for _, minor := range slices.Sorted(maps.Keys(amounts)) {
			if got := st.Money(minor); got != amounts[minor] {
				t.Errorf("%d of %s is %q, want %q", minor, code, got, amounts[minor])
			}
		}
	}
}
