package catalogue

import "slices"

// Theme is the visual style of a page. Each field has one of the values that Choices
// lists.
type Theme struct {
	Palette  string `json:"palette" jsonschema:"enum=parchment,enum=midnight,enum=forest,enum=ember,enum=porcelain,enum=orchid,description=Colours. Each has a light and a dark form and the shopper's device picks."`
	Typeface string `json:"typeface" jsonschema:"enum=classic,enum=modern,enum=editorial,enum=workshop"`
	Density  string `json:"density" jsonschema:"enum=airy,enum=regular,enum=compact,description=Space around things."`
	Corner   string `json:"corner" jsonschema:"enum=sharp,enum=soft,enum=round"`
	Motion   string `json:"motion" jsonschema:"enum=still,enum=gentle,enum=lively"`
}

// ThemeChoice is one field of a theme, with its allowed values.
type ThemeChoice struct {
	Name   string  // of the field in JSON
	Value  *string // the field of the theme that Choices was called on
	Values []string
}

// Valid reports whether the field has one of its values.
func (c ThemeChoice) Valid() bool { return slices.Contains(c.Values, *c.Value) }

// Choices is the theme's fields. Setting a choice's Value changes the theme.
func (t *Theme) Choices() []ThemeChoice {
	return []ThemeChoice{
		{"palette", &t.Palette, []string{"parchment", "midnight", "forest", "ember", "porcelain", "orchid"}},
		{"typeface", &t.Typeface, []string{"classic", "modern", "editorial", "workshop"}},
		{"density", &t.Density, []string{"airy", "regular", "compact"}},
		{"corner", &t.Corner, []string{"sharp", "soft", "round"}},
		{"motion", &t.Motion, []string{"still", "gentle", "lively"}},
	}
}

// WithDefaults is t with base's value in each field that is empty.
func (t *Theme) WithDefaults(base Theme) Theme {
	out := *t
	defaults := base.Choices()
	for i, choice := range out.Choices() {
		if *choice.Value == "" {
			*choice.Value = *defaults[i].Value
		}
	}
	return out
}
