package storefront_test

import (
	"slices"
	"testing"

	"github.com/wandstore/wandstore/pkg/storefront"
)

func TestReadWishes(t *testing.T) {
	look, words := storefront.ReadWishes(map[string]string{
		"palette": "ember", "density": "enormous", "corner": "", "wood": "holly", "core": "dragon scale",
	})
	if want := (storefront.Theme{Palette: "ember"}); look != want {
		t.Errorf("look %+v, want %+v", look, want)
	}
	// A colour is a look, and not what somebody searches for.
	if want := []string{"dragon scale", "holly"}; !slices.Equal(words, want) {
		t.Errorf("words %q, want %q", words, want)
	}
	base := storefront.Theme{Palette: "forest", Motion: "still"}
	if got, want := look.Over(base), (storefront.Theme{Palette: "ember", Motion: "still"}); got != want {
		t.Errorf("over the design's: %+v, want %+v", got, want)
	}
}
