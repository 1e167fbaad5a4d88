package storefront_test

import (
	"testing"

	"github.com/wandstore/wandstore/pkg/catalogue"
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

// BenchmarkLargeShop renders pages of a shop of 20,000 products of five variants each, and
// reports what they weigh when they are sent.
func BenchmarkLargeShop(b *testing.B) {
	shop := cataloguetest.Seeded(b, 20_000, 5)
	r := renderer(b)
	everything := design.Design{Theme: shop.Theme}
	for _, kind := range []string{"finder", "collections", "ladder", "measure", "craft", "figures", "last-pieces", "ranking"} {
		everything.Sections = append(everything.Sections, design.Section{Type: kind, Body: "Made by hand."})
	}
	everything = everything.Fit(shop, &design.Report{})
	for _, page := range []struct {
		name   string
		render func() ([]byte, error)
	}{
		{"front", func() ([]byte, error) {
			return r.Page(storefront.PageInput{Shop: shop, Design: design.Default(shop), Live: true})
		}},
		{"filled-by-shop", func() ([]byte, error) {
			return r.Page(storefront.PageInput{Shop: shop, Design: everything, Live: true})
		}},
		{"list", func() ([]byte, error) { return r.Search(storefront.SearchInput{Shop: shop}) }},
		{"facets", func() ([]byte, error) {
			return r.Search(storefront.SearchInput{Shop: shop, Query: catalogue.Query{Words: "velvet", Vendor: "Harrow", InStock: true}})
		}},
		{"product", func() ([]byte, error) {
			return r.Product(storefront.ProductInput{Shop: shop, Product: shop.Products[4711]})
		}},
	} {
		b.Run(page.name, func(b *testing.B) {
			var html []byte
			for b.Loop() {
				var err error
				if html, err = page.render(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(html))/1000, "kB/page")
			b.ReportMetric(float64(compressed(b, html))/1000, "kB/gzip")
		})
	}
}
