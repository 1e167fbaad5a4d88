package storefront

import (
	"slices"
	"strings"

	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/persona"
)

type pageView struct {
	head
	// Masthead is true if the page's h1 is the shop's tagline and not in a section.
	Masthead    bool
	Sections    []sectionView
	Collections []collectionView
	// Tiled is true if the end of the page shows the collections with pictures, because no
	// section does.
	Tiled  bool
	Why    string
	Shared bool
	// Preview is set if a merchant looks at the page.
	Preview *Preview
	// Design is in the page of a persona, so that the page can be rendered again. It is
	// nil for a page that everybody gets.
	Design *design.Design
}

func newPageView(in PageInput, shop *shopView) *pageView {
	d := in.Design.Fit(shop.Shop, &design.Report{}).WithMerchant(shop.Shop)
	v := &pageView{
		head:        shop.head(viewHome, 0),
		Collections: shop.collections(),
		Why:         shop.Permitted(why[in.Persona]),
		Shared:      in.Shared,
	}
	v.Title = strings.TrimSuffix(shop.Name+" · "+shop.Tagline, " · ")
	v.Description = shop.Summary()
	v.Theme, v.Live = d.Theme, in.Live
	if v.Preview = in.Preview; v.Preview != nil {
		v.Robots = "noindex, nofollow"
	}
	if why[in.Persona] != "" {
		v.Persona = in.Persona
	}
	if in.Persona != "" && in.Preview == nil {
		own := in.Design.Permitted(shop.Shop).WithoutShopWords(shop.Shop)
		v.Design = &own
	}
	v.Masthead = len(d.Sections) == 0 || !slices.Contains([]string{"hero", "thanks", "search"}, d.Sections[0].Type)
	for i, s := range d.Sections {
		v.Sections = append(v.Sections, shop.section(s, i, v))
	}
	v.Tiled = !slices.ContainsFunc(d.Sections, func(s design.Section) bool { return s.Type == "collections" })
	v.linkActions()
	return v
}

// linkActions gives every button a target: the product of a spotlight, else the next
// section with products, else the way to all products at the end.
func (v *pageView) linkActions() {
	next := "#range"
	for i, s := range slices.Backward(v.Sections) {
		target := next
		if s.Type == "spotlight" && len(s.Cards) > 0 {
			target = s.Cards[0].Href
		}
		v.Sections[i].ActionHref = target
		if len(s.Cards) > 0 && s.Type != "hero" && s.Type != "story" {
			next = "#" + s.ID
		}
	}
}

// why tells shoppers why their page looks as it does, by persona.
var why = map[string]string{
	persona.Minimalist: "It begins with the search and is kept short, for shopping that knows what it wants.",
	persona.Explorer:   "It puts the unusual and the far shelves first, for shopping that likes to look around.",
	persona.Dealhunter: "It puts what is on sale first, for shopping that compares.",
	persona.Loyalist:   "It puts what is new first, for shopping that has been here before.",
}
