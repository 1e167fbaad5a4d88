package storefront_test

import (
	"testing"

	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/storefront"
)

func BenchmarkPage(b *testing.B) {
	shop := cataloguetest.Shop(b, "magic-wands")
	r := renderer(b)
	in := storefront.PageInput{Shop: shop, Design: design.Default(shop), Live: true}
	b.ReportAllocs()
	for b.Loop() {
		page, err := r.Page(in)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(page)))
	}
}
