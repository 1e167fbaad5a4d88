package storefront

import (
	"errors"
	"net/url"
	"strconv"
	"strings"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/storefront/picture"
)

// CartLine is so much of one product in a cart.
type CartLine struct {
	ProductID string
	Quantity  int
}

// CartInput is what a cart's page is drawn from.
type CartInput struct {
	Shop  *catalogue.Shop
	Lines []CartLine
	// Away says that the cart could not be read just now: the page says so, and
	// Lines are not looked at.
	Away bool
}

// Cart draws a cart's page.
func (r *Renderer) Cart(in CartInput) ([]byte, error) {
	if in.Shop == nil {
		return nil, errors.New("draw a cart: no store")
	}
	v := newCartView(in, r.shop(in.Shop))
	v.CSP = r.policy(in.Shop)
	return r.execute("cart.tmpl", v)
}

type cartView struct {
	head
	Lines        []cartLineView
	Away         bool
	Gone         int // lines whose product is not sold any more
	Count        string
	Sum          sumView
	Checkout     string
	CheckoutHost string
	Else         []cardView
	Pictures     []picture.Picture
}

type cartLineView struct {
	cardView
	Quantity, Most int
	Total          string
	Cut            bool // there is less than the shopper asked for
}

func newCartView(in CartInput, shop *shopView) *cartView {
	v := &cartView{head: shop.head(viewCart, 0), Away: in.Away}
	v.Robots = "noindex"
	v.Title = "Your cart · " + shop.Name
	v.Description = "What you have put into your cart at " + shop.Name + "."
	now, was, count := 0, 0, 0
	var items []string
	for _, l := range in.Lines {
		p, ok := shop.Product(l.ProductID)
		if in.Away || !ok {
			v.Gone++
			continue
		}
		n := p.Quantity(l.Quantity)
		v.Lines = append(v.Lines, cartLineView{
			cardView: shop.card(p), Quantity: n, Most: p.Quantity(catalogue.MaxQuantity),
			Total: shop.Money(n * p.NowCents()), Cut: n < l.Quantity && n > 0,
		})
		v.Pictures = append(v.Pictures, shop.pictures[p.ID])
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
	if len(v.Lines) == 0 && !in.Away {
		for _, id := range shop.Pick(4, nil, catalogue.ByFeatured) {
			p, _ := shop.Product(id)
			v.Else = append(v.Else, shop.card(p))
			v.Pictures = append(v.Pictures, shop.pictures[id])
		}
	}
	return v
}
