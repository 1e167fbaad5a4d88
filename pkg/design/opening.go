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
// the top: d's own if it begins so, else one that the shop can fill, in place of a later
// section of that type. After it come sections of the shopper's interests, unless the
// first sections of d show those products already. So the first screen is for this
// shopper, whatever the model designed. A minimalist's page is truncated to five
// sections. An unknown persona changes nothing.
func (d Design) OpenFor(shop *catalogue.Shop, personaName string, in Interests) Design {
	opened, _ := d.openFor(shop, personaName, in)
	return opened
}

// Settled returns the beginning of OpenFor's result that stays as it is, whatever
// sections are added to the end of d. So the beginning of a design can be shown before
// its end is known.
func (d Design) Settled(shop *catalogue.Shop, personaName string, in Interests) Design {
	opened, settled := d.openFor(shop, personaName, in)
	opened.Sections = opened.Sections[:settled]
	return opened
}

// openFor is OpenFor, and the number of sections that are settled.
func (d Design) openFor(shop *catalogue.Shop, personaName string, in Interests) (opened Design, settled int) {
	opens := openings[personaName]
	if len(opens) == 0 {
		return d, len(d.Sections)
	}
	shop = shop.For(personaName)
	d.Sections = slices.Clone(d.Sections)
	at := 0
	if len(d.Sections) > 0 && d.Sections[0].Type == "hero" {
		at = 1
	}
	decided := at < len(d.Sections)
	if !decided || !slices.Contains(opens, d.Sections[at].Type) {
		if s, ok := openingOf(shop, personaName); ok {
			d.Sections = slices.DeleteFunc(d.Sections, func(other Section) bool { return other.Type == s.Type })
			d.Sections = slices.Insert(d.Sections, at, s)
		}
	}
	after := min(at+1, len(d.Sections))
	more := in.sections(shop, d.Sections[:min(firstScreens, len(d.Sections))])
	switch {
	case !decided:
		settled = at
	case len(more) > 0 && len(d.Sections) < firstScreens:
		// One of the next sections may show these products.
		settled = after
	default:
		settled = len(d.Sections) + len(more)
	}
	d.Sections = slices.Insert(d.Sections, after, more...)
	d.Sections = d.Sections[:min(len(d.Sections), maxSections(personaName))]
	return d, min(settled, len(d.Sections))
}

// CompletedBy returns d with the sections of rest that it lacks: those of another type,
// with a product that d does not show. d is the beginning of a page for the persona, and
// rest a whole page. The theme is d's, and so is what opens the page, unless d is a hero
// only. If d is empty, the result is rest.
func (d Design) CompletedBy(rest Design, personaName string) Design {
	if len(d.Sections) == 0 {
		return rest
	}
	d.Sections = slices.Clone(d.Sections)
	var shown []string
	for _, s := range d.Sections {
		shown = append(shown, s.ProductIDs...)
	}
	opened := len(d.Sections) > 1 || d.Sections[0].Type != "hero"
	for _, s := range rest.Sections {
		known := slices.ContainsFunc(d.Sections, func(other Section) bool { return other.Type == s.Type })
		nothingNew := len(s.ProductIDs) > 0 && len(without(s.ProductIDs, shown)) == 0
		if known || nothingNew || opened && slices.Contains(atTop, s.Type) {
			continue
		}
		d.Sections = append(d.Sections, s)
	}
	d.Sections = d.Sections[:min(len(d.Sections), maxSections(personaName))]
	return d
}

// atTop is the section types that open a page and make no sense further down.
var atTop = []string{"hero", "search", "thanks"}

// maxSections is the most sections of a page for the persona.
func maxSections(personaName string) int {
	if personaName == persona.Minimalist {
		return maxMinimalistSections
	}
	return MaxSections
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
