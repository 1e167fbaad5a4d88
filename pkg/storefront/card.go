package storefront

import (
	"fmt"
	"strings"

	"github.com/wandstore/wandstore/pkg/catalogue"
)

// cardView is a product as it is written on a page.
type cardView struct {
	ID, Name, Description, Alt string
	Image                      string // instead of the drawing; "" for the drawing
	Href, CartHref             string
	Facts                      string // the first attributes in a line
	Attributes                 []catalogue.Attribute
	Price, Was, Saved          string // Was and Saved are empty without a sale
	Percent                    int    // saved
	Rating                     string
	Reviews                    int
	SoldOut, New               bool
	Left                       int // of a product that is nearly gone; else 0
	Added                      string
	Bar                        string // the rating as SVG path data, of 100
	Verdict                    string // in a comparison
}

// shelfView is a collection with its products.
type shelfView struct {
	catalogue.Collection
	Href  string
	From  string // lowest price
	Count string
	Face  cardView
	Cards []cardView
}

func (s *shopView) card(p *catalogue.Product) cardView {
	c := cardView{
		ID:          p.ID,
		Href:        s.ProductPath(p.ID),
		CartHref:    s.CartPath(),
		Name:        p.Name,
		Image:       p.Image,
		Description: p.Description,
		Attributes:  make([]catalogue.Attribute, len(p.Attributes)),
		Price:       s.Money(p.NowCents()),
		SoldOut:     p.SoldOut(),
		New:         s.IsNew(p),
		Added:       p.AddedAt.Time().Format("2 January 2006"),
		Reviews:     p.Reviews,
	}
	for i, a := range p.Attributes {
		c.Attributes[i] = catalogue.Attribute{Name: a.Name, Value: unbroken(a.Value)}
	}
	values := make([]string, 0, 3)
	for _, a := range c.Attributes[:min(3, len(c.Attributes))] {
		values = append(values, a.Value)
	}
	// A line ends after a dot, not before it.
	c.Facts = strings.Join(values, "\u00a0· ")
	c.Alt = p.Name
	if p.Image == "" {
		c.Alt = "Drawing of " + p.Name
	}
	if len(values) > 0 {
		c.Alt += ": " + strings.ToLower(strings.Join(values, ", "))
	}
	if p.OnSale() {
		c.Was = s.Money(p.PriceCents)
		c.Saved = s.Money(p.SavedCents())
		// Rounded down: a page promises no more than there is.
		c.Percent = p.SavedCents() * 100 / p.PriceCents
	}
	if p.Rating > 0 {
		c.Rating = fmt.Sprintf("%.1f", p.Rating)
		c.Bar = bar(p.Rating / 5)
	}
	if p.NearlySoldOut() {
		c.Left = p.Stock
	}
	return c
}

// unbroken is a property's value that a line does not end within if it is a number
// with its unit, as "14¼ in" is.
func unbroken(value string) string {
	if _, ok := catalogue.LeadingNumber(value); ok && len(value) <= 12 {
		return strings.ReplaceAll(value, " ", "\u00a0")
	}
	return value
}

func (s *shopView) shelves() []shelfView {
	shelves := make([]shelfView, len(s.Collections))
	for i, col := range s.Collections {
		sh := shelfView{Collection: col, Href: s.CollectionPath(col.ID)}
		onShelf := func(p *catalogue.Product) bool { return p.Collection == col.ID }
		lowest := 0
		for _, id := range s.Pick(len(s.Products), onShelf, catalogue.AsListed) {
			p, _ := s.Product(id)
			sh.Cards = append(sh.Cards, s.card(p))
			if lowest == 0 || p.NowCents() < lowest {
				lowest = p.NowCents()
			}
		}
		sh.From = s.Money(lowest)
		sh.Count = s.Count(len(sh.Cards))
		sh.Face = sh.Cards[0]
		shelves[i] = sh
	}
	return shelves
}
