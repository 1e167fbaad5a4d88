// Package cataloguetest gives tests the shops of this repository. Every function fails
// the test when it cannot give what was asked for.
package cataloguetest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/wandstore/wandstore/pkg/catalogue"
)

// BuiltIn is the shops in the program.
func BuiltIn(t testing.TB) *catalogue.Shops {
	t.Helper()
	shops, err := catalogue.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	return shops
}

// Shop is a built-in shop.
func Shop(t testing.TB, slug string) *catalogue.Shop {
	t.Helper()
	shop, ok := BuiltIn(t).Shop(slug)
	if !ok {
		t.Fatalf("no built-in shop %s", slug)
	}
	return shop
}

// Document is the JSON document of a built-in shop after edit has changed it.
func Document(t testing.TB, slug string, edit func(document map[string]any)) []byte {
	t.Helper()
	shop := Shop(t, slug)
	b, err := json.Marshal(shop)
	if err != nil {
		t.Fatal(err)
	}
	var document map[string]any
	if err := json.Unmarshal(b, &document); err != nil {
		t.Fatal(err)
	}
	edit(document)
	if b, err = json.Marshal(document); err != nil {
		t.Fatal(err)
	}
	return b
}

// Edited is the shop that Document describes.
func Edited(t testing.TB, slug string, edit func(document map[string]any)) *catalogue.Shop {
	t.Helper()
	shop, err := catalogue.ReadShop(slug, slug, Document(t, slug, edit))
	if err != nil {
		t.Fatal(err)
	}
	return shop
}

// Product is product i of a document.
func Product(document map[string]any, i int) map[string]any {
	p, _ := document["products"].([]any)[i].(map[string]any)
	return p
}

// Example is the shop of deploy/stores, the example for operators. It sells another kind
// of product than the built-in shops.
func Example(t testing.TB) *catalogue.Shop {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		shops, err := catalogue.ReadDir(os.DirFS(filepath.Join(dir, "deploy", "stores")))
		if err == nil {
			return shops.All()[0]
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatalf("no deploy/stores above the working directory: %v", err)
		}
		dir = up
	}
}
