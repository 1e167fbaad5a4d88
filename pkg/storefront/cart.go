package storefront

import (
	"errors"
	"net/url"
	"strconv"

	"github.com/wandstore/wandstore/pkg/catalogue"
)

// CartLine is a quantity of what a key of catalogue.LineKey names.
type CartLine struct {
	Key      string
	Quantity int
}

// CartInput is what a cart page is rendered from.
type CartInput struct {
	Shop  *catalogue.Shop
	Lines []CartLine
	// Mark is the shopper's (package buyer), which goes along to the checkout; "" for none.
	Mark string
	// Unavailable is true if the cart could not be read. The page says so and ignores
	// Lines.
	Unavailable bool
	// Returning is as in PageInput.
	Returning bool
}

// Cart renders a cart page. It fails without a shop, or on a defect in a template.
func (r *Renderer) Cart(in CartInput) ([]byte, error) {
	if in.Shop == nil {
		return nil, errors.New("render a cart: no shop")
	}
	return r.document("cart.tmpl", func() any {
		v := newCartView(in, r.view(in.Shop))
		r.complete(&v.head, in.Shop, in.Returning)
		return v
	})
}

type cartView struct {
	head
	Lines        []cartLineView
	Unavailable  bool
	Discontinued int // lines that the shop no longer sells
	Count        string
	Sum          sumView
	Checkout     string
	CheckoutHost string
	Alternatives []cardView // in an empty cart
}

type cartLineView struct {
	cardView
	Key            string
	Choice         string // the values of the variant
	Quantity, Most int
	Total          string
	Limited        bool   // the shopper asked for more than the stock
	Apart          bool   // the shop's checkout cannot take it
	ApartHref      string // where it is sold; "" if that is not known
}

func newCartView(in CartInput, shop *shopView) *cartView {
	v := &cartView{head: shop.head(viewCart, 0), Unavailable: in.Unavailable}
	v.Robots = "noindex"
	v.Title = "Your cart · " + shop.Name
	v.Description = "What you have put into your cart at " + shop.Name + "."
	now, was, count := 0, 0, 0
	var bought []paid
	for _, l := range in.Lines {
		line, ok := shop.Line(l.Key)
		if in.Unavailable || !ok {
			v.Discontinued++
			continue
		}
		n := line.Quantity(l.Quantity)
		v.Lines = append(v.Lines, shop.cartLine(l, line, n))
		v.InCart += n
		if n > 0 {
			bought = append(bought, paid{line, n, len(v.Lines) - 1})
		}
	}
	v.checkout(shop, bought, in.Mark)
	// What the checkout does not take is not part of what it costs.
	for _, l := range bought {
		if !v.Lines[l.at].Apart {
			now += l.quantity * l.NowCents()
			was += l.quantity * l.UsualCents()
			count += l.quantity
		}
	}
	v.Count = strconv.Itoa(count) + " items"
	if count == 1 {
		v.Count = "1 item"
	}
	v.Sum = sumView{Price: shop.Money(now)}
	if was > now {
		v.Sum.Was, v.Sum.Saved = shop.Money(was), shop.Money(was-now)
	}
	if len(v.Lines) == 0 && !in.Unavailable {
		for _, id := range shop.Pick(4, nil, catalogue.ByFeatured) {
			p, _ := shop.Product(id)
			v.Alternatives = append(v.Alternatives, shop.card(p))
		}
	}
	return v
}

// cartLine is a line of which n can be had.
func (s *shopView) cartLine(asked CartLine, line catalogue.Line, n int) cartLineView {
	v := cartLineView{
		cardView: s.card(line.Product), Key: asked.Key, Quantity: n, Most: line.Quantity(catalogue.MaxQuantity),
		Total: s.Money(n * line.NowCents()), Limited: n < asked.Quantity && n > 0,
	}
	offer := s.offer(line)
	v.Price, v.Was, v.Saved = offer.Price, offer.Was, offer.Saved
	v.SoldOut, v.Left, v.From = line.SoldOut(), line.Left(), false
	if line.Variant == nil || len(line.Product.Variants) < 2 {
		return v
	}
	v.Choice, v.Href = chosenWords(line.Variant), line.Path(s.Shop)
	if image, ok := line.Product.VariantPicture(line.Variant); ok {
		v.Photo = newPhotoView(image, v.Alt)
	}
	return v
}

// checkout fills where the cart is paid.
func (v *cartView) checkout(shop *shopView, bought []paid, mark string) {
	address, left := checkoutAddress(shop.Shop, bought, mark)
	for _, l := range left {
		v.Lines[l.at].Apart, v.Lines[l.at].ApartHref = true, l.Product.URL
	}
	if u, err := url.Parse(address); err == nil && address != "" {
		v.Checkout, v.CheckoutHost = address, u.Host
	}
}
