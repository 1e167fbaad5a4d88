package edge

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/wandstore/wandstore/pkg/pagekey"
)

// Eraser erases shoppers' data.
type Eraser interface {
	// Forget erases what is stored about the shopper, in the given shops and in those that
	// the session names. The shops are slugs.
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
	shopper := strings.Clone(c.Cookies(shopperCookie))
	if !pagekey.ValidShopper(shopper) {
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
	if err := b.Eraser.Forget(ctx, shopper, slugs); err != nil {
		e.log.WarnContext(ctx, "shopper not forgotten", "error", err)
		return errUnavailable
	}
	for _, slug := range slugs {
		if key, err := pagekey.New(slug, shopper); err == nil {
			e.deps.Memory.Invalidate(key)
		}
	}
	c.Cookie(&fiber.Cookie{Name: shopperCookie, Path: "/", Expires: fasthttp.CookieExpireDelete, HTTPOnly: true})
	for _, s := range e.deps.Shops.All() {
		c.Cookie(&fiber.Cookie{Name: countCookie, Path: s.Path(), Expires: fasthttp.CookieExpireDelete})
	}
	return c.Redirect(shop.Path(), http.StatusSeeOther)
}
