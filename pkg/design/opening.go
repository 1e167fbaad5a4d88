package design

import (
	"slices"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/persona"
)

// openings are the section types that a persona's page may begin with, the best
// first. No type opens the pages of two personas, so their pages differ from the
// first screen on.
var openings = map[string][]string{
	persona.Minimalist: {"search", "spotlight"},
	persona.Explorer:   {"collections", "story", "craft"},
	persona.Dealhunter: {"deals", "ladder", "last-pieces"},
	persona.Loyalist:   {"thanks", "new-arrivals", "reorder"},
}

// Openings are the section types that a page for the persona may begin with, the
// best first; none for a persona of another name.
func Openings(whom string) []string { return slices.Clone(openings[whom]) }

// openingRank is the place of a type among the persona's openings. Types that are no
// opening come after all that are.
func openingRank(whom, name string) int {
	if i := slices.Index(openings[whom], name); i >= 0 {
		return i
	}
	return len(openings[whom])
}

// maxMinimalistSections is how many sections a minimalist's page has at most.
const maxMinimalistSections = 5

// firstScreens is how many sections a shopper sees without scrolling far.
const firstScreens = 4

// OpenFor is d with one of the persona's openings first, or second after a hero: one
// that d has further down, else one of the shop's own. Sections of the shopper's
// interests follow it, where the first screens do not show those products already.
// So a page addresses its shopper from the first screen on, whatever the model did. A
// minimalist's page is truncated to five sections.
func (d Design) OpenFor(shop *catalogue.Shop, whom string, in Interests) Design {
	if len(openings[whom]) == 0 {
		return d
	}
	d.Sections = slices.Clone(d.Sections)
	at := 0
	if len(d.Sections) > 0 && d.Sections[0].Type == "hero" {
		at = 1
	}
	opening := slices.IndexFunc(d.Sections, func(s Section) bool { return slices.Contains(openings[whom], s.Type) })
	if opening >= 0 {
		s := d.Sections[opening]
		d.Sections = slices.Insert(slices.Delete(d.Sections, opening, opening+1), at, s)
	} else if s, ok := openingOf(shop, whom); ok {
		d.Sections = slices.Insert(d.Sections, at, s)
	}
	after := min(at+1, len(d.Sections))
	d.Sections = slices.Insert(d.Sections, after, in.sections(shop, d.Sections[:min(firstScreens, len(d.Sections))])...)
	most := MaxSections
	if whom == persona.Minimalist {
		most = maxMinimalistSections
	}
	d.Sections = d.Sections[:min(len(d.Sections), most)]
	return d
}

// openingOf is the first of the persona's openings that the shop can fill itself;
// false if there is none.
func openingOf(shop *catalogue.Shop, whom string) (Section, bool) {
	for _, name := range openings[whom] {
		if section, ok := (Section{Type: name}).fit(shop, &Report{}); ok {
			return section, true
		}
	}
	return Section{}, false
}
