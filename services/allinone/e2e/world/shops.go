package world

import (
	"fmt"
	"testing"

	"github.com/wandstore/wandstore/pkg/storefront"
)

// Shoppers returns n distinct ids.
func Shoppers(prefix string, n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("%s-%04d", prefix, i)
	}
	return ids
}

// BuiltIn is a shop that every process knows.
func BuiltIn(t testing.TB, slug string) *storefront.Store {
	t.Helper()
	all, err := storefront.LoadStores()
	if err != nil {
		t.Fatal(err)
	}
	shop, ok := all.Store(slug)
	if !ok {
		t.Fatalf("no %s", slug)
	}
	return shop
}
