package catalogue

import (
	"fmt"
	"slices"
	"time"
)

// Product is one thing that a shop sells. Amounts of money are in the minor unit of the
// shop's currency.
type Product struct {
	ID             string      `json:"id"`
	Name           string      `json:"name"`
	Description    string      `json:"description"`
	Collection     string      `json:"collection"` // a Collection's id
	PriceCents     int         `json:"priceCents"`
	SalePriceCents int         `json:"salePriceCents,omitempty"` // 0: not on sale
	Stock          int         `json:"stock"`
	Attributes     []Attribute `json:"attributes"`
	Tags           []string    `json:"tags,omitempty"`
	// Image is the https address of a square picture. Without one the product is drawn.
	Image   string  `json:"image,omitempty"`
	AddedAt Date    `json:"addedAt"`
	Rating  float64 `json:"rating,omitempty"` // 1 to 5; 0: not rated yet
	Reviews int     `json:"reviews,omitempty"`
}

// Attribute is a named property of a product, as a shopper would read it.
type Attribute struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Date is a day, written 2006-01-02.
type Date struct{ day time.Time }

// UnmarshalText reads a day.
func (d *Date) UnmarshalText(b []byte) error {
	t, err := time.Parse(time.DateOnly, string(b))
	if err != nil {
		return fmt.Errorf("date %q is not of the form 2006-01-02", b)
	}
	d.day = t
	return nil
}

// MarshalText writes a day.
func (d Date) MarshalText() ([]byte, error) {
	return []byte(d.day.Format(time.DateOnly)), nil
}

// Time is the day's first moment, UTC.
func (d Date) Time() time.Time { return d.day }

// OnSale reports whether the product costs less than its usual price.
func (p *Product) OnSale() bool { return p.SalePriceCents > 0 }

// SoldOut reports whether none is left.
func (p *Product) SoldOut() bool { return p.Stock == 0 }

// Available reports whether at least one is left.
func (p *Product) Available() bool { return !p.SoldOut() }

// nearlySoldOut is the largest stock at which pages say how many are left.
const nearlySoldOut = 4

// NearlySoldOut reports whether one to four are left.
func (p *Product) NearlySoldOut() bool { return p.Available() && p.Stock <= nearlySoldOut }

// Rated reports whether customers have rated the product.
func (p *Product) Rated() bool { return p.Rating > 0 }

// Summary is the first sentence of the description.
func (p *Product) Summary() string { return firstSentence(p.Description) }

// MaxQuantity is the largest quantity of one product in a cart.
const MaxQuantity = 99

// Quantity limits a requested quantity to the stock and to MaxQuantity.
func (p *Product) Quantity(requested int) int { return max(0, min(requested, p.Stock, MaxQuantity)) }

// NowCents is today's price.
func (p *Product) NowCents() int {
	if p.OnSale() {
		return p.SalePriceCents
	}
	return p.PriceCents
}

// SavedCents is the difference between the usual price and today's.
func (p *Product) SavedCents() int { return p.PriceCents - p.NowCents() }

// Attribute is the value of the attribute of that name, or "".
func (p *Product) Attribute(name string) string {
	for _, a := range p.Attributes {
		if a.Name == name {
			return a.Value
		}
	}
	return ""
}

// Tagged reports whether the product carries the tag.
func (p *Product) Tagged(tag string) bool { return slices.Contains(p.Tags, tag) }
