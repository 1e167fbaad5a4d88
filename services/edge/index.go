package edge

import (
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/storefront"
)

// index answers GET /: the way to the only shop, or to each of several.
func (e *Edge) index(c *fiber.Ctx) error {
	shops := e.deps.Shops.All()
	if len(shops) == 1 {
		return c.Redirect(shops[0].Path(), http.StatusFound)
	}
	html, err := e.deps.Renderer.Index(storefront.IndexInput{Shops: shops})
	if err != nil {
		return err
	}
	secured.set(c)
	c.Set(fiber.HeaderCacheControl, "no-cache")
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	c.Set(fiber.HeaderContentSecurityPolicy, e.deps.Renderer.CSP(nil))
	return c.Send(html)
}

// robots answers GET /robots.txt (RFC 9309): fronts and products may be crawled, what is
// made for one shopper, or anew for each request, may not.
func robots(c *fiber.Ctx) error {
	c.Set(fiber.HeaderCacheControl, "max-age=3600")
	return c.SendString("User-agent: *\nDisallow: /api/\nDisallow: /debug/\nDisallow: /webhook/\n" +
		"Disallow: /s/*/cart\nDisallow: /s/*/search\nDisallow: /s/*/forget\nDisallow: /s/*/export\nDisallow: /*?*shopper=\nAllow: /\n")
}

// notIndexed keeps an address that names a shopper out of search engines, which get the shop's
// own instead (RFC 6596).
func notIndexed(c *fiber.Ctx, shop *catalogue.Shop) {
	c.Set("X-Robots-Tag", "noindex")
	c.Set(fiber.HeaderLink, "<"+shop.Path()+`>; rel="canonical"`)
}
