package catalogue

import (
	"regexp"
	"strings"
)

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

// platformID is the number that Shopify and WooCommerce have for a variant.
var platformID = regexp.MustCompile(`^[0-9]{1,20}$`)

// CheckoutID is what the shop's checkout calls the line; "" if it cannot take it.
func (l Line) CheckoutID(s *Shop) string {
	switch {
	case s.CheckoutURL == "":
		return ""
	case s.Checkout == CheckoutTemplate:
		return l.Key()
	}
	origin := ""
	switch {
	case l.Variant != nil && l.Variant.Origin != nil:
		origin = l.Variant.Origin.ID
	case l.Variant == nil && l.Product.Origin != nil:
		origin = l.Product.Origin.ID
	}
	// Shopify's API writes gid://shopify/ProductVariant/123 for 123.
	if id := origin[strings.LastIndexByte(origin, '/')+1:]; platformID.MatchString(id) {
		return id
	}
	return ""
}

// SoldElsewhere reports whether the line is bought at its product's own address, because the
// shop's checkout cannot take it.
func (l Line) SoldElsewhere(s *Shop) bool { return l.Product.URL != "" && l.CheckoutID(s) == "" }
