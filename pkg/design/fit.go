package design

import (
	"slices"

	"github.com/wandstore/wandstore/pkg/catalogue"
)

// Fit returns d without what cannot be rendered for the shop or what its merchant's rules
// do not allow, and with the shop's own texts and products where d has none. Every design
// passes it before it is rendered, whoever made it. What is removed is counted in rep. The
// shop is as its rules have it for the design's persona ([catalogue.Shop.For]).
func (d Design) Fit(shop *catalogue.Shop, rep *Report) Design {
	out := Design{Theme: d.Theme}
	defaults := shop.Theme
	of := defaults.Choices()
	for i, choice := range out.Theme.Choices() {
		if choice.Valid() {
			continue
		}
		if *choice.Value != "" {
			rep.DroppedFields++
		}
		*choice.Value = *of[i].Value
	}
	for _, s := range d.Sections {
		fitted, ok := s.fit(shop, rep)
		switch {
		case !ok: // fit says why
		case len(out.Sections) == MaxSections:
			rep.DropSection(DropLimit)
		default:
			if n := len(out.Sections); n > 0 && shop.Forbids(slices.Concat(out.Sections[n-1].texts(), fitted.texts())...) {
				// Two sections say together what neither says alone.
				if fitted, ok = fitted.silenced(shop, rep); !ok {
					continue
				}
			}
			out.Sections = append(out.Sections, fitted)
		}
	}
	return out
}

// fit returns s as it can be rendered. The result is false if the section has to be left
// out, which rep says then.
func (s Section) fit(shop *catalogue.Shop, rep *Report) (Section, bool) {
	dropped := func(why DropReason) (Section, bool) {
		rep.DropSection(why)
		return Section{}, false
	}
	kind, ok := kindOf(s.Type)
	if !ok {
		return dropped(DropUnknownType)
	}
	if !shop.Rules.Wants(s.Type) {
		return dropped(DropUnwanted)
	}
	if kind.supported != nil && !kind.supported(shop) {
		return dropped(DropUnsupported)
	}
	if !slices.Contains(kind.variants, s.Variant) {
		if s.Variant != "" {
			rep.DroppedFields++
		}
		s.Variant = kind.variants[0]
	}
	if s.ProductIDs, ok = kind.choose(s.ProductIDs, shop, rep); !ok {
		return dropped(DropProducts)
	}
	if kind.items == 0 {
		s.Items = nil
	}
	if len(s.Items) > MaxItems {
		s.Items = s.Items[:MaxItems]
	}
	// The shop's tagline alone makes no hero.
	if s.Type == "hero" && s.Headline == "" && s.Body == "" && len(s.ProductIDs) == 0 {
		return dropped(DropWords)
	}
	s = s.permitted(shop, rep).withShopWords(kind, shop).permitted(shop, &Report{})
	if len(s.Items) < kind.items || s.Body == "" && kind.needsBody {
		return dropped(DropWords)
	}
	return s.headed(shop), true
}

// headed returns s with a headline that can stand for any: the shop never says the others.
func (s Section) headed(shop *catalogue.Shop) Section {
	if s.Headline == "" && s.Type != "quote" && !shop.Forbids(shop.Name) {
		s.Headline = shop.Name
	}
	return s
}

// choose returns the products of a section, sold-out ones last: those of ids that the
// type accepts, or the shop's own choice if too few are left. The result is false if
// that has too few as well. A type that takes no ids gets its products from FilledByShop
// when it is rendered.
func (k *sectionKind) choose(ids []string, shop *catalogue.Shop, rep *Report) ([]string, bool) {
	var kept []string
	for _, id := range ids {
		p, known := shop.Product(id)
		if !known || len(kept) == k.products || slices.Contains(kept, id) || k.accepts != nil && !k.accepts(p) {
			rep.DroppedProducts++
			continue
		}
		kept = append(kept, id)
	}
	if inLimelight(k.name, kept, shop) {
		rep.DroppedProducts += len(kept)
		kept = nil
	}
	if len(kept) < k.least && k.fill != nil {
		kept = k.fill(shop)
	}
	return shop.Arranged(kept), len(kept) >= k.least
}

// inLimelight reports whether a section shows nothing but products that the merchant's rules
// put after all others, and is not about what the shopper knows already.
func inLimelight(sectionType string, ids []string, shop *catalogue.Shop) bool {
	if len(ids) == 0 || sectionType == "revisit" || sectionType == "reorder" {
		return false
	}
	return !slices.ContainsFunc(ids, func(id string) bool { return !shop.PutLast(id) })
}
