package catalogue

import "strings"

// Line is what a line of a cart buys: a product, in one of its variants if it has some.
type Line struct {
	Product *Product
	Variant *Variant // nil for a product without variants
}

// LineKey is the key of a cart's line: the product's id, or id:variant.
func LineKey(product, variant string) string {
	if variant == "" {
		return product
	}
	return product + ":" + variant
}

// LineProduct is the product's id in the key of a line.
func LineProduct(key string) string {
	product, _, _ := strings.Cut(key, ":")
	return product
}

// Line finds what the line of that key buys. A key that names no variant of a product with
// variants, such as one of a cart from before the product had any, is that of its Offer.
func (s *Shop) Line(key string) (Line, bool) {
	id, variant, named := strings.Cut(key, ":")
	p, ok := s.Product(id)
	switch {
	case !ok:
		return Line{}, false
	case !named:
		return Line{p, p.Offer()}, true
	}
	v, ok := p.Variant(variant)
	return Line{p, v}, ok
}

// Key is the line's key.
func (l Line) Key() string {
	if l.Variant == nil || len(l.Product.Variants) == 1 {
		return l.Product.ID
	}
	return LineKey(l.Product.ID, l.Variant.ID)
}

// Path is the path of the product's page in the shop, with the variant chosen if there are
// several.
func (l Line) Path(s *Shop) string {
	path := s.ProductPath(l.Product.ID)
	if l.Variant != nil && len(l.Product.Variants) > 1 {
		path += "?variant=" + l.Variant.ID
	}
	return path
}

// NowCents is today's price of one.
func (l Line) NowCents() int {
	if l.Variant != nil {
		return l.Variant.NowCents()
	}
	return l.Product.NowCents()
}

// UsualCents is the usual price of one, which is today's unless it is on sale.
func (l Line) UsualCents() int {
	if l.Variant != nil {
		return l.Variant.UsualCents()
	}
	return l.Product.PriceCents
}

// SoldOut reports whether none can be bought.
func (l Line) SoldOut() bool {
	if l.Variant != nil {
		return l.Variant.SoldOut()
	}
	return l.Product.SoldOut()
}

// Left is the stock if it is so small that pages name it; otherwise 0.
func (l Line) Left() int {
	switch {
	case l.Variant != nil && l.Variant.NearlySoldOut():
		return l.Variant.Stock
	case l.Variant == nil && l.Product.NearlySoldOut():
		return l.Product.Stock
	default:
		return 0
	}
}

// Quantity limits a requested quantity to the stock and to MaxQuantity.
func (l Line) Quantity(requested int) int {
	if l.Variant != nil {
		return l.Variant.Quantity(requested)
	}
	return l.Product.Quantity(requested)
}

// Origin is the id that the checkout of the system has for it that it was imported from; ""
// if it was not.
func (l Line) Origin() string {
	switch {
	case l.Variant != nil && l.Variant.Origin != nil:
		return l.Variant.Origin.ID
	case l.Variant == nil && l.Product.Origin != nil:
		return l.Product.Origin.ID
	default:
		return ""
	}
}
