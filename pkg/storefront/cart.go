package storefront

import (
	"errors"
	"net/url"
	"strconv"
	"strings"

	"github.com/wandstore/wandstore/pkg/catalogue"
)

// CartLine is a quantity of one product in a cart.
type CartLine struct {
	ProductID string
	Quantity  int
}

// CartInput is what a cart page is rendered from.
type CartInput struct {
	Shop  *catalogue.Shop
	Lines []CartLine
	// Unavailable is true if the cart could not be read. The page says so and ignores
	// Lines.
	Unavailable bool
}

// Cart renders a cart page. It fails without a shop, or on a defect in a template.
func (r *Renderer) Cart(in CartInput) ([]byte, error) {
	if in.Shop == nil {
		return nil, errors.New("render a cart: no shop")
	}
	shop := newShopView(in.Shop)
	v := newCartView(in, shop)
	v.CSP = r.policy(in.Shop)
	return r.document("cart.tmpl", v, shop)
}

type cartView struct {
	head
	Lines        []cartLineView
	Unavailable  bool
	Discontinued int // lines whose product the shop no longer has
	Count        string
	Sum          sumView
	Checkout     string
	CheckoutHost string
	Alternatives []cardView // in an empty cart
}

type cartLineView struct {
	cardView
	Quantity, Most int
	Total          string
	Limited        bool // the shopper asked for more than the stock
}

func newCartView(in CartInput, shop *shopView) *cartView {
	v := &cartView{head: shop.head(viewCart, 0), Unavailable: in.Unavailable}
	v.Robots = "noindex"
	v.Title = "Your cart · " + shop.Name
	v.Description = "What you have put into your cart at " + shop.Name + "."
	now, was, count := 0, 0, 0
	var items []string
	for _, l := range in.Lines {
		p, ok := shop.Product(l.ProductID)
		if in.Unavailable || !ok {
			v.Discontinued++
			continue
		}
		n := p.Quantity(l.Quantity)
		v.Lines = append(v.Lines, cartLineView{
			cardView: shop.card(p), Quantity: n, Most: p.Quantity(catalogue.MaxQuantity),
			Total: shop.Money(n * p.NowCents()), Limited: n < l.Quantity && n > 0,
		})
		now += n * p.NowCents()
		was += n * p.PriceCents
		count += n
		if n > 0 {
			items = append(items, p.ID+":"+strconv.Itoa(n))
		}
	}
	v.InCart = count
	v.Count = strconv.Itoa(count) + " items"
	if count == 1 {
		v.Count = "1 item"
	}
	v.Sum = sumView{Price: shop.Money(now)}
	if was > now {
		v.Sum.Was, v.Sum.Saved = shop.Money(was), shop.Money(was-now)
	}
	if count > 0 && shop.CheckoutURL != "" {
		v.Checkout = strings.NewReplacer(
			"{items}", url.QueryEscape(strings.Join(items, ",")),
			"{currency}", url.QueryEscape(shop.Currency),
		).Replace(shop.CheckoutURL)
		if u, err := url.Parse(v.Checkout); err == nil {
			v.CheckoutHost = u.Host
		}
	}
	if len(v.Lines) == 0 && !in.Unavailable {
		for _, id := range shop.Pick(4, nil, catalogue.ByFeatured) {
			p, _ := shop.Product(id)
			v.Alternatives = append(v.Alternatives, shop.card(p))
		}
	}
	return v
}
