package design

import (
	"slices"

	"github.com/wandstore/wandstore/pkg/catalogue"
)

// Permitted returns d without texts that the shop never says.
func (d Design) Permitted(shop *catalogue.Shop) Design {
	d.Sections = slices.Clone(d.Sections)
	for i := range d.Sections {
		d.Sections[i] = d.Sections[i].permitted(shop, &Report{})
	}
	return d
}

// permitted returns s without the sentences that the shop never says. If its texts say such
// a thing only when they are read together, they are all removed: nobody can tell which of
// them it needs.
func (s Section) permitted(shop *catalogue.Shop, rep *Report) Section {
	if !shop.Forbids(s.texts()...) {
		return s
	}
	rep.DroppedClaims++
	for _, text := range []*string{&s.Eyebrow, &s.Headline, &s.Body, &s.ActionLabel} {
		*text = shop.Permitted(*text)
	}
	s.Items = shop.PermittedItems(s.Items)
	if shop.Forbids(s.texts()...) {
		return s.wordless()
	}
	return s
}

// silenced returns s without its words. The result is false if it is nothing without them.
func (s Section) silenced(shop *catalogue.Shop, rep *Report) (Section, bool) {
	rep.DroppedClaims++
	s = s.wordless()
	kind, ok := kindOf(s.Type)
	if !ok || kind.needsBody || kind.items > 0 || s.Type == "hero" {
		rep.DropSection(DropWords)
		return Section{}, false
	}
	return s.headed(shop), true
}

func (s Section) wordless() Section {
	s.Eyebrow, s.Headline, s.Body, s.ActionLabel, s.Items = "", "", "", "", nil
	return s
}

// texts are the texts of the section, in the order in which they are read.
func (s Section) texts() []string {
	all := make([]string, 0, 4+2*len(s.Items))
	all = append(all, s.Eyebrow, s.Headline, s.Body, s.ActionLabel)
	for _, it := range s.Items {
		all = append(all, it.Title, it.Body)
	}
	return all
}
