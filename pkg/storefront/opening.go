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

// OpenFor is d with one of the persona's openings at its beginning, or second
// after a hero: one that it has further down, else one of the store's own. So a
// page addresses its shopper from the first screen on, also where a model did not
// care to.
func (d Design) OpenFor(st *Store, whom string) Design {
	if len(openings[whom]) == 0 {
		return d
	}
	at := 0
	if len(d.Sections) > 0 && d.Sections[0].Type == "hero" {
		at = 1
	}
	opening := slices.IndexFunc(d.Sections, func(s Section) bool { return slices.Contains(openings[whom], s.Type) })
	if opening >= 0 {
		s := d.Sections[opening]
		d.Sections = slices.Insert(slices.Delete(slices.Clone(d.Sections), opening, opening+1), at, s)
		return d
	}
	for _, name := range openings[whom] {
		if s, ok := (Section{Type: name}).fit(st, &Report{}); ok {
			d.Sections = slices.Insert(slices.Clone(d.Sections), at, s)
			d.Sections = d.Sections[:min(len(d.Sections), maxSections)]
			break
		}
	}
	return d
}
