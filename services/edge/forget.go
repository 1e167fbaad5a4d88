package edge

import (
	"context"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/services/edge/internal/identity"
	"github.com/wandstore/wandstore/services/edge/internal/ratelimit"
)

// Eraser erases shoppers' data.
type Eraser interface {
	// Forget erases what is stored about the shopper, in the given shops and in those that
	// the session names. The shops are slugs. A page that is being made meanwhile is not
	// stored.
	Forget(ctx context.Context, shopper string, shops []string) error
	// ForgetIn erases what is stored about the key's shopper in the key's shop alone.
	ForgetIn(ctx context.Context, key pagekey.Key) error
}

// forgetTimeout bounds the erasure of a shopper's data.
const forgetTimeout = 5 * time.Second

// forget answers POST /s/{store}/forget. It erases what is stored about the cookie's
// shopper, removes the cookies, and redirects to the shop (303). A guest's id is the
// browser's, so it is erased in every shop. The id of a shopper whom a shop's link named may
// be another person's in other shops: it is erased in this shop, and so is what the browser
// did here as a guest. An id in the address is ignored, because anybody who knows an id
// could erase its data.
func (e *Edge) forget(c *fiber.Ctx) error {
	shop, err := e.shopOf(c)
	if err != nil {
		return err
	}
	if err := sameSite(c); err != nil {
		return err
	}
	who := e.cookieShopper(c, shop.Slug)
	if !who.known() {
		return c.Redirect(shop.Path(), http.StatusSeeOther)
	}
	if err := e.limit(c, ratelimit.Carts, shop.Slug, who.id); err != nil {
		// Each forgotten shopper takes room for a tombstone.
		return err
	}
	b := e.deps.Bus()
	if b == nil {
		return errUnavailable
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), e.cfg.atLeast(forgetTimeout))
	defer cancel()
	shops, scope := e.deps.Shops.All(), identity.Guest
	if who.linked {
		shops, scope = []*catalogue.Shop{shop}, shop.Slug
		err = e.eraseIn(ctx, b.Eraser, shop.Slug, who.id, e.guest(c).id)
	} else {
		err = e.eraseEverywhere(ctx, b.Eraser, who.id, catalogue.Slugs(shops))
	}
	if err != nil {
		e.log.WarnContext(ctx, "shopper not forgotten", "error", err)
		return errUnavailable
	}
	c.Cookie(&fiber.Cookie{Name: e.cookieName(c, scope), Path: "/", Expires: fasthttp.CookieExpireDelete, HTTPOnly: true, Secure: e.isHTTPS(c)})
	// Without it the browser's back button shows what the browser has kept of the pages.
	c.Set("Clear-Site-Data", `"cache"`)
	for _, s := range shops {
		dropCount(c, s)
	}
	return c.Redirect(shop.Path(), http.StatusSeeOther)
}

// eraseEverywhere erases a guest in every shop.
func (e *Edge) eraseEverywhere(ctx context.Context, eraser Eraser, shopper string, slugs []string) error {
	if err := eraser.Forget(ctx, shopper, slugs); err != nil {
		return err
	}
	for _, slug := range slugs {
		if key, err := pagekey.New(slug, shopper); err == nil {
			e.invalidate(key)
		}
	}
	return nil
}

// eraseIn erases the shoppers in one shop. An id of "" is nobody's.
func (e *Edge) eraseIn(ctx context.Context, eraser Eraser, slug string, shoppers ...string) error {
	for _, id := range shoppers {
		key, err := pagekey.New(slug, id)
		if err != nil {
			continue // the browser has no guest's cookie
		}
		if err := eraser.ForgetIn(ctx, key); err != nil {
			return err
		}
		e.invalidate(key)
	}
	return nil
}

// invalidate drops what this edge remembers of the key's shopper.
func (e *Edge) invalidate(key pagekey.Key) {
	e.deps.Memory.Drop(key)
	e.visitors.Invalidate(key)
}

// dropCount has the browser drop the number of things in its cart of a shop. Each shop has a
// cookie of that name, and setting a cookie would replace the one before.
func dropCount(c *fiber.Ctx, shop *catalogue.Shop) {
	var cookie fasthttp.Cookie
	cookie.SetKey(countCookie)
	cookie.SetPath(shop.Path())
	cookie.SetExpire(fasthttp.CookieExpireDelete)
	c.Response().Header.Add(fiber.HeaderSetCookie, cookie.String())
}
