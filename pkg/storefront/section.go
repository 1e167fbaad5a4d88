package storefront

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/design"
)

// sectionView is a section with all that its template needs; nothing is looked up
// or decided in a template.
type sectionView struct {
	ID, Type, Variant       string
	First                   bool // it holds the page's h1
	Eyebrow, Headline       string
	Paragraphs              []string
	ActionLabel, ActionHref string
	Items                   []catalogue.Item
	Cards                   []cardView
	Shelves                 []shelfView
	Rows                    []rowView
	Groups                  []groupView
	Bars                    []barView
	Figures                 []figureView
	Measure                 string  // the attribute that Bars and Groups go by
	Sum                     sumView // of a bundle
	QuotedBy                string
	SearchHref              string
	Chips                   []linkView
}

// linkView is a word that leads somewhere.
type linkView struct{ Label, Href string }

// sumView is what several products cost together.
type sumView struct {
	Price, Was, Saved string // Was and Saved are empty without a sale
}

// Lead is the first product's card; nil without products.
func (s sectionView) Lead() *cardView {
	if len(s.Cards) == 0 {
		return nil
	}
	return &s.Cards[0]
}

// Rest are the cards after the first.
func (s sectionView) Rest() []cardView { return s.Cards[min(1, len(s.Cards)):] }

// rowView is one line of a comparison: a property, and each product's.
type rowView struct {
	Name   string
	Values []string
}

func (s *shopView) section(sec design.Section, i int, page *pageView) sectionView {
	v := sectionView{
		ID:          fmt.Sprintf("s%d", i+1),
		Type:        sec.Type,
		Variant:     sec.Variant,
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
	s.work(&v, sec, ps, page)
	return v
}

// work gives the section what its type works out of the catalogue.
func (s *shopView) work(v *sectionView, sec design.Section, ps []*catalogue.Product, page *pageView) {
	switch sec.Type {
	case "collections":
		v.Shelves = page.Shelves
	case "compare":
		if sec.Variant == "verdict" {
			said := verdicts(ps)
			for i := range v.Cards {
				v.Cards[i].Verdict = said[v.Cards[i].ID]
			}
		} else {
			v.Rows = compared(v.Cards)
		}
	case "finder":
		v.Groups = map[string]func() []groupView{"budget": s.byBudget, "traits": s.byTrait, "shelves": s.byShelf}[sec.Variant]()
	case "bundle":
		v.Sum = s.sum(ps)
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
		v.SearchHref = s.SearchPath(catalogue.Query{})
		switch sec.Variant {
		case "shelves":
			for _, c := range s.Collections {
				v.Chips = append(v.Chips, linkView{c.Name, s.CollectionPath(c.ID)})
			}
		case "words":
			for _, word := range s.CommonTags(8) {
				v.Chips = append(v.Chips, linkView{word, s.SearchPath(catalogue.Query{Words: word})})
			}
		}
	case "promises":
		v.Items = s.Assurances
	case "figures":
		v.Figures = s.figures()
	case "quote":
		// Whose words they are is the store's to say.
		for _, q := range s.Quotes {
			if q.Text == sec.Body {
				v.QuotedBy = q.By
			}
		}
	}
}

// sum is what the products cost together.
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

// compared are the properties that at least one of the products has, in the order
// in which they come.
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
