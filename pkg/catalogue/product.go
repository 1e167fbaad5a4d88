package catalogue

import (
	"fmt"
	"slices"
	"time"
)

// Product is one thing that a shop sells. Amounts of money are in the minor unit of the
// shop's currency. A product that was read does not change and is safe for concurrent use.
//
// The price, sale price and stock of a product with variants follow from the variants: a
// reader of the product replaces what is written there. See [Product.Offer].
type Product struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Description is a few plain sentences. Without one it is the beginning of
	// DescriptionHTML's text.
	Description string `json:"description"`
	// DescriptionHTML is the merchant's own markup. It is not safe to show: see Markup.
	DescriptionHTML string `json:"descriptionHtml,omitempty"`
	// Collection is the id of the product's main collection, under which pages show it. If
	// it is empty it is the first of the shop's collections that holds the product.
	Collection string `json:"collection"`
	// Collections is the ids of more collections that hold the product.
	Collections    []string    `json:"collections,omitempty"`
	PriceCents     int         `json:"priceCents"`
	SalePriceCents int         `json:"salePriceCents,omitempty"` // 0: not on sale
	Stock          int         `json:"stock"`
	StockPolicy    StockPolicy `json:"stockPolicy,omitempty"`
	Attributes     []Attribute `json:"attributes,omitempty"`
	Tags           []string    `json:"tags,omitempty"`
	Vendor         string      `json:"vendor,omitempty"`
	Type           string      `json:"type,omitempty"` // as the merchant sorts products, such as "Shirts"
	// Options is what a shopper chooses, such as colour and size, and Variants what there
	// is of them. A product without variants has no options.
	Options  []Option  `json:"options,omitempty"`
	Variants []Variant `json:"variants,omitempty"`
	// Image is the https address of the first picture. Without one the product is drawn.
	Image string `json:"image,omitempty"`
	// Images is all pictures, in their order. Without any, Image is the only one.
	Images []Image `json:"images,omitempty"`
	// URL is the product's https address at the merchant, if it is sold there.
	URL     string  `json:"url,omitempty"`
	AddedAt Date    `json:"addedAt,omitzero"`
	Rating  float64 `json:"rating,omitempty"` // 1 to 5; 0: not rated yet
	Reviews int     `json:"reviews,omitempty"`
	// Sold is how many were sold lately; only its order among the shop's products counts.
	// Orders that webhooks tell add to it.
	Sold int `json:"sold,omitempty"`
	// BoughtWith is products that were in the same orders, those of the most orders first.
	BoughtWith []Companion `json:"boughtWith,omitempty"`
	// Origin says where an import had the product from.
	Origin *Origin `json:"origin,omitempty"`

	hosts    []string // of its pictures
	featured bool     // it has the tag for it
	sum      [8]byte  // identifies what was read

	// What follows is set when the product joins a shop.
	silenced []int    // numbers of what the shop never says that its texts said
	in       []string // the ids of the shop's collections that hold the product
	slot     uint32   // in the shop's index
	facets   []uint32 // numbers of the facets' values, in the shop's index
}

// Attribute is a named property of a product, as a shopper would read it.
type Attribute struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Origin is a product in the system that it was imported from.
type Origin struct {
	// ID is the product's id there.
	ID string `json:"id,omitempty"`
	// Handle is its name in addresses there.
	Handle string `json:"handle,omitempty"`
	// UpdatedAt is when it was changed there. An older state never replaces a newer one.
	UpdatedAt time.Time `json:"updatedAt,omitzero"`
}

// Date is a day, written 2006-01-02.
type Date struct{ day time.Time }

// DateOf is the day of t, UTC.
func DateOf(t time.Time) Date {
	y, m, d := t.UTC().Date()
	return Date{time.Date(y, m, d, 0, 0, 0, 0, time.UTC)}
}

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

// IsZero reports whether no day is given.
func (d Date) IsZero() bool { return d.day.IsZero() }

// OnSale reports whether the product costs less than its usual price.
func (p *Product) OnSale() bool { return p.SalePriceCents > 0 }

// SoldOut reports whether none can be bought.
func (p *Product) SoldOut() bool { return !p.StockPolicy.sells(p.Stock) }

// Available reports whether at least one can be bought.
func (p *Product) Available() bool { return !p.SoldOut() }

// nearlySoldOut is the largest stock at which pages say how many are left.
const nearlySoldOut = 4

// NearlySoldOut reports whether one to four are left.
func (p *Product) NearlySoldOut() bool { return p.StockPolicy.nearlySoldOut(p.Stock) }

// Rated reports whether customers have rated the product.
func (p *Product) Rated() bool { return p.Rating > 0 }

// Summary is the first sentence of the description.
func (p *Product) Summary() string { return firstSentence(p.Description) }

// MaxQuantity is the largest quantity of one product in a cart.
const MaxQuantity = 99

// Quantity limits a requested quantity to the stock and to MaxQuantity.
func (p *Product) Quantity(requested int) int { return p.StockPolicy.quantity(requested, p.Stock) }

// NowCents is today's price. Of a product with variants it is the lowest of those that
// can be bought.
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

// tagFeatured is the tag of products that a shop shows before others.
const tagFeatured = "featured"

// Tagged reports whether the product carries the tag.
func (p *Product) Tagged(tag string) bool { return slices.Contains(p.Tags, tag) }
