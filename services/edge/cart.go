package edge

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/nats-io/nuid"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/session"
	"github.com/wandstore/wandstore/pkg/storefront"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// cartTimeout bounds the reading and changing of a cart.
const cartTimeout = 2 * time.Second

// cart answers GET /s/{store}/cart.
func (e *Edge) cart(c *fiber.Ctx) error {
	shop, err := e.shopOf(c)
	if err != nil {
		return err
	}
	shopper, known := shopperOf(c)
	if !known {
		return e.sendCart(c, shop, &wandstorev1.StoreSignals{})
	}
	if !pagekey.ValidShopper(shopper) {
		return pagekey.ErrInvalid
	}
	b := e.deps.Bus()
	if b == nil {
		return e.sendUnavailable(c, shop)
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), cartTimeout)
	defer cancel()
	s, err := b.Sessions.Get(ctx, shopper)
	if err != nil {
		e.log.WarnContext(ctx, "cart not read", "store", shop.Slug, "error", err)
		return e.sendUnavailable(c, shop)
	}
	return e.sendCart(c, shop, session.Signals(s, shop.Slug))
}

func (e *Edge) sendCart(c *fiber.Ctx, shop *catalogue.Shop, g *wandstorev1.StoreSignals) error {
	in := storefront.CartInput{Shop: shop}
	for _, id := range g.GetCart() {
		in.Lines = append(in.Lines, storefront.CartLine{ProductID: id, Quantity: session.Quantity(g, id)})
	}
	html, err := e.deps.Renderer.Cart(in)
	if err != nil {
		return err
	}
	setCartCount(c, shop, g)
	return e.sendRendered(c, shop, http.StatusOK, html)
}

// sendUnavailable answers 503 with a page that says that the cart is unavailable.
func (e *Edge) sendUnavailable(c *fiber.Ctx, shop *catalogue.Shop) error {
	html, err := e.deps.Renderer.Cart(storefront.CartInput{Shop: shop, Unavailable: true})
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderRetryAfter, "5")
	return e.sendRendered(c, shop, http.StatusServiceUnavailable, html)
}

// The actions of a cart's form.
const (
	cartAdd    = "add"
	cartSet    = "set"
	cartRemove = "remove"
)

// changeCart answers POST /s/{store}/cart. The form has the fields action, product (one or
// several, each changed in the same way) and quantity (1 if it is missing; not used by
// remove). The answer redirects to the cart (303), so that a reload changes nothing.
func (e *Edge) changeCart(c *fiber.Ctx) error {
	shop, err := e.shopOf(c)
	if err != nil {
		return err
	}
	if err := sameSite(c); err != nil {
		return err
	}
	change, err := readChange(c, shop)
	if err != nil {
		return err
	}
	shopper, known := shopperOf(c)
	if !known {
		shopper = nuid.Next()
	}
	if !pagekey.ValidShopper(shopper) {
		return pagekey.ErrInvalid
	}
	shopper = strings.Clone(shopper)
	b := e.deps.Bus()
	if b == nil {
		return e.sendUnavailable(c, shop)
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), cartTimeout)
	defer cancel()
	counted, now := mayTrack(c), time.Now()
	var changed *wandstorev1.StoreSignals
	err = b.Sessions.Update(ctx, shopper, func(s *wandstorev1.ShopperSession) {
		change.apply(s, shop, counted, now)
		changed = session.Signals(s, shop.Slug)
	})
	if err != nil {
		e.log.WarnContext(ctx, "cart not changed", "store", shop.Slug, "error", err)
		return e.sendUnavailable(c, shop)
	}
	e.invalidateVisitor(shopper, shop.Slug)
	if c.Cookies(shopperCookie) != shopper {
		remember(c, shopper)
	}
	setCartCount(c, shop, changed)
	return c.Redirect(shop.CartPath(), http.StatusSeeOther)
}

// cartChange is one change of a cart.
type cartChange struct {
	action   string
	products []string
	quantity int
}

// maxTogether is how many products one form may change. No section shows more.
const maxTogether = 12

func readChange(c *fiber.Ctx, shop *catalogue.Shop) (cartChange, error) {
	change := cartChange{action: strings.Clone(c.FormValue("action")), quantity: 1}
	switch change.action {
	case cartAdd, cartSet, cartRemove:
	default:
		return change, errors.Join(errBadBody, errors.New("action is one of add, set, remove"))
	}
	if given := c.FormValue("quantity"); given != "" {
		n, err := strconv.Atoi(given)
		if err != nil || n < 0 || n > catalogue.MaxQuantity {
			return change, errors.Join(errBadBody, errors.New("quantity is not from 0 to 99"))
		}
		change.quantity = n
	}
	ids := fieldsOf(c, "product")
	if len(ids) > maxTogether {
		return change, errors.Join(errBadBody, errors.New("at most 12 products at a time"))
	}
	for _, id := range ids {
		product, sold := shop.Product(id)
		switch {
		case sold:
			change.products = append(change.products, product.ID)
		case change.action == cartRemove && pagekey.ValidShop(id):
			// A product that is not sold any more can still be removed. Product ids have the
			// same form as slugs.
			change.products = append(change.products, id)
		default:
			return change, errUnknownProduct
		}
	}
	if len(change.products) == 0 {
		return change, errUnknownProduct
	}
	return change, nil
}

// fieldsOf returns copies of all values of a form's field, in either encoding of forms
// (WHATWG HTML, 4.10.22.3).
func fieldsOf(c *fiber.Ctx, name string) []string {
	if form, err := c.MultipartForm(); err == nil {
		return form.Value[name]
	}
	var values []string
	for _, value := range c.Request().PostArgs().PeekMulti(name) {
		values = append(values, string(value))
	}
	return values
}

// apply changes the cart of a session. If counted, it counts the changes as events too.
func (ch cartChange) apply(s *wandstorev1.ShopperSession, shop *catalogue.Shop, counted bool, now time.Time) {
	// New products go to the top of the cart, so the form's first one is added last.
	for _, product := range slices.Backward(ch.products) {
		ch.applyTo(product, s, shop, counted, now)
	}
}

func (ch cartChange) applyTo(product string, s *wandstorev1.ShopperSession, shop *catalogue.Shop, counted bool, now time.Time) {
	g := session.Signals(s, shop.Slug)
	before, after := session.Quantity(g, product), ch.quantity
	switch ch.action {
	case cartAdd:
		after += before
	case cartRemove:
		after = 0
	}
	if p, ok := shop.Product(product); ok {
		after = p.Quantity(after)
	} else {
		after = 0
	}
	if counted {
		event := &wandstorev1.TrackEvent{Store: shop.Slug, Product: product}
		switch {
		case after > before:
			event.Event = "cart_add"
		case after == 0 && before > 0:
			event.Event = "cart_remove"
		}
		if event.GetEvent() != "" {
			session.Apply(s, event, now)
		}
	}
	session.SetQuantity(g, product, after)
}

// setCartCount sets the cookie with the number of items in the cart.
func setCartCount(c *fiber.Ctx, shop *catalogue.Shop, g *wandstorev1.StoreSignals) {
	n := 0
	for _, id := range g.GetCart() {
		if p, ok := shop.Product(id); ok {
			n += p.Quantity(session.Quantity(g, id))
		}
	}
	c.Cookie(&fiber.Cookie{
		Name: countCookie, Value: shop.Slug + ":" + strconv.Itoa(n), Path: "/s/" + shop.Slug, MaxAge: int(cookieFor / time.Second),
		SameSite: fiber.CookieSameSiteLaxMode, Secure: c.Protocol() == "https",
	})
}

// sameSite returns errCrossSite if another site's page sent the form, by the rules of
// net/http's CrossOriginProtection.
func sameSite(c *fiber.Ctx) error {
	r := &http.Request{Method: http.MethodPost, Host: string(c.Context().Host()), URL: &url.URL{}, Header: http.Header{}}
	for _, name := range []string{"Origin", "Sec-Fetch-Site"} {
		if value := c.Get(name); value != "" {
			r.Header.Set(name, value)
		}
	}
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		return errCrossSite
	}
	return nil
}

// mayTrack reports whether the shopper's events may be counted. A browser refuses by Do
// Not Track or Global Privacy Control.
func mayTrack(c *fiber.Ctx) bool {
	return c.Get("DNT") != "1" && c.Get("Sec-GPC") != "1"
}
