package design_test

import (
	"slices"
	"testing"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/design"
)

func TestReadWishes(t *testing.T) {
	theme, words := design.ReadWishes(map[string]string{
		"palette": "ember", "density": "enormous", "corner": "", "wood": "holly", "core": "dragon scale",
	})
	if want := (catalogue.Theme{Palette: "ember"}); theme != want {
		t.Errorf("theme %+v, want %+v", theme, want)
	}
	// A palette is part of the theme and not a search text.
	if want := []string{"dragon scale", "holly"}; !slices.Equal(words, want) {
		t.Errorf("words %q, want %q", words, want)
	}
	base := catalogue.Theme{Palette: "forest", Motion: "still"}
	if got, want := theme.WithDefaults(base), (catalogue.Theme{Palette: "ember", Motion: "still"}); got != want {
		t.Errorf("over the design's: %+v, want %+v", got, want)
	}
}
