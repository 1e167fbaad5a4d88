package edge

import (
	"github.com/gofiber/fiber/v2"

	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/storefront"
)

// forGood is for an address that holds a hash of what is there.
const forGood = "public, max-age=31536000, immutable"

// stylesheet answers GET /assets/shop.{hash}.css. While a release is rolled out, pages of one
// edge come with the stylesheet of another: each gives what it has, the others' for this once.
func (e *Edge) stylesheet(c *fiber.Ctx) error {
	address, _ := e.deps.Renderer.Stylesheet()
	describeAsset(c, address, "text/css; charset=utf-8")
	return e.sendDocument(c, e.css)
}

// drawing answers GET /assets/{store}/{product}.{hash}.svg. A page that is older than the
// product's colours gets the drawing of today, for this once.
func (e *Edge) drawing(c *fiber.Ctx) error {
	slug := c.Params("store")
	if !pagekey.ValidShop(slug) {
		return fiber.ErrNotFound
	}
	shop, ok := e.deps.Shops.Shop(slug)
	if !ok {
		return fiber.ErrNotFound
	}
	product, ok := shop.Product(storefront.ParseDrawing(c.Params("name")))
	if !ok {
		return fiber.ErrNotFound
	}
	address, svg, drawn, err := e.deps.Renderer.Drawing(shop, product)
	if err != nil {
		return err
	}
	if !drawn {
		return fiber.ErrNotFound
	}
	// Opened by itself, it is a document: it holds no script, and may run none.
	c.Set(fiber.HeaderContentSecurityPolicy, "default-src 'none'; frame-ancestors 'none'")
	describeAsset(c, address, "image/svg+xml")
	return sendOnce(c, svg)
}

// describeAsset sets the headers of what is at address, which may be another than the one asked
// for.
func describeAsset(c *fiber.Ctx, address, kind string) {
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderContentType, kind)
	c.Set(fiber.HeaderCacheControl, "no-store")
	if c.Path() == address {
		c.Set(fiber.HeaderCacheControl, forGood)
	}
}
