package prompt_test

import (
	"math/rand/v2"
	"testing"

	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/prompt"
)

// BenchmarkLargeShop chooses what prompts share, and builds prompts, for a shop of 20,000
// products.
func BenchmarkLargeShop(b *testing.B) {
	shop := cataloguetest.Seeded(b, 20_000, 5)
	b.Run("shared", func(b *testing.B) {
		for b.Loop() {
			prompt.Shared(shop)
		}
	})
	b.Run("build", func(b *testing.B) {
		rng := rand.New(rand.NewPCG(1, 2))
		for b.Loop() {
			if _, err := prompt.Build(shopper(rng, shop)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
