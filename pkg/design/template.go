package design

import (
	"slices"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/persona"
)

// Default is the page for a shopper of whom nothing is known. It has the shop's own theme
// and shows every part of the assortment.
func Default(shop *catalogue.Shop) Design {
	// The picks exclude each other, so that no product is shown three times.
	best := shop.Pick(1, nil, catalogue.ByFeatured)
	newest := shop.Pick(1, notIn(best), catalogue.ByArrival)
	deals := shop.Pick(4, func(p *catalogue.Product) bool { return p.OnSale() && notIn(best, newest)(p) }, catalogue.BySaving)
	d := Design{Theme: shop.Theme, Sections: []Section{
		{
			Type: "hero", Variant: "split", Headline: shop.Tagline, Body: shop.Summary(),
			ActionLabel: "See the " + shop.Noun.Many, ProductIDs: best,
		},
		{
			Type: "product-grid", Variant: "cards", Eyebrow: "Well loved", Headline: "Good places to start",
			ProductIDs: shop.Pick(8, notIn(best, newest, deals), catalogue.ByFeatured),
		},
		{
			Type: "deals", Variant: "strip", Eyebrow: "For now", Headline: "Priced a little kinder",
			ProductIDs: deals,
		},
		{Type: "collections", Variant: "tiles", Headline: "Find your shelf"},
		{
			Type: "spotlight", Variant: "facts", Eyebrow: "Just arrived", Headline: "New on the shelf",
			ProductIDs: newest,
		},
		{Type: "finder", Variant: "budget"},
		storySection(shop, "columns"),
	}}
	if len(shop.Quotes) > 0 {
		d.Sections = append(d.Sections, Section{Type: "quote", Variant: "large", Body: shop.Quotes[0].Text})
	}
	d.Sections = append(d.Sections, guideSection(shop, "steps"), faqSection(shop, "folded"))
	return d.Fit(shop, &Report{})
}

// Template is the page for a persona without a model. Equal inputs give equal designs.
// An unknown persona gets Default.
func Template(shop *catalogue.Shop, personaName string, in Interests) Design {
	shop = shop.For(personaName)
	t := templates{shop, in}
	var d Design
	switch personaName {
	case persona.Minimalist:
		d = t.minimalist()
	case persona.Explorer:
		d = t.explorer()
	case persona.Dealhunter:
		d = t.dealhunter()
	case persona.Loyalist:
		d = t.loyalist()
	default:
		return Default(shop)
	}
	return d.Fit(shop, &Report{})
}

// templates makes the template of each persona for one shop and one shopper.
type templates struct {
	*catalogue.Shop
	in Interests
}

func (t templates) minimalist() Design {
	few := t.pickFavourites(4, catalogue.ByFeatured)
	return Design{
		Theme: catalogue.Theme{Palette: "porcelain", Typeface: "modern", Density: "airy", Corner: "sharp", Motion: "still"},
		Sections: t.withInterests([]Section{
			{Type: "search", Variant: "shelves"},
			{Type: "product-grid", Variant: "list", Headline: t.countedHeadline(len(few)), ProductIDs: few},
			{Type: "compare", Variant: "table", Headline: "The difference, in one look", ProductIDs: few[:min(3, len(few))]},
		}),
	}
}

func (t templates) explorer() Design {
	rare := t.Pick(6, t.notViewed, catalogue.ByFewestReviews)
	return Design{
		Theme: catalogue.Theme{Palette: "orchid", Typeface: "editorial", Density: "regular", Corner: "round", Motion: "lively"},
		Sections: t.withInterests([]Section{
			{
				Type: "hero", Variant: "banner", Eyebrow: "Off the usual path", Headline: "The long way round the shop",
				Body:        "Start with what few people find: " + t.Noun.Many + " with a story, from every shelf we keep.",
				ActionLabel: "Wander in", ProductIDs: rare[:min(1, len(rare))],
			},
			{Type: "collections", Variant: "doors", Headline: "Every shelf has its own weather"},
			{Type: "product-grid", Variant: "feature", Eyebrow: "Seldom seen", Headline: "The unusual ones", ProductIDs: rare[min(1, len(rare)):]},
			{Type: "craft", Variant: "materials", Eyebrow: "Look closer"},
			storySection(t.Shop, "panel"),
			{Type: "finder", Variant: "traits", Headline: "Follow a thread", Body: "Pick a property, and see where it leads."},
			{
				Type: "product-grid", Variant: "rail", Eyebrow: "Keep going", Headline: "And around the next corner",
				ProductIDs: without(t.pickFavourites(12, catalogue.ByArrival), rare),
			},
			guideSection(t.Shop, "cards"),
		}),
	}
}

func (t templates) dealhunter() Design {
	deals := t.Pick(8, (*catalogue.Product).OnSale, catalogue.BySaving)
	small := t.Pick(7, func(p *catalogue.Product) bool { return (*catalogue.Product).Available(p) && notIn(deals)(p) }, catalogue.ByPrice)
	return Design{
		Theme: catalogue.Theme{Palette: "ember", Typeface: "workshop", Density: "compact", Corner: "soft", Motion: "gentle"},
		Sections: t.withInterests([]Section{
			{Type: "deals", Variant: "board", Eyebrow: "For those who compare", Headline: "Everything that costs less today", ProductIDs: deals},
			{Type: "compare", Variant: "verdict", Headline: "What you get for it", ProductIDs: deals[:min(4, len(deals))]},
			{Type: "bundle", Variant: "receipt", Eyebrow: "Added up for you", Headline: "A set that stays small", ProductIDs: small[:min(3, len(small))]},
			{Type: "ladder", Variant: "steps", Headline: "How far the prices go"},
			{Type: "product-grid", Variant: "cards", Eyebrow: "Small prices, same hands", Headline: "The kindest prices in the shop", ProductIDs: small[min(3, len(small)):]},
			{Type: "last-pieces", Variant: "count"},
			faqSection(t.Shop, "folded"),
		}),
	}
}

func (t templates) loyalist() Design {
	best := t.pickFavourites(3, catalogue.ByRating)
	return Design{
		Theme: catalogue.Theme{Palette: "midnight", Typeface: "classic", Density: "regular", Corner: "soft", Motion: "gentle"},
		Sections: t.withInterests([]Section{
			{
				Type: "thanks", Variant: "gift", Eyebrow: "Welcome back", Headline: "It is good to have you here again",
				Body:        "A few things have arrived since the shelves were last tidied. We put them in front.",
				ActionLabel: "See what is new", ProductIDs: best,
			},
			{Type: "new-arrivals", Variant: "cover", Eyebrow: "New in", Headline: "Latest on the shelves"},
			{Type: "reorder", Variant: "again", Headline: "Worth having again", ProductIDs: t.Known(t.in.Purchased)},
			{Type: "ranking", Variant: "podium", Eyebrow: "For those who know", Headline: "Among the best rated"},
			guideSection(t.Shop, "checklist"),
			storySection(t.Shop, "columns"),
		}),
	}
}

// withInterests inserts the sections of the shopper's interests after the second one.
// There they are on the first screens, and the page still begins with its opening.
func (t templates) withInterests(sections []Section) []Section {
	at := min(2, len(sections))
	return slices.Insert(sections, at, t.in.sections(t.Shop, sections[:at])...)
}

// pickFavourites is up to n products in the order of less, those of the collections that
// the shopper visits most first.
func (t templates) pickFavourites(n int, less func(a, b *catalogue.Product) int) []string {
	rank := func(p *catalogue.Product) int {
		if i := slices.Index(t.in.Categories, p.Collection); i >= 0 {
			return i
		}
		return len(t.in.Categories)
	}
	return t.Pick(n, nil, func(a, b *catalogue.Product) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		return less(a, b)
	})
}

func (t templates) notViewed(p *catalogue.Product) bool {
	return !slices.Contains(t.in.RecentProducts, p.ID) && !slices.Contains(t.in.Cart, p.ID)
}

// countedHeadline is a headline for n products, at most four, such as "Four good wands,
// plainly shown".
func (t templates) countedHeadline(n int) string {
	words := []string{"No", "One", "Two", "Three", "Four"}
	noun := t.Noun.Many
	if n == 1 {
		noun = t.Noun.One
	}
	return words[n] + " good " + noun + ", plainly shown"
}

// notIn returns a condition: no list has the product.
func notIn(lists ...[]string) func(*catalogue.Product) bool {
	return func(p *catalogue.Product) bool {
		return !slices.ContainsFunc(lists, func(ids []string) bool { return slices.Contains(ids, p.ID) })
	}
}

func without(ids, others []string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return slices.Contains(others, id) })
}

func storySection(s *catalogue.Shop, variant string) Section {
	return Section{Type: "story", Variant: variant, Eyebrow: "How we work", Headline: s.Story.Headline, Body: s.Story.Body}
}

func guideSection(s *catalogue.Shop, variant string) Section {
	return Section{Type: "guide", Variant: variant, Headline: s.Guide.Headline, Items: s.Guide.Items}
}

func faqSection(s *catalogue.Shop, variant string) Section {
	return Section{Type: "faq", Variant: variant, Headline: "Before you ask", Items: s.FAQ}
}
