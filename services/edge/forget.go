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
}

// forgetTimeout bounds the erasure of a shopper's data.
const forgetTimeout = 5 * time.Second

// forget answers POST /s/{store}/forget. It erases what is stored about the cookie's
// shopper in every shop, removes the cookies, and redirects to the shop (303). An id in the
// address is ignored, because anybody who knows an id could erase its data.
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
	ctx, cancel := context.WithTimeout(c.UserContext(), forgetTimeout)
	defer cancel()
	shops := e.deps.Shops.All()
	slugs := catalogue.Slugs(shops)
	if err := b.Eraser.Forget(ctx, who.id, slugs); err != nil {
		e.log.WarnContext(ctx, "shopper not forgotten", "error", err)
		return errUnavailable
	}
	for _, slug := range slugs {
		if key, err := pagekey.New(slug, who.id); err == nil {
			e.deps.Memory.Drop(key)
			e.visitors.Invalidate(key)
		}
	}
	// Without it the browser's back button shows what the browser has kept of the pages.
	c.Set("Clear-Site-Data", `"cache"`)
	for _, scope := range []string{identity.Guest, shop.Slug} {
		c.Cookie(&fiber.Cookie{Name: e.cookieName(c, scope), Path: "/", Expires: fasthttp.CookieExpireDelete, HTTPOnly: true, Secure: e.isHTTPS(c)})
	}
	for _, s := range shops {
		c.Cookie(&fiber.Cookie{Name: countCookie, Path: s.Path(), Expires: fasthttp.CookieExpireDelete})
	}
	return c.Redirect(shop.Path(), http.StatusSeeOther)
}
