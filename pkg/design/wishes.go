package design

import (
	"maps"
	"slices"

	"github.com/wandstore/wandstore/pkg/catalogue"
)

// ReadWishes separates a shopper's wishes, which are values by name, into a theme and
// search texts. A wish with the name of a theme's field sets that field, as in
// "palette": "midnight", unless the field does not allow the value. The theme's other
// fields are empty. The values of all other wishes are texts to search the catalogue
// for, in the order of their names.
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
