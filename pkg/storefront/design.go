package storefront

import (
	"maps"
	"slices"
	"strings"
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
	Items       []Item   `json:"items,omitempty" jsonschema:"maxItems=6,description=Advice or steps of a guide; questions and answers of a faq."`
}

// Item is a titled line: a step, a question with its answer.
type Item struct {
	Title string `json:"title" jsonschema:"maxLength=90"`
	Body  string `json:"body" jsonschema:"maxLength=240"`
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

// ReadWishes reads what a shopper has wished for, by name: the look that it names, as
// in "palette": "midnight", with the rest of the theme left empty, and the other wishes
// as words to look for in a catalogue, in the order of their names. A value that is no
// choice of its field is no wish.
func ReadWishes(wishes map[string]string) (look Theme, words []string) {
	choices := themeChoices(&look)
	for _, name := range slices.Sorted(maps.Keys(wishes)) {
		wish := wishes[name]
		i := slices.IndexFunc(choices, func(c themeChoice) bool { return c.name == name })
		if i < 0 {
			words = append(words, wish)
		} else if slices.Contains(choices[i].values, wish) {
			*choices[i].value = wish
		}
	}
	return look, words
}

// Over is t, with base's value where t has none.
func (t Theme) Over(base Theme) Theme {
	under := themeChoices(&base)
	for i, choice := range themeChoices(&t) {
		if *choice.value == "" {
			*choice.value = *under[i].value
		}
	}
	return t
}

// Report counts what of an answer was not used as it was given.
type Report struct {
	DroppedSections int  `json:"droppedSections"` // of no known type, over the limit, or with nothing left to draw
	DroppedProducts int  `json:"droppedProducts"` // not in the catalogue, repeated, out of place, or over the limit
	DroppedFields   int  `json:"droppedFields"`   // unknown, of the wrong type, or out of the choices
	DroppedClaims   int  `json:"droppedClaims"`   // sentences that named prices, discounts or addresses, or what the shopper did
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
	if !ok || kind.enough != nil && !kind.enough(st) {
		return Section{}, false
	}
	if !slices.Contains(kind.variants, s.Variant) {
		if s.Variant != "" {
			rep.DroppedFields++
		}
		s.Variant = kind.variants[0]
	}
	if s.ProductIDs, ok = kind.choose(s.ProductIDs, st, rep); !ok {
		return Section{}, false
	}
	if kind.items == 0 {
		s.Items = nil
	}
	if len(s.Items) > maxItems {
		s.Items = s.Items[:maxItems]
	}
	// A hero of which nothing was left but its place would say nothing.
	if s.Type == "hero" && s.Headline == "" && s.Body == "" && len(s.ProductIDs) == 0 {
		return Section{}, false
	}
	s = s.lent(kind, st)
	return s, len(s.Items) >= kind.items && (s.Body != "" || !kind.needsBody)
}

// choose is the products of a section: those of ids that have a place in it, or
// the shop's own choice where too few are left, with what is sold out last. False
// if there are too few even so. A type that takes no ids is given its products
// when it is drawn.
func (k *sectionKind) choose(ids []string, st *Store, rep *Report) ([]string, bool) {
	var kept []string
	for _, id := range ids {
		p, known := st.Product(id)
		if !known || len(kept) == k.products || slices.Contains(kept, id) || k.keep != nil && !k.keep(p) {
			rep.DroppedProducts++
			continue
		}
		kept = append(kept, id)
	}
	if len(kept) < k.least && k.own != nil {
		kept = k.own(st)
	}
	return st.soldOutLast(kept), len(kept) >= k.least
}

// lent is s with the store's own words where it has none.
func (s Section) lent(kind *sectionKind, st *Store) Section {
	headline := kind.headline
	switch s.Type {
	case "hero":
		headline = st.Tagline
		// Half of these two is the picture's.
		if len(s.ProductIDs) == 0 && (s.Variant == "split" || s.Variant == "banner") {
			s.ProductIDs = st.pick(1, available, byFavour)
		}
	case "story":
		if s.Body == "" {
			s.Body, headline = st.Story.Body, st.Story.Headline
		}
	case "craft":
		if s.Body == "" {
			s.Body = st.About
		}
	case "guide":
		if len(s.Items) < kind.items {
			s.Items, headline = st.Guide.Items, st.Guide.Headline
		}
	case "faq":
		if len(s.Items) < kind.items {
			s.Items = st.FAQ
		}
	case "quote":
		if s.Body == "" && len(st.Quotes) > 0 {
			s.Body = st.Quotes[0].Text
		}
	case "thanks":
		if s.Body == "" {
			s.Body = "A shop of this size stays open because people come back to it. Thank you for being one of them."
		}
	}
	if s.Headline == "" {
		s.Headline = headline
	}
	// Nothing is said twice, one line above the other.
	if strings.EqualFold(s.Eyebrow, s.Headline) {
		s.Eyebrow = ""
	}
	return s
}
