package session

import (
	"slices"

	"github.com/wandstore/wandstore/pkg/catalogue"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// CartProducts is the ids of the products in the cart, without repetition.
func CartProducts(g *wandstorev1.StoreSignals) []string {
	var ids []string
	for _, line := range g.GetCart() {
		if id := catalogue.LineProduct(line); !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// Quantity is the quantity of a line of the cart, by its catalogue.LineKey; 0 if it is not
// in the cart.
func Quantity(g *wandstorev1.StoreSignals, line string) int {
	switch n := g.GetQuantities()[line]; {
	case !slices.Contains(g.GetCart(), line):
		return 0
	case n > 0:
		return int(n)
	default:
		return 1
	}
}

// SetQuantity sets the quantity of a line of the cart, 99 at most. With 0 it removes
// the line. A new line is put first, and may displace the last one of a full cart.
// SetQuantity counts no event; see Apply.
func SetQuantity(g *wandstorev1.StoreSignals, line string, n int) {
	delete(g.GetQuantities(), line)
	if n <= 0 {
		g.Cart = slices.DeleteFunc(g.GetCart(), func(in string) bool { return in == line })
		return
	}
	if !slices.Contains(g.GetCart(), line) {
		g.Cart = first(line, g.GetCart(), maxCart)
	}
	if n > 1 {
		if g.Quantities == nil {
			g.Quantities = map[string]uint32{}
		}
		g.Quantities[line] = uint32(min(n, catalogue.MaxQuantity))
	}
	for id := range g.GetQuantities() {
		if !slices.Contains(g.GetCart(), id) {
			delete(g.GetQuantities(), id)
		}
	}
}

// MergeCart adds another cart's lines and quantities to a cart. What is added comes
// after what is there.
func MergeCart(into, from *wandstorev1.StoreSignals) {
	for _, product := range from.GetCart() {
		n := Quantity(into, product)
		if n == 0 && len(into.GetCart()) >= maxCart {
			return
		}
		if n == 0 {
			into.Cart = append(into.Cart, product)
		}
		SetQuantity(into, product, min(n+Quantity(from, product), catalogue.MaxQuantity))
	}
}

// ClearCart empties a cart, and counts nothing.
func ClearCart(g *wandstorev1.StoreSignals) { g.Cart, g.Quantities = nil, nil }
