package design_test

import (
	"slices"
	"testing"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/design"
)

func TestReadWishes(t *testing.T) {
	look, words := design.ReadWishes(map[string]string{
		"palette": "ember", "density": "enormous", "corner": "", "wood": "holly", "core": "dragon scale",
	})
	if want := (catalogue.Theme{Palette: "ember"}); look != want {
		t.Errorf("look %+v, want %+v", look, want)
	}
	// A colour is a look, and not what somebody searches for.
	if want := []string{"dragon scale", "holly"}; !slices.Equal(words, want) {
		t.Errorf("words %q, want %q", words, want)
	}
	base := catalogue.Theme{Palette: "forest", Motion: "still"}
	if got, want := look.WithDefaults(base), (catalogue.Theme{Palette: "ember", Motion: "still"}); got != want {
		t.Errorf("over the design's: %+v, want %+v", got, want)
	}
}
