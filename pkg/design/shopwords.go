package design

import (
	"slices"
	"strings"

	"github.com/wandstore/wandstore/pkg/catalogue"
)

// withShopWords returns s with the shop's own texts where it has none. WithoutShopWords
// removes them again.
func (s Section) withShopWords(kind *sectionKind, shop *catalogue.Shop) Section {
	headline := kind.headline
	switch s.Type {
	case "hero":
		headline = shop.Tagline
		// Half of these two variants is a picture.
		if len(s.ProductIDs) == 0 && (s.Variant == "split" || s.Variant == "banner") {
			s.ProductIDs = shop.Pick(1, (*catalogue.Product).Available, catalogue.ByFeatured)
		}
	case "story":
		if s.Body == "" {
			s.Body, headline = shop.Story.Body, shop.Story.Headline
		}
	case "craft":
		if s.Body == "" {
			s.Body = shop.About
		}
	case "guide":
		if len(s.Items) < kind.items {
			s.Items, headline = shop.Guide.Items, shop.Guide.Headline
		}
	case "faq":
		if len(s.Items) < kind.items {
			s.Items = shop.FAQ
		}
	case "quote":
		if s.Body == "" && len(shop.Quotes) > 0 {
			s.Body = shop.Quotes[0].Text
		}
	case "thanks":
		if s.Body == "" {
			s.Body = "A shop of this size stays open because people come back to it. Thank you for being one of them."
		}
	}
	if s.Headline == "" {
		s.Headline = headline
	}
	if strings.EqualFold(s.Eyebrow, s.Headline) {
		s.Eyebrow = ""
	}
	return s
}

// WithoutShopWords returns d without texts that equal the shop's own. A stored design
// then gets the shop's current texts when it is rendered again.
func (d Design) WithoutShopWords(shop *catalogue.Shop) Design {
	d.Sections = slices.Clone(d.Sections)
	for i := range d.Sections {
		s := &d.Sections[i]
		switch s.Type {
		case "hero":
			s.Headline = dropIfEqual(s.Headline, shop.Tagline)
		case "story":
			if s.Body == shop.Story.Body {
				s.Body, s.Headline = "", dropIfEqual(s.Headline, shop.Story.Headline)
			}
		case "craft":
			s.Body = dropIfEqual(s.Body, shop.About)
		case "guide":
			if slices.Equal(s.Items, shop.Guide.Items) {
				s.Items, s.Headline = nil, dropIfEqual(s.Headline, shop.Guide.Headline)
			}
		case "faq":
			if slices.Equal(s.Items, shop.FAQ) {
				s.Items = nil
			}
		case "quote":
			if len(shop.Quotes) > 0 {
				s.Body = dropIfEqual(s.Body, shop.Quotes[0].Text)
			}
		}
	}
	return d
}

// dropIfEqual returns words, or "" if they equal the shop's.
func dropIfEqual(words, shops string) string {
	if words == shops {
		return ""
	}
	return words
}
