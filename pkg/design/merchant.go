package design

import (
	"slices"

	"github.com/wandstore/wandstore/pkg/catalogue"
)

// maxCampaignProducts is the most products of a campaign's section.
const maxCampaignProducts = 8

// WithMerchant returns d with what the merchant's rules put on every front page of the shop
// today, after the first section: the pinned products that are not there, and the campaigns.
// These sections are no model's, so they are never part of a stored design: a page that is
// rendered later has those of its day. d has passed Fit.
func (d Design) WithMerchant(shop *catalogue.Shop) Design {
	var campaigns []Section
	for _, c := range shop.Campaigns() {
		if s, ok := campaignSection(c, shop); ok {
			campaigns = append(campaigns, s)
		}
	}
	first := min(1, len(d.Sections))
	var shown []string
	for _, s := range slices.Concat(d.Sections[:first], campaigns) {
		shown = append(shown, s.ProductIDs...)
	}
	if pinned := without(shop.Pinned(), shown); len(pinned) > 0 {
		if s, ok := pinnedSection(pinned, shop); ok {
			campaigns = slices.Insert(campaigns, 0, s)
		}
	}
	d.Sections = slices.Insert(slices.Clone(d.Sections), first, campaigns...)
	d.Sections = d.Sections[:min(len(d.Sections), MaxSections)]
	return d
}

// campaignSection is the section of a campaign. The result is false if the shop never says
// its headline.
func campaignSection(c catalogue.Campaign, shop *catalogue.Shop) (Section, bool) {
	s := Section{
		Campaign: c.ID, Headline: shop.Permitted(c.Headline), Body: shop.Permitted(c.Body),
		ProductIDs: shop.CampaignProducts(c, maxCampaignProducts),
	}
	switch len(s.ProductIDs) {
	case 0:
		s.Type, s.Variant = "story", "panel"
	case 1:
		s.Type, s.Variant = "spotlight", "split"
	default:
		s.Type, s.Variant = "product-grid", "cards"
	}
	return s, s.Headline != "" && !shop.Forbids(s.texts()...)
}

// pinnedSection shows pinned products in a section of a type that the shop wants. The result
// is false if it wants none that could.
func pinnedSection(ids []string, shop *catalogue.Shop) (Section, bool) {
	for _, s := range []Section{{Type: "product-grid", Variant: "cards"}, {Type: "revisit", Variant: "thumbs"}, {Type: "spotlight", Variant: "split"}} {
		s.Headline, s.ProductIDs = "What we would show you first", ids
		if fitted, ok := s.fit(shop, &Report{}); ok {
			return fitted, true
		}
	}
	return Section{}, false
}
