package edge

import (
	"context"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/services/edge/internal/identity"
)

// Eraser forgets shoppers.
type Eraser interface {
	// Forget removes all that is kept of the shopper, in those shops and in every other
	// that their session names.
	Forget(ctx context.Context, shopper string, shops []string) error
}

// forgetTimeout bounds forgetting a shopper.
const forgetTimeout = 5 * time.Second

// forget answers POST /s/{store}/forget: all that is kept of the cookie's shopper, in
// every store, is removed, and the cookies; then it leads back to the store (303). An
// id in the address does not count: whoever knows somebody's could forget them.
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
	b := e.deps.Bus()
	if b == nil {
		return errUnavailable
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), forgetTimeout)
	defer cancel()
	var slugs []string
	for _, s := range e.deps.Shops.All() {
		slugs = append(slugs, s.Slug)
	}
	if err := b.Eraser.Forget(ctx, who.id, slugs); err != nil {
		e.log.WarnContext(ctx, "shopper not forgotten", "error", err)
		return errUnavailable
	}
	for _, slug := range slugs {
		if key, err := pagekey.New(slug, who.id); err == nil {
			e.deps.Memory.Invalidate(key)
		}
	}
	for _, scope := range []string{identity.Guest, shop.Slug} {
		c.Cookie(&fiber.Cookie{Name: e.cookieName(c, scope), Path: "/", Expires: fasthttp.CookieExpireDelete, HTTPOnly: true, Secure: e.isHTTPS(c)})
	}
	for _, s := range e.deps.Shops.All() {
		c.Cookie(&fiber.Cookie{Name: countCookie, Path: s.Path(), Expires: fasthttp.CookieExpireDelete})
	}
	return c.Redirect(shop.Path(), http.StatusSeeOther)
}
