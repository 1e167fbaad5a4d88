package storefront

import (
	"fmt"
	"strings"

	"github.com/wandstore/wandstore/pkg/catalogue"
)

// cardView is a product as a page shows it.
type cardView struct {
	ID, Name, Description, Alt string
	Image                      string // its address; "" for the drawing
	Href, CartHref             string
	Facts                      string // the first attributes in a line
	Attributes                 []catalogue.Attribute
	Price, Was, Saved          string // Was and Saved are empty without a sale
	Percent                    int    // saved
	Rating                     string
	Reviews                    int
	SoldOut, New               bool
	Left                       int // the stock if the product is nearly sold out; else 0
	Added                      string
	Bar                        string // the rating as SVG path data; 5 of 5 is 100 wide
	Verdict                    string // in a comparison

	product *catalogue.Product
	shop    *shopView
}

// Symbol is the id of the product's drawing, which the document then contains.
func (c cardView) Symbol() string {
	c.shop.draw(c.product)
	return "i-" + c.ID
}

func (s *shopView) card(p *catalogue.Product) cardView {
	c := cardView{
		product: p, shop: s,
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
	// The no-break space keeps a line from beginning with a dot.
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
		// Rounded down, so that a page never promises more than is saved.
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

// unbroken is an attribute's value. A number with its unit, such as "14¼ in", gets a
// no-break space, so that it stays on one line.
func unbroken(value string) string {
	if _, ok := catalogue.LeadingNumber(value); ok && len(value) <= 12 {
		return strings.ReplaceAll(value, " ", "\u00a0")
	}
	return value
}
