package storefront

import (
	"errors"
	"fmt"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/storefront/picture"
)

// ProductInput is what a product's page is drawn from.
type ProductInput struct {
	Shop    *catalogue.Shop
	Product *catalogue.Product
	InCart  int // how much the shopper's cart holds, of all products
}

// Product draws a product's page.
func (r *Renderer) Product(in ProductInput) ([]byte, error) {
	if in.Shop == nil || in.Product == nil {
		return nil, errors.New("draw a product: no store or no product")
	}
	v := newProductView(in, r.shop(in.Shop))
	v.CSP = r.policy(in.Shop)
	return r.execute("product.tmpl", v)
}

type productView struct {
	head
	Card     cardView
	Shelf    catalogue.Collection
	With     []cardView // what stands on the same shelf
	Pictures []picture.Picture
	Most     int    // that can be put into the cart
	Standing string // whether there is any
}

func newProductView(in ProductInput, shop *shopView) *productView {
	p := in.Product
	v := &productView{head: shop.head(viewProduct, in.InCart), Card: shop.card(p), Most: p.Quantity(catalogue.MaxQuantity)}
	v.Title = p.Name + " · " + shop.Name
	v.Description = p.Summary()
	v.Data.Product, v.Data.Category = p.ID, p.Collection
	if shelf, ok := shop.Collection(p.Collection); ok {
		v.Shelf = *shelf
	}
	switch {
	case p.SoldOut():
		v.Standing = "Sold out for now"
	case p.NearlySoldOut():
		v.Standing = fmt.Sprintf("Only %d left", p.Stock)
	default:
		v.Standing = "In stock"
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
	v.Pictures = append(v.Pictures, shop.pictures[p.ID])
	for _, id := range others[:min(4, len(others))] {
		o, _ := shop.Product(id)
		v.With = append(v.With, shop.card(o))
		v.Pictures = append(v.Pictures, shop.pictures[id])
	}
	return v
}
