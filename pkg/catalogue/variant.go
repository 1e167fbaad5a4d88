package catalogue

import (
	"cmp"
	"math"
	"slices"
)

// Option is what a shopper chooses of a product, such as "Size", with its values in the
// merchant's order.
type Option struct {
	Name   string   `json:"name"`
	Values []string `json:"values"`
}

// Variant is one form of a product that can be bought.
type Variant struct {
	// ID is unique in its product: letters, digits, dashes and underscores.
	ID      string `json:"id"`
	SKU     string `json:"sku,omitempty"`
	Barcode string `json:"barcode,omitempty"`
	// Options is the variant's values, in the order of the product's options.
	Options    []string `json:"options,omitempty"`
	PriceCents int      `json:"priceCents"`
	// CompareAtCents is the usual price if PriceCents is a reduced one; otherwise 0.
	CompareAtCents int         `json:"compareAtCents,omitempty"`
	Stock          int         `json:"stock,omitempty"`
	StockPolicy    StockPolicy `json:"stockPolicy,omitempty"`
	// Image is the number of the variant's picture in the product's Images, from 1; 0 for
	// none of its own.
	Image int `json:"image,omitempty"`
	// Origin says where an import had the variant from.
	Origin *VariantOrigin `json:"origin,omitempty"`
}

// VariantOrigin is a variant in the system that it was imported from.
type VariantOrigin struct {
	// ID is the variant's id there, which its checkout takes.
	ID string `json:"id,omitempty"`
	// InventoryID is the id by which stock is reported there.
	InventoryID string `json:"inventoryId,omitempty"`
	// StockAt is the version of Stock there, in milliseconds since 1970: an older stock
	// never replaces a newer one.
	StockAt int64 `json:"stockAt,omitempty"`
}

// Image is a picture of a product.
type Image struct {
	URL    string `json:"url"`           // https
	Alt    string `json:"alt,omitempty"` // what it shows, in words
	Width  int    `json:"width,omitempty"`
	Height int    `json:"height,omitempty"` // pixels; 0 with Width 0: unknown
}

// StockPolicy says what a stock means.
type StockPolicy string

// Stock policies.
const (
	// StockDeny: the stock is counted, and what is not there is not sold.
	StockDeny StockPolicy = ""
	// StockContinue: the stock is counted, and more is sold than there is.
	StockContinue StockPolicy = "continue"
	// StockUntracked: the stock is not counted, and there is always enough.
	StockUntracked StockPolicy = "untracked"
)

func (s StockPolicy) sells(stock int) bool { return s != StockDeny || stock > 0 }

func (s StockPolicy) nearlySoldOut(stock int) bool {
	return s == StockDeny && stock > 0 && stock <= nearlySoldOut
}

func (s StockPolicy) quantity(requested, stock int) int {
	if s != StockDeny {
		stock = MaxQuantity
	}
	return max(0, min(requested, stock, MaxQuantity))
}

// OnSale reports whether the variant costs less than its usual price.
func (v *Variant) OnSale() bool { return v.CompareAtCents > v.PriceCents && v.PriceCents > 0 }

// SoldOut reports whether none can be bought.
func (v *Variant) SoldOut() bool { return !v.StockPolicy.sells(v.Stock) }

// Available reports whether at least one can be bought.
func (v *Variant) Available() bool { return !v.SoldOut() }

// NearlySoldOut reports whether one to four are left.
func (v *Variant) NearlySoldOut() bool { return v.StockPolicy.nearlySoldOut(v.Stock) }

// Quantity limits a requested quantity to the stock and to MaxQuantity.
func (v *Variant) Quantity(requested int) int { return v.StockPolicy.quantity(requested, v.Stock) }

// NowCents is today's price.
func (v *Variant) NowCents() int { return v.PriceCents }

// UsualCents is the usual price, which is today's unless the variant is on sale.
func (v *Variant) UsualCents() int {
	if v.OnSale() {
		return v.CompareAtCents
	}
	return v.PriceCents
}

// Variant finds a variant by its id.
func (p *Product) Variant(id string) (*Variant, bool) {
	i := slices.IndexFunc(p.Variants, func(v Variant) bool { return v.ID == id })
	if i < 0 {
		return nil, false
	}
	return &p.Variants[i], true
}

// Chosen finds a variant by its values, in the order of the product's options.
func (p *Product) Chosen(values []string) (*Variant, bool) {
	i := slices.IndexFunc(p.Variants, func(v Variant) bool { return slices.Equal(v.Options, values) })
	if i < 0 {
		return nil, false
	}
	return &p.Variants[i], true
}

// Offer is the variant whose price the product shows: the cheapest that can be bought,
// or if none can, the cheapest. It is nil for a product without variants.
func (p *Product) Offer() *Variant {
	var best *Variant
	for i := range p.Variants {
		v := &p.Variants[i]
		switch {
		case best == nil || best.SoldOut() && v.Available():
			best = v
		case best.Available() == v.Available() && v.PriceCents < best.PriceCents:
			best = v
		}
	}
	return best
}

// PriceRange is the lowest and the highest price of today, of the variants that can be
// bought or, if none can, of all.
func (p *Product) PriceRange() (low, high int) {
	low, high = p.NowCents(), p.NowCents()
	for i := range p.Variants {
		if v := &p.Variants[i]; v.Available() || p.SoldOut() {
			high = max(high, v.PriceCents)
		}
	}
	return low, high
}

// Pictures is the product's pictures, the first one first. It is empty for a product that
// is drawn.
func (p *Product) Pictures() []Image {
	if len(p.Images) == 0 && p.Image != "" {
		return []Image{{URL: p.Image}}
	}
	return p.Images
}

// VariantPicture is the variant's own picture, or else the product's first.
func (p *Product) VariantPicture(v *Variant) (Image, bool) {
	pictures := p.Pictures()
	if len(pictures) == 0 {
		return Image{}, false
	}
	return pictures[cmp.Or(v.Image, 1)-1], true
}

// derive sets what follows from the variants and pictures.
func (p *Product) derive() {
	if p.Image == "" && len(p.Images) > 0 {
		p.Image = p.Images[0].URL
	}
	offer := p.Offer()
	if offer == nil {
		return
	}
	p.PriceCents, p.SalePriceCents = offer.UsualCents(), 0
	if offer.OnSale() {
		p.SalePriceCents = offer.PriceCents
	}
	p.Stock, p.StockPolicy = 0, StockDeny
	for i := range p.Variants {
		v := &p.Variants[i]
		p.Stock = min(p.Stock+v.Stock, math.MaxInt32)
		if v.StockPolicy != StockDeny && p.StockPolicy != StockUntracked {
			p.StockPolicy = v.StockPolicy
		}
	}
}
