package edge

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/session"
	"github.com/wandstore/wandstore/pkg/storefront"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
	"github.com/wandstore/wandstore/services/edge/internal/identity"
	"github.com/wandstore/wandstore/services/edge/internal/ratelimit"
)

// cartTimeout bounds the reading and changing of a cart.
const cartTimeout = 2 * time.Second

// cart answers GET /s/{store}/cart.
func (e *Edge) cart(c *fiber.Ctx) error {
	shop, err := e.shopOf(c)
	if err != nil {
		return err
	}
	if done, err := e.exchange(c, shop); done {
		return err
	}
	who := e.shopperOf(c, shop.Slug)
	if !who.known() {
		return e.sendCart(c, shop, "", &wandstorev1.StoreSignals{})
	}
	b := e.deps.Bus()
	if b == nil {
		return e.sendUnavailable(c, shop)
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), e.cfg.atLeast(cartTimeout))
	defer cancel()
	s, err := b.Sessions.Get(ctx, who.id)
	if err != nil {
		e.log.WarnContext(ctx, "cart not read", "store", shop.Slug, "error", err)
		return e.sendUnavailable(c, shop)
	}
	return e.sendCart(c, shop, who.id, session.Signals(s, shop.Slug))
}

// sendCart answers with a cart. Its checkout takes the shopper's mark along, unless they do
// not want to be tracked.
func (e *Edge) sendCart(c *fiber.Ctx, shop *catalogue.Shop, shopper string, g *wandstorev1.StoreSignals) error {
	in := storefront.CartInput{Shop: shop, Returning: true}
	if mayTrack(c) {
		in.Mark = e.marks.Mark(shop.Slug, shopper)
	}
	for _, line := range g.GetCart() {
		in.Lines = append(in.Lines, storefront.CartLine{Key: line, Quantity: session.Quantity(g, line)})
	}
	html, err := e.deps.Renderer.Cart(in)
	if err != nil {
		return err
	}
	e.setCartCount(c, shop, g)
	return e.sendRendered(c, shop, http.StatusOK, html)
}

// sendUnavailable answers 503 with a page that says that the cart is unavailable.
func (e *Edge) sendUnavailable(c *fiber.Ctx, shop *catalogue.Shop) error {
	html, err := e.deps.Renderer.Cart(storefront.CartInput{Shop: shop, Unavailable: true, Returning: e.hasVisited(c)})
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

// changeCart answers POST /s/{store}/cart. The form has the fields action, quantity (1 if it
// is missing; not used by remove), and line or product, one or several of them, each changed
// in the same way. A line is one of the cart, by its key. A product with variants comes alone,
// with its variant, or with the value of each of its options as option1, option2 and so on;
// without those the answer leads to its page, as it does for one that is sold elsewhere. The
// answer redirects to the cart (303), so that a reload changes nothing.
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
	if change.choose != "" {
		return c.Redirect(change.choose, http.StatusSeeOther)
	}
	who := e.shopperOf(c, shop.Slug)
	if !who.known() {
		who.id = identity.NewID()
	}
	if err := e.limit(c, ratelimit.Carts, shop.Slug, who.id); err != nil {
		return err
	}
	b := e.deps.Bus()
	if b == nil {
		return e.sendUnavailable(c, shop)
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), e.cfg.atLeast(cartTimeout))
	defer cancel()
	counted, now := mayTrack(c), e.now()
	var changed *wandstorev1.StoreSignals
	err = b.Sessions.Update(ctx, who.id, func(s *wandstorev1.ShopperSession) {
		s.Known = s.GetKnown() || who.linked || who.named
		change.apply(s, shop, counted, now)
		changed = session.Signals(s, shop.Slug)
	})
	if err != nil {
		e.log.WarnContext(ctx, "cart not changed", "store", shop.Slug, "error", err)
		return e.sendUnavailable(c, shop)
	}
	e.invalidateVisitor(who.id, shop.Slug)
	if err := e.remember(c, who, shop.Slug); err != nil {
		return err
	}
	e.setCartCount(c, shop, changed)
	return c.Redirect(shop.CartPath(), http.StatusSeeOther)
}

// cartChange is one change of a cart.
type cartChange struct {
	action   string
	lines    []string // by their keys
	quantity int
	choose   string // where a variant has to be chosen first, or where it is bought
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
	lines, products := fieldsOf(c, "line"), fieldsOf(c, "product")
	if len(lines)+len(products) > maxTogether {
		return change, errors.Join(errBadBody, errors.New("at most 12 products at a time"))
	}
	for _, key := range slices.Concat(lines, products) {
		_, sold := shop.Line(key)
		// What is not sold any more can still be removed.
		if !sold && (change.action != cartRemove || !cartLine.MatchString(key)) {
			return change, errUnknownProduct
		}
		change.lines = append(change.lines, key)
	}
	if len(change.lines) == 0 {
		return change, errUnknownProduct
	}
	if change.action == cartAdd && len(change.lines) == 1 && len(products) == 1 {
		return change, change.chooseVariant(c, shop)
	}
	return change, nil
}

// cartLine is the form of a line's key.
var cartLine = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}(:[A-Za-z0-9][A-Za-z0-9_-]{0,62})?$`)

// chooseVariant replaces the change's product by the variant of it that the form chooses.
func (ch *cartChange) chooseVariant(c *fiber.Ctx, shop *catalogue.Shop) error {
	product, ok := shop.Product(ch.lines[0])
	if !ok {
		return errUnknownProduct
	}
	if (catalogue.Line{Product: product, Variant: product.Offer()}).SoldElsewhere(shop) {
		ch.choose = shop.ProductPath(product.ID)
		return nil
	}
	if len(product.Variants) < 2 {
		return nil
	}
	variant, asked := chosenVariant(product, func(name string) string { return c.FormValue(name) })
	if variant != nil {
		line := catalogue.Line{Product: product, Variant: variant}
		if line.SoldOut() {
			ch.choose = line.Path(shop)
		} else {
			ch.lines[0] = line.Key()
		}
		return nil
	}
	ch.choose = shop.ProductPath(product.ID)
	query := url.Values{}
	for i, value := range asked {
		query.Set(storefront.OptionField(i), value)
	}
	if len(query) > 0 {
		ch.choose += "?" + query.Encode()
	}
	return nil
}

// chosenVariant is the variant that the fields choose: by its id, or by the value of each
// option. It is nil if they choose none; asked is then the values that were asked for.
func chosenVariant(p *catalogue.Product, field func(name string) string) (v *catalogue.Variant, asked []string) {
	if id := field("variant"); id != "" {
		v, _ = p.Variant(id)
		return v, nil
	}
	for i, option := range p.Options {
		at := slices.Index(option.Values, field(storefront.OptionField(i)))
		if at < 0 {
			return nil, nil
		}
		asked = append(asked, option.Values[at])
	}
	v, _ = p.Chosen(asked)
	return v, asked
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
func (ch *cartChange) apply(s *wandstorev1.ShopperSession, shop *catalogue.Shop, counted bool, now time.Time) {
	// New products go to the top of the cart, so the form's first one is added last.
	for _, line := range slices.Backward(ch.lines) {
		ch.applyTo(line, s, shop, counted, now)
	}
}

func (ch *cartChange) applyTo(line string, s *wandstorev1.ShopperSession, shop *catalogue.Shop, counted bool, now time.Time) {
	g := session.Signals(s, shop.Slug)
	before, after := session.Quantity(g, line), ch.quantity
	switch ch.action {
	case cartAdd:
		after += before
	case cartRemove:
		after = 0
	}
	if l, ok := shop.Line(line); ok {
		after = l.Quantity(after)
	} else {
		after = 0
	}
	if counted {
		event := &wandstorev1.TrackEvent{Store: shop.Slug, Product: line}
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
	session.SetQuantity(g, line, after)
}

// setCartCount tells the browser how much is in the cart.
func (e *Edge) setCartCount(c *fiber.Ctx, shop *catalogue.Shop, g *wandstorev1.StoreSignals) {
	n := 0
	for _, line := range g.GetCart() {
		if l, ok := shop.Line(line); ok {
			n += l.Quantity(session.Quantity(g, line))
		}
	}
	c.Cookie(&fiber.Cookie{
		Name: countCookie, Value: shop.Slug + ":" + strconv.Itoa(n), Path: "/s/" + shop.Slug, MaxAge: int(cookieFor / time.Second),
		SameSite: fiber.CookieSameSiteLaxMode, Secure: e.isHTTPS(c),
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
