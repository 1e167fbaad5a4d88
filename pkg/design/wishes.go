package design

import (
	"maps"
	"slices"

	"github.com/wandstore/wandstore/pkg/catalogue"
)

// ReadWishes reads a shopper's wishes, which are words by name. Names of a theme's
// fields give the theme, with its other fields empty, as in "palette": "midnight";
// values that the field does not have are ignored. The other wishes are words to
// search the catalogue for, in the order of their names.
func ReadWishes(wishes map[string]string) (theme catalogue.Theme, words []string) {
	choices := theme.Choices()
	for _, name := range slices.Sorted(maps.Keys(wishes)) {
		wish := wishes[name]
		i := slices.IndexFunc(choices, func(c catalogue.ThemeChoice) bool { return c.Name == name })
		if i < 0 {
			words = append(words, wish)
		} else if slices.Contains(choices[i].Values, wish) {
			*choices[i].Value = wish
		}
	}
	return theme, words
}
