package session

import (
	"slices"

	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// Quantity is the quantity of a product in the cart; 0 if it is not in the cart.
func Quantity(g *wandstorev1.StoreSignals, product string) int {
	switch n := g.GetQuantities()[product]; {
	case !slices.Contains(g.GetCart(), product):
		return 0
	case n > 0:
		return int(n)
	default:
		return 1
	}
}

// SetQuantity sets the quantity of a product in the cart, 99 at most. With 0 it removes
// the product. A new product is put first, and may displace the last one of a full cart.
// SetQuantity counts no event; see Apply.
func SetQuantity(g *wandstorev1.StoreSignals, product string, n int) {
	delete(g.GetQuantities(), product)
	if n <= 0 {
		g.Cart = slices.DeleteFunc(g.GetCart(), func(in string) bool { return in == product })
		return
	}
	if !slices.Contains(g.GetCart(), product) {
		g.Cart = first(product, g.GetCart(), maxCart)
	}
	if n > 1 {
		if g.Quantities == nil {
			g.Quantities = map[string]uint32{}
		}
		g.Quantities[product] = uint32(min(n, maxQuantity))
	}
	for id := range g.GetQuantities() {
		if !slices.Contains(g.GetCart(), id) {
			delete(g.GetQuantities(), id)
		}
	}
}

// maxQuantity is the largest quantity of one product in a cart.
const maxQuantity = 99
