package design_test

import (
	"testing"

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
