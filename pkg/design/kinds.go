package design

import (
	"slices"

	"github.com/wandstore/wandstore/pkg/catalogue"
)

// sectionKind is one section type. A new type needs a row in sectionKinds, and in
// package storefront a template of the same name and its styles.
type sectionKind struct {
	name     string
	variants []string // the first is the default
	use      string   // for the model: when to use the type, and what each variant is
	headline string   // of a section that has none

	// products is the most and least the fewest products. A type with products 0 takes no
	// ids from the design.
	products, least int
	accepts         func(*catalogue.Product) bool  // whether a product fits the type; nil: all do
	fill            func(*catalogue.Shop) []string // the shop's own choice of products
	items           int                            // the fewest items; 0: the type has none
	needsBody       bool
	// words is the most characters of a body that the model is told; 0 is MaxBody, noBody none.
	// What opens a page first of all has few, a short headline, and neither eyebrow nor button,
	// so that it is soon complete and on the screen of who waits.
	words int
	// ids is the most products that the model is told; 0 is products.
	ids       int
	supported func(*catalogue.Shop) bool // whether the shop has enough for the type; nil: all have
}

const (
	noBody = -1
	// openingHeadline is the most characters of the headline of what opens a page.
	openingHeadline = 50
)

// sectionKinds is in the order in which a model reads the types.
var sectionKinds = []sectionKind{
	{
		name: "hero", variants: []string{"split", "centered", "banner", "statement"}, words: 70, products: 3,
		use: "Opens the page. split: beside a large picture; centered: above up to three; banner: deep colour; statement: very large words",
	},
	{
		name: "search", variants: []string{"plain", "shelves", "words"}, words: noBody, headline: "What are you looking for?",
		use: "Opens the page of somebody who knows what they want: a search field. plain: nothing else; shelves: with the collections; words: with words to begin with",
	},
	{
		name: "product-grid", variants: []string{"cards", "list", "rail", "feature"}, products: MaxProducts, least: 1, headline: "Picked for you",
		use: "Products to choose from. cards: pictures; list: quick to scan; rail: scrolls sideways; feature: first one large",
	},
	{
		name: "deals", variants: []string{"strip", "board", "list"}, words: 70, products: 8, ids: 3, least: 1, headline: "On sale now",
		accepts: (*catalogue.Product).OnSale, fill: func(shop *catalogue.Shop) []string {
			return shop.Pick(8, (*catalogue.Product).OnSale, catalogue.BySaving)
		},
		use: "Reduced products and what is saved. strip: coloured band; board: savings in large figures; list: lines",
	},
	{
		name: "spotlight", variants: []string{"split", "panel", "facts"}, products: 1, least: 1, headline: "A closer look",
		use: "One product in depth. split: picture beside words; panel: deep colour; facts: with all its properties",
	},
	{
		name: "collections", variants: []string{"tiles", "list", "doors"}, words: 70, headline: "Find your way around",
		use: "The way to every collection. tiles: with pictures; list: words; doors: large pictures, full width",
	},
	{
		name: "compare", variants: []string{"table", "cards", "verdict"}, products: 4, least: 2, headline: "Side by side",
		use: "Two to four products side by side. table: every property; cards: pictures; verdict: what each is best at",
	},
	{
		name: "finder", variants: []string{"budget", "traits", "shelves"}, headline: "Find yours in one question",
		supported: func(shop *catalogue.Shop) bool { return len(shop.Products) >= 4 },
		use:       "Guides to a product by one question, filled by the shop. budget: by price; traits: by a property; shelves: by collection",
	},
	{
		name: "bundle", variants: []string{"together", "receipt", "panel"}, products: 4, least: 2, headline: "Good together",
		accepts: (*catalogue.Product).Available, fill: func(shop *catalogue.Shop) []string {
			return shop.Pick(3, (*catalogue.Product).Available, catalogue.ByFeatured)
		},
		use: "Two to four products that go together; the shop adds them up. together: pictures in a row; receipt: a bill; panel: deep colour",
	},
	{
		name: "new-arrivals", variants: []string{"timeline", "cover", "rail"}, headline: "New on the shelves",
		fill: func(shop *catalogue.Shop) []string { return shop.Rank(6, nil, catalogue.ByArrival) },
		use:  "The latest, filled by the shop. timeline: by date; cover: newest one large; rail: scrolls sideways",
	},
	{
		name: "ranking", variants: []string{"podium", "numbered", "rail"}, headline: "Among the best loved",
		fill: func(shop *catalogue.Shop) []string {
			return shop.Rank(5, (*catalogue.Product).Rated, catalogue.ByRating)
		}, supported: rates(3),
		use: "The best rated of what can be had, in order, filled by the shop. podium: three large; numbered: lines; rail: scrolls sideways",
	},
	{
		name: "reviews", variants: []string{"bars", "wall", "summary"}, headline: "What the ratings say", supported: rates(1),
		products: 6, least: 1, accepts: (*catalogue.Product).Rated, fill: func(shop *catalogue.Shop) []string {
			return shop.Pick(6, (*catalogue.Product).Rated, catalogue.ByRating)
		},
		use: "Customers' ratings, drawn from the catalogue. bars: a scale each; wall: large figures; summary: the shop as a whole",
	},
	{
		name: "ladder", variants: []string{"steps", "lines", "panel"}, headline: "Good, better, best",
		fill: (*catalogue.Shop).PriceLadder, supported: func(shop *catalogue.Shop) bool { return len(shop.PriceLadder()) == 3 },
		use: "The lowest, the middle and the highest price, filled by the shop. steps: rising columns; lines: rows; panel: deep colour",
	},
	{
		name: "last-pieces", variants: []string{"count", "lines", "panel"}, headline: "The last of their kind",
		fill: func(shop *catalogue.Shop) []string {
			return shop.Rank(6, (*catalogue.Product).NearlySoldOut, catalogue.ByStock)
		}, supported: func(shop *catalogue.Shop) bool {
			return len(shop.Pick(1, (*catalogue.Product).NearlySoldOut, catalogue.ByStock)) > 0
		},
		use: "What is nearly gone, filled by the shop. count: large figures; lines: rows; panel: deep colour",
	},
	{
		name: "reorder", variants: []string{"again", "cards", "panel"}, products: 8, least: 1, headline: "Worth having again",
		use: "For a returning shopper: products bought before, or of that kind. again: rows; cards: small cards; panel: deep colour",
	},
	{
		name: "revisit", variants: []string{"thumbs", "lines", "band"}, products: 8, least: 1, headline: "Close at hand",
		use: "Products the shopper knows already, kept near. thumbs: small pictures; lines: rows; band: coloured, scrolls sideways",
	},
	{
		name: "thanks", variants: []string{"letter", "panel", "gift"}, words: 100, products: 3, ids: 2, needsBody: true, headline: "Good to have you back",
		use: "Opens the page of a returning shopper: warm words as body. letter: on paper; panel: deep colour; gift: beside up to three products",
	},
	{
		name: "story", variants: []string{"columns", "panel", "picture"}, products: 1, needsBody: true, headline: "Behind the counter",
		use: "One or two paragraphs worth reading. columns: headline beside text; panel: deep colour; picture: beside one product",
	},
	{
		name: "craft", variants: []string{"materials", "panel", "workbench"}, needsBody: true, headline: "What they are made of",
		use: "How and of what things are made; the shop adds materials. materials: pictures; panel: deep colour, in figures; workbench: beside a list",
	},
	{
		name: "guide", variants: []string{"steps", "cards", "checklist"}, items: 2, headline: "Good to know",
		use: "Advice or care in two to six items; the shop's own without items. steps: numbered; cards: side by side; checklist: ticked lines",
	},
	{
		name: "measure", variants: []string{"scale", "table", "groups"}, headline: "Find your measure",
		supported: func(shop *catalogue.Shop) bool { return len(shop.BySize()) >= 3 },
		use:       "Sizes compared, filled by the shop. scale: drawn to scale; table: all; groups: small, middle, large",
	},
	{
		name: "figures", variants: []string{"row", "panel", "ledger"}, headline: "The shop in figures",
		use: "The shop in a few true numbers, filled by the shop. row: across; panel: deep colour; ledger: as a list",
	},
	{
		name: "promises", variants: []string{"row", "cards", "panel"}, headline: "What you can count on",
		supported: func(shop *catalogue.Shop) bool { return len(shop.Assurances) > 0 },
		use:       "The shop's own assurances. row: across; cards: boxed; panel: deep colour",
	},
	{
		name: "faq", variants: []string{"folded", "open", "columns"}, items: 1, headline: "Questions, answered",
		use: "Questions with answers as items; the shop's own without items. folded: opens on a tap; open: all to read; columns: side by side",
	},
	{
		name: "quote", variants: []string{"large", "panel", "margin"}, needsBody: true,
		use: "One memorable sentence in the shop's own voice as body; never words of a customer. large: alone; panel: deep colour; margin: beside a rule",
	},
}

func kindOf(name string) (*sectionKind, bool) {
	i := slices.IndexFunc(sectionKinds, func(k sectionKind) bool { return k.name == name })
	if i < 0 {
		return nil, false
	}
	return &sectionKinds[i], true
}

// FilledByShop returns the product ids of a section type that the shop fills by itself.
// The result is false for a type that takes ids from the design or shows no products.
func FilledByShop(sectionType string, shop *catalogue.Shop) ([]string, bool) {
	kind, ok := kindOf(sectionType)
	if !ok || kind.products > 0 || kind.fill == nil {
		return nil, false
	}
	return kind.fill(shop), true
}

// rates returns a condition: the shop has at least n rated products.
func rates(n int) func(*catalogue.Shop) bool {
	return func(shop *catalogue.Shop) bool {
		return len(shop.Pick(n, (*catalogue.Product).Rated, catalogue.ByRating)) == n
	}
}
