package design_test

import (
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/persona"
)

// BenchmarkLargeShop makes the pages without a model of a shop of 20,000 products.
func BenchmarkLargeShop(b *testing.B) {
	shop := cataloguetest.Seeded(b, 20_000, 5)
	b.Run("default", func(b *testing.B) {
		for b.Loop() {
			design.Default(shop)
		}
	})
	for _, name := range persona.All() {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				design.Template(shop, name, design.Interests{})
			}
		})
	}
}

// BenchmarkRules is what the rules of a merchant cost in a shop of 20,000 products of five
// variants each: when the shop is read, for each design and each page, and of the check.
// BenchmarkDirectory of pkg/catalogue has what they cost when products change.
func BenchmarkRules(b *testing.B) {
	products := cataloguetest.SeededProducts(b, 20_000, 5)
	shopOf := func(b *testing.B, rules catalogue.Rules) *catalogue.Shop {
		b.Helper()
		shop, err := catalogue.ReadShop(cataloguetest.SeededSlug, cataloguetest.SeededSlug, cataloguetest.SeededDocumentWith(b, rules))
		if err != nil {
			b.Fatal(err)
		}
		return shop.With(products)
	}
	now := time.Now()
	for _, with := range []struct {
		name  string
		rules catalogue.Rules
	}{{"without", catalogue.Rules{}}, {"with", cataloguetest.SeededRules()}} {
		b.Run(with.name, func(b *testing.B) {
			shop := shopOf(b, with.rules)
			view := shop.For(persona.Explorer)
			answer := design.Template(view, persona.Explorer, design.Interests{})
			b.Run("the-shop", func(b *testing.B) {
				for b.Loop() {
					next := shop.With(products)
					for _, name := range persona.All() {
						next.For(name)
					}
				}
			})
			b.Run("a-design", func(b *testing.B) {
				for b.Loop() {
					answer.Fit(view, &design.Report{})
				}
			})
			b.Run("a-page", func(b *testing.B) {
				for b.Loop() {
					answer.Permitted(view).WithMerchant(view)
				}
			})
			b.Run("the-check", func(b *testing.B) {
				for b.Loop() {
					design.RuleEffects(shop, now)
				}
			})
		})
	}
}
