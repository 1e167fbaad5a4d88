package design

import (
	"slices"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/persona"
)

// openings is the section types that a persona's page may begin with, the best first.
// No type is an opening of two personas, so that their pages differ on the first screen.
var openings = map[string][]string{
	persona.Minimalist: {"search", "spotlight"},
	persona.Explorer:   {"collections", "story", "craft"},
	persona.Dealhunter: {"deals", "ladder", "last-pieces"},
	persona.Loyalist:   {"thanks", "new-arrivals", "reorder"},
}

// Openings is the section types that a page for the persona may begin with, the best
// first. An unknown persona has none.
func Openings(personaName string) []string { return slices.Clone(openings[personaName]) }

// maxMinimalistSections is the most sections of a minimalist's page.
const maxMinimalistSections = 5

// firstScreens is the number of sections that a shopper sees without scrolling far.
const firstScreens = 4

// OpenFor returns d with one of the persona's openings at the top, or after a hero at
// the top. It moves the first opening that d has, or inserts one that the shop can fill.
// After it come sections of the shopper's interests, unless the first sections of d show
// those products already. So the first screen is for this shopper, whatever the model
// designed. A minimalist's page is truncated to five sections. An unknown persona
// changes nothing.
func (d Design) OpenFor(shop *catalogue.Shop, personaName string, in Interests) Design {
	if len(openings[personaName]) == 0 {
		return d
	}
	d.Sections = slices.Clone(d.Sections)
	at := 0
	if len(d.Sections) > 0 && d.Sections[0].Type == "hero" {
		at = 1
	}
	opening := slices.IndexFunc(d.Sections, func(s Section) bool { return slices.Contains(openings[personaName], s.Type) })
	if opening >= 0 {
		s := d.Sections[opening]
		d.Sections = slices.Insert(slices.Delete(d.Sections, opening, opening+1), at, s)
	} else if s, ok := openingOf(shop, personaName); ok {
		d.Sections = slices.Insert(d.Sections, at, s)
	}
	after := min(at+1, len(d.Sections))
	d.Sections = slices.Insert(d.Sections, after, in.sections(shop, d.Sections[:min(firstScreens, len(d.Sections))])...)
	most := MaxSections
	if personaName == persona.Minimalist {
		most = maxMinimalistSections
	}
	d.Sections = d.Sections[:min(len(d.Sections), most)]
	return d
}

// openingOf returns the first of the persona's openings that the shop can fill by
// itself. The result is false if there is none.
func openingOf(shop *catalogue.Shop, personaName string) (Section, bool) {
	for _, name := range openings[personaName] {
		if section, ok := (Section{Type: name}).fit(shop, &Report{}); ok {
			return section, true
		}
	}
	return Section{}, false
}
