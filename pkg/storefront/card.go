package storefront

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/wandstore/wandstore/pkg/catalogue"
)

// cardView is a product as a page shows it.
type cardView struct {
	ID, Name, Description, Alt string
	Lang                       string     // of name and description; "" for the page's
	Photo                      *photoView // nil for the drawing
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
	Choose                     bool   // the product has options to choose from
	From                       bool   // some variants cost more than Price

	product *catalogue.Product
	shop    *shopView
}

// Drawn reports whether the product has a drawing.
func (c cardView) Drawn() bool { return c.shop.drawable(c.product) }

// Initial is the first letter of the product's name, which stands for a picture that there
// is not.
func (c cardView) Initial() string {
	for _, r := range c.Name {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return string(unicode.ToUpper(r))
		}
	}
	return "·"
}

// Drawing is the address of the product's drawing.
func (c cardView) Drawing() string { return c.shop.drawing(c.product) }

func (s *shopView) card(p *catalogue.Product) cardView {
	c := cardView{
		product: p, shop: s,
		ID:          p.ID,
		Href:        s.ProductPath(p.ID),
		CartHref:    s.CartPath(),
		Name:        p.Name,
		Lang:        wordsLanguage(s.Shop),
		Choose:      len(p.Variants) > 1,
		Description: p.Description,
		Attributes:  make([]catalogue.Attribute, len(p.Attributes)),
		Price:       s.Money(p.NowCents()),
		SoldOut:     p.SoldOut(),
		New:         s.IsNew(p),
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
	pictures := p.Pictures()
	if len(pictures) == 0 && s.drawable(p) {
		c.Alt = "Drawing of " + p.Name
	}
	if len(values) > 0 {
		c.Alt += ": " + strings.ToLower(strings.Join(values, ", "))
	}
	if len(pictures) > 0 {
		c.Photo = newPhotoView(pictures[0], c.Alt)
	}
	if !p.AddedAt.IsZero() {
		c.Added = p.AddedAt.Time().Format("2 January 2006")
	}
	low, high := p.PriceRange()
	c.From = low < high
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
