package storefront

import (
	"errors"
	"fmt"

	"github.com/wandstore/wandstore/pkg/catalogue"
)

// ProductInput is what a product page is rendered from.
type ProductInput struct {
	Shop    *catalogue.Shop
	Product *catalogue.Product
	InCart  int // number of items in the shopper's cart, of all products
}

// Product renders a product page. It fails without a shop or product, or on a defect in a
// template.
func (r *Renderer) Product(in ProductInput) ([]byte, error) {
	if in.Shop == nil || in.Product == nil {
		return nil, errors.New("render a product: no shop or no product")
	}
	shop := newShopView(in.Shop)
	v := newProductView(in, shop)
	v.CSP = r.policy(in.Shop)
	return r.document("product.tmpl", v, shop)
}

type productView struct {
	head
	Card         cardView
	Collection   catalogue.Collection
	Related      []cardView // other products, those of the same collection first
	Most         int        // the largest quantity for the cart
	Availability string
}

func newProductView(in ProductInput, shop *shopView) *productView {
	p := in.Product
	v := &productView{head: shop.head(viewProduct, in.InCart), Card: shop.card(p), Most: p.Quantity(catalogue.MaxQuantity)}
	v.Title = p.Name + " · " + shop.Name
	v.Description = p.Summary()
	v.Data.Product, v.Data.Category = p.ID, p.Collection
	if collection, ok := shop.Collection(p.Collection); ok {
		v.Collection = *collection
	}
	switch {
	case p.SoldOut():
		v.Availability = "Sold out for now"
	case p.NearlySoldOut():
		v.Availability = fmt.Sprintf("Only %d left", p.Stock)
	default:
		v.Availability = "In stock"
	}
	others := shop.Pick(len(shop.Products), func(o *catalogue.Product) bool { return o.ID != p.ID }, func(a, b *catalogue.Product) int {
		if sa, sb := a.Collection == p.Collection, b.Collection == p.Collection; sa != sb {
			if sa {
				return -1
			}
			return 1
		}
		return catalogue.ByFeatured(a, b)
	})
	for _, id := range others[:min(4, len(others))] {
		o, _ := shop.Product(id)
		v.Related = append(v.Related, shop.card(o))
	}
	return v
}
