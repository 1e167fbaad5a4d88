package storefront

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/design"
)

// sectionView is a section with everything that its template needs. Templates look
// nothing up and decide nothing.
type sectionView struct {
	ID, Type, Variant       string
	Campaign                string // id of the merchant's campaign; "" for all others
	First                   bool   // its headline is the page's h1
	Eyebrow, Headline       string
	Paragraphs              []string
	ActionLabel, ActionHref string
	Items                   []catalogue.Item
	Cards                   []cardView
	Collections             []collectionView
	Rows                    []rowView
	Groups                  []groupView
	Bars                    []barView
	Figures                 []figureView
	Measure                 string  // the attribute that Bars and Groups show
	Sum                     sumView // of a bundle
	Direct                  bool    // a bundle goes into the cart as it is, without a choice
	QuotedBy                string
	SearchHref              string
	Chips                   []linkView
}

// linkView is a link.
type linkView struct{ Label, Href string }

// sumView is the total price of several products.
type sumView struct {
	Price, Was, Saved string // Was and Saved are empty without a sale
}

// From is false: a sum is one price.
func (sumView) From() bool { return false }

// Lead is the first product's card; nil without products.
func (s sectionView) Lead() *cardView {
	if len(s.Cards) == 0 {
		return nil
	}
	return &s.Cards[0]
}

// Rest are the cards after the first.
func (s sectionView) Rest() []cardView { return s.Cards[min(1, len(s.Cards)):] }

// rowView is one line of a comparison: an attribute's name, and its value for each
// product.
type rowView struct {
	Name   string
	Values []string
}

func (s *shopView) section(sec design.Section, i int, page *pageView) sectionView {
	v := sectionView{
		ID:          fmt.Sprintf("s%d", i+1),
		Type:        sec.Type,
		Variant:     sec.Variant,
		Campaign:    sec.Campaign,
		First:       i == 0 && !page.Masthead,
		Eyebrow:     sec.Eyebrow,
		Headline:    sec.Headline,
		ActionLabel: sec.ActionLabel,
		Items:       sec.Items,
	}
	if sec.Body != "" {
		v.Paragraphs = strings.Split(sec.Body, "\n\n")
	}
	ids := sec.ProductIDs
	if filled, ok := design.FilledByShop(sec.Type, s.Shop); ok {
		ids = filled
	}
	var ps []*catalogue.Product
	for _, id := range ids {
		if p, ok := s.Product(id); ok {
			ps = append(ps, p)
			v.Cards = append(v.Cards, s.card(p))
		}
	}
	s.derive(&v, sec, ps, page)
	return v
}

// derive fills the fields that the section's type derives from the catalogue.
func (s *shopView) derive(v *sectionView, sec design.Section, ps []*catalogue.Product, page *pageView) {
	switch sec.Type {
	case "collections":
		v.Collections = page.Collections
	case "compare":
		if sec.Variant == "verdict" {
			byID := verdicts(ps)
			for i := range v.Cards {
				v.Cards[i].Verdict = byID[v.Cards[i].ID]
			}
		} else {
			v.Rows = compared(v.Cards)
		}
	case "finder":
		v.Groups = map[string]func() []groupView{"budget": s.byBudget, "traits": s.byTrait, "shelves": s.byCollection}[sec.Variant]()
	case "bundle":
		v.Sum = s.sum(ps)
		v.Direct = !slices.ContainsFunc(v.Cards, func(c cardView) bool { return c.Choose })
	case "reviews":
		v.Figures = s.figures()[2:]
	case "craft":
		if sec.Variant == "materials" {
			v.Groups = s.materials()
		} else {
			v.Groups = s.kinds()
		}
	case "measure":
		v.Measure = s.SizeAttribute()
		switch sec.Variant {
		case "groups":
			v.Groups = s.bySize()
		case "table":
			v.Bars = s.bars(10)
		default:
			v.Bars = s.bars(7)
		}
	case "ladder":
		for i, rung := range []string{"To begin with", "In the middle", "Top of the shop"} {
			v.Cards[i].Verdict = rung
		}
	case "search":
		v.SearchHref = s.SearchFormPath()
		v.Chips = s.chips(sec.Variant)
	case "promises":
		v.Items = s.Assurances
	case "figures":
		v.Figures = s.figures()
	case "quote":
		// Only a quote of the shop has an author: a model may not put words into a
		// customer's mouth.
		for _, q := range s.Quotes {
			if q.Text == sec.Body {
				v.QuotedBy = q.By
			}
		}
	}
}

// chips is the links below the field of a search section.
func (s *shopView) chips(variant string) []linkView {
	var links []linkView
	switch variant {
	case "shelves":
		for _, c := range s.Collections {
			links = append(links, linkView{c.Name, s.CollectionPath(c.ID)})
		}
	case "words":
		for _, word := range s.CommonTags(8) {
			links = append(links, linkView{word, s.SearchPath(catalogue.Query{Words: word})})
		}
	}
	return links
}

// sum is the total price of the products.
func (s *shopView) sum(ps []*catalogue.Product) sumView {
	now, was := 0, 0
	for _, p := range ps {
		now += p.NowCents()
		was += p.PriceCents
	}
	v := sumView{Price: s.Money(now)}
	if was > now {
		v.Was, v.Saved = s.Money(was), s.Money(was-now)
	}
	return v
}

// compared is a row for each attribute that at least one of the products has, in order of
// first use.
func compared(cards []cardView) []rowView {
	var rows []rowView
	for i, c := range cards {
		for _, a := range c.Attributes {
			at := slices.IndexFunc(rows, func(r rowView) bool { return r.Name == a.Name })
			if at < 0 {
				at = len(rows)
				rows = append(rows, rowView{Name: a.Name, Values: make([]string, len(cards))})
			}
			rows[at].Values[i] = a.Value
		}
	}
	return rows
}
