package storefront

import (
	"slices"

	"github.com/wandstore/wandstore/pkg/persona"
)

// openings are the section types that a persona's page begins with, the best
// first. No type opens the page of two personas: so their pages are told apart by
// how they begin.
var openings = map[string][]string{
	persona.Minimalist: {"search", "spotlight"},
	persona.Explorer:   {"collections", "story", "craft"},
	persona.Dealhunter: {"deals", "ladder", "last-pieces"},
	persona.Loyalist:   {"thanks", "new-arrivals", "reorder"},
}

// Openings are the section types that a page for the persona may begin with, the
// best first; none for a persona of another name.
func Openings(whom string) []string { return slices.Clone(openings[whom]) }

// opens is the place of a type among those that open the persona's page; one that
// does not comes after all that do.
func opens(whom, name string) int {
	if i := slices.Index(openings[whom], name); i >= 0 {
		return i
	}
	return len(openings[whom])
}

// fewSections is how many sections a minimalist's page has at most.
const fewSections = 5

// firstScreens is how many sections are seen before much scrolling.
const firstScreens = 4

// OpenFor is d with one of the persona's openings at its beginning, or second
// after a hero: one that it has further down, else one of the store's own. What
// the shopper was about to do comes after it, where the first sections do not show
// it already. So a page addresses its shopper from the first screen on, also where
// a model did not care to. A minimalist's page is cut to five sections.
func (d Design) OpenFor(st *Store, whom string, in Interests) Design {
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
	} else if s, ok := st.opening(whom); ok {
		d.Sections = slices.Insert(d.Sections, at, s)
	}
	after := min(at+1, len(d.Sections))
	d.Sections = slices.Insert(d.Sections, after, in.sections(st, d.Sections[:min(firstScreens, len(d.Sections))])...)
	most := maxSections
	if whom == persona.Minimalist {
		most = fewSections
	}
	d.Sections = d.Sections[:min(len(d.Sections), most)]
	return d
}

// opening is the first of the persona's openings that the store can fill by
// itself; false if there is none.
func (s *Store) opening(whom string) (Section, bool) {
	for _, name := range openings[whom] {
		if section, ok := (Section{Type: name}).fit(s, &Report{}); ok {
			return section, true
		}
	}
	return Section{}, false
}
