package edge

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/wandstore/wandstore/pkg/erasure"
	"github.com/wandstore/wandstore/pkg/pagekey"
)

// forgetWithin bounds the forgetting of a shopper.
const forgetWithin = 5 * time.Second

// forget answers POST /s/{store}/forget: all that is kept of the cookie's shopper, in
// every store, is removed, and the cookies; then it leads back to the store (303). An
// id in the address does not count: whoever knows somebody's could forget them.
func (e *edge) forget(c *fiber.Ctx) error {
	shop, err := e.shopOf(c)
	if err != nil {
		return err
	}
	if err := sameSite(c); err != nil {
		return err
	}
	shopper := strings.Clone(c.Cookies(shopperCookie))
	if !pagekey.ValidShopper(shopper) {
		return c.Redirect(shop.Path(), http.StatusSeeOther)
	}
	b := e.bus.Load()
	if b == nil {
		return errUnavailable
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), forgetWithin)
	defer cancel()
	eraser := erasure.Eraser{Permanent: e.s3, Cache: b.pages, Jobs: b.Jobs, Sessions: b.sessions}
	var slugs []string
	for _, s := range e.shops.All() {
		slugs = append(slugs, s.Slug)
	}
	if err := eraser.Forget(ctx, shopper, slugs); err != nil {
		e.log.WarnContext(ctx, "shopper not forgotten", "error", err)
		return errUnavailable
	}
	for _, slug := range slugs {
		if key, err := pagekey.New(slug, shopper); err == nil {
			e.memory.Invalidate(key)
		}
	}
	c.Cookie(&fiber.Cookie{Name: shopperCookie, Path: "/", Expires: fasthttp.CookieExpireDelete, HTTPOnly: true})
	for _, s := range e.shops.All() {
		c.Cookie(&fiber.Cookie{Name: countCookie, Path: s.Path(), Expires: fasthttp.CookieExpireDelete})
	}
	return c.Redirect(shop.Path(), http.StatusSeeOther)
}
