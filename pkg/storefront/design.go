package storefront

import (
	"slices"
)

// Limits of a design. The counts follow what Shopify allows a page template; the
// lengths are what the sections can hold on a phone without looking broken.
const (
	maxSections = 25
	maxProducts = 12 // of one section
	maxItems    = 6  // of one section
	maxEyebrow  = 40
	maxHeadline = 90
	maxBody     = 600
	maxAction   = 28
	maxItemBody = 240
)

// Design is a page as a model, or the shop itself, wants it: how it looks, and
// what is on it from top to bottom. It holds no prices, no links and no markup.
type Design struct {
	Theme    Theme     `json:"theme"`
	Sections []Section `json:"sections" jsonschema:"minItems=1,maxItems=25,description=From top to bottom. Four to eight make a good page."`
}

// Theme is how a page looks. A value that is not one of the choices is replaced
// by the store's own.
type Theme struct {
	Palette  string `json:"palette" jsonschema:"enum=parchment,enum=midnight,enum=forest,enum=ember,enum=porcelain,enum=orchid,description=Colours. Each has a light and a dark form and the shopper's device picks."`
	Typeface string `json:"typeface" jsonschema:"enum=classic,enum=modern,enum=editorial,enum=workshop"`
	Density  string `json:"density" jsonschema:"enum=airy,enum=regular,enum=compact,description=Space around things."`
	Corner   string `json:"corner" jsonschema:"enum=sharp,enum=soft,enum=round"`
	Motion   string `json:"motion" jsonschema:"enum=still,enum=gentle,enum=lively"`
}

// Section is one band of a page. Type and Variant decide how it is drawn; the
// other fields mean what the type makes of them, and what a type has no place for
// is not drawn. In Body a blank line divides paragraphs.
type Section struct {
	Type        string   `json:"type"`
	Variant     string   `json:"variant,omitempty"`
	Eyebrow     string   `json:"eyebrow,omitempty" jsonschema:"maxLength=40,description=A few words above the headline."`
	Headline    string   `json:"headline,omitempty" jsonschema:"maxLength=90"`
	Body        string   `json:"body,omitempty" jsonschema:"maxLength=600,description=Plain text. Never prices\\, discounts\\, links or markup."`
	ActionLabel string   `json:"actionLabel,omitempty" jsonschema:"maxLength=28,description=Words of the button; the shop decides where it leads."`
	ProductIDs  []string `json:"productIds,omitempty" jsonschema:"maxItems=12"`
	Items       []Item   `json:"items,omitempty" jsonschema:"maxItems=6,description=Steps of a guide or questions and answers of a faq."`
}

// Item is a titled line: a step, a question with its answer.
type Item struct {
	Title string `json:"title" jsonschema:"maxLength=90"`
	Body  string `json:"body" jsonschema:"maxLength=240"`
}

// sectionKind is what the package knows of a section type. A new type is a row
// here, a template of the same name and its styles.
type sectionKind struct {
	name     string
	variants []string // the first is drawn when none or an unknown one is named
	use      string   // tells a model when to use it, and each variant's look
	headline string   // drawn when the section has none of its own

	products, least int  // most and least products; 0 most: has no place for any
	saleOnly        bool // only products on sale have a place
	items           int  // least items; 0: has no place for any
	needsBody       bool
}

var sectionKinds = []sectionKind{
	{
		name: "hero", variants: []string{"split", "centered", "banner"}, products: 3, headline: "Welcome",
		use: "opens the page: headline, a sentence, one to three products (split: beside one large picture; centered: above three; banner: deep colour, full width)",
	},
	{
		name: "product-grid", variants: []string{"cards", "list", "rail", "feature"}, products: maxProducts, least: 1, headline: "Picked for you",
		use: "products to choose from (cards: pictures in a grid; list: small and quick to scan; rail: a row that scrolls sideways; feature: the first one large)",
	},
	{
		name: "deals", variants: []string{"strip", "board", "list"}, products: 8, least: 1, saleOnly: true, headline: "On sale now",
		use: "products on sale with what is saved, worked out by the shop (strip: a coloured band; board: large; list: lines ordered by saving)",
	},
	{
		name: "spotlight", variants: []string{"split", "panel", "facts"}, products: 1, least: 1, headline: "A closer look",
		use: "one product in depth (split: picture beside words; panel: on deep colour; facts: with a table of its properties)",
	},
	{
		name: "collections", variants: []string{"tiles", "list"}, headline: "Find your way around",
		use: "the way to every collection of the shop; needs no products (tiles: with pictures; list: words only)",
	},
	{
		name: "compare", variants: []string{"table", "cards"}, products: 4, least: 2, headline: "Side by side",
		use: "two to four products side by side, property by property",
	},
	{
		name: "story", variants: []string{"columns", "panel", "picture"}, products: 1, needsBody: true, headline: "Behind the counter",
		use: "one or two paragraphs worth reading (columns: headline beside text; panel: on deep colour; picture: beside one product)",
	},
	{
		name: "guide", variants: []string{"steps", "cards"}, items: 2, headline: "Good to know",
		use: "advice in two to six items (steps: numbered; cards: side by side)",
	},
	{
		name: "faq", variants: []string{"folded", "open"}, items: 1, headline: "Questions, answered",
		use: "questions with answers as items",
	},
	{
		name: "quote", variants: []string{"large", "panel"}, needsBody: true,
		use: "one memorable sentence in the shop's own voice as body; never words of a customer",
	},
}

func kindOf(name string) (*sectionKind, bool) {
	i := slices.IndexFunc(sectionKinds, func(k sectionKind) bool { return k.name == name })
	if i < 0 {
		return nil, false
	}
	return &sectionKinds[i], true
}

// themeChoice is one field of a theme with the values it may have.
type themeChoice struct {
	name   string
	value  *string
	values []string
}

func themeChoices(t *Theme) []themeChoice {
	return []themeChoice{
		{"palette", &t.Palette, []string{"parchment", "midnight", "forest", "ember", "porcelain", "orchid"}},
		{"typeface", &t.Typeface, []string{"classic", "modern", "editorial", "workshop"}},
		{"density", &t.Density, []string{"airy", "regular", "compact"}},
		{"corner", &t.Corner, []string{"sharp", "soft", "round"}},
		{"motion", &t.Motion, []string{"still", "gentle", "lively"}},
	}
}

// Report counts what of an answer was not used as it was given.
type Report struct {
	DroppedSections int  `json:"droppedSections"` // of no known type, over the limit, or with nothing left to draw
	DroppedProducts int  `json:"droppedProducts"` // not in the catalogue, repeated, out of place, or over the limit
	DroppedFields   int  `json:"droppedFields"`   // unknown, of the wrong type, or out of the choices
	DroppedClaims   int  `json:"droppedClaims"`   // sentences that named prices, discounts or addresses
	CutFields       int  `json:"cutFields"`       // longer than their place
	Salvaged        bool `json:"salvaged"`        // put together from HTML or from an answer that broke off
}

// fit is d with everything left out that cannot be drawn for the store: the last
// gate before drawing, whoever made the design.
func (d Design) fit(st *Store, rep *Report) Design {
	out := Design{Theme: d.Theme}
	own := st.Theme
	owns := themeChoices(&own)
	for i, choice := range themeChoices(&out.Theme) {
		if slices.Contains(choice.values, *choice.value) {
			continue
		}
		if *choice.value != "" {
			rep.DroppedFields++
		}
		*choice.value = *owns[i].value
	}
	for _, s := range d.Sections {
		fitted, ok := s.fit(st, rep)
		if !ok || len(out.Sections) == maxSections {
			rep.DroppedSections++
			continue
		}
		out.Sections = append(out.Sections, fitted)
	}
	return out
}

// fit is s as its type can draw it; false if nothing would be worth drawing.
func (s Section) fit(st *Store, rep *Report) (Section, bool) {
	kind, ok := kindOf(s.Type)
	if !ok {
		return Section{}, false
	}
	if !slices.Contains(kind.variants, s.Variant) {
		if s.Variant != "" {
			rep.DroppedFields++
		}
		s.Variant = kind.variants[0]
	}
	var ids []string
	for _, id := range s.ProductIDs {
		p, known := st.Product(id)
		if !known || len(ids) == kind.products || slices.Contains(ids, id) || kind.saleOnly && !p.OnSale() {
			rep.DroppedProducts++
			continue
		}
		ids = append(ids, id)
	}
	s.ProductIDs = ids
	if len(ids) < kind.least {
		return Section{}, false
	}
	if kind.items == 0 {
		s.Items = nil
	}
	if len(s.Items) > maxItems {
		s.Items = s.Items[:maxItems]
	}
	if len(s.Items) < kind.items || kind.needsBody && s.Body == "" {
		return Section{}, false
	}
	if s.Headline == "" {
		// A hero of which nothing was left but its place would say nothing.
		if s.Type == "hero" && s.Body == "" && len(ids) == 0 {
			return Section{}, false
		}
		s.Headline = kind.headline
	}
	return s, true
}
