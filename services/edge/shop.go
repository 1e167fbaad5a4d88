package edge

import (
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/klauspost/compress/gzip"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/storefront"
	"github.com/wandstore/wandstore/services/edge/internal/ratelimit"
)

// product answers GET /s/{store}/p/{product}.
func (e *Edge) product(c *fiber.Ctx) error {
	shop, err := e.shopOf(c)
	if err != nil {
		return err
	}
	product, ok := shop.Product(c.Params("product"))
	if !ok {
		return errUnknownProduct
	}
	in := storefront.ProductInput{Shop: shop, Product: product, InCart: cartCount(c, shop), Returning: e.hasVisited(c)}
	in.Variant, in.Asked = chosenVariant(product, queryField(c))
	html, err := e.deps.Renderer.Product(in)
	if err != nil {
		return err
	}
	return e.sendRendered(c, shop, http.StatusOK, html)
}

// search answers GET /s/{store}/search, and GET /s/{store}/c/{collection} and /s/{store}/c, the
// lists of a collection and of all products, which take its fields too.
func (e *Edge) search(c *fiber.Ctx) error {
	shop, err := e.shopOf(c)
	if err != nil {
		return err
	}
	if err := e.limit(c, ratelimit.Searches, shop.Slug, e.shopperOf(c, shop.Slug).id); err != nil {
		// A page is never refused: this one costs nothing.
		return e.sendFallback(c, shop, generationOff)
	}
	field := queryField(c)
	if id := c.Params("collection"); id != "" {
		if _, ok := shop.Collection(id); !ok {
			return errUnknownShelf
		}
		fromQuery := field
		field = func(name string) string {
			if name == "collection" {
				return id
			}
			return fromQuery(name)
		}
	}
	query := shop.ParseQuery(field)
	html, err := e.deps.Renderer.Search(storefront.SearchInput{Shop: shop, Query: query, InCart: cartCount(c, shop), Returning: e.hasVisited(c)})
	if err != nil {
		return err
	}
	return e.sendRendered(c, shop, http.StatusOK, html)
}

// queryField returns the value of a field of the request's query.
func queryField(c *fiber.Ctx) func(name string) string {
	args := c.Context().QueryArgs()
	return func(name string) string { return string(args.Peek(name)) }
}

// sendRendered answers with a document that was rendered for this request.
func (e *Edge) sendRendered(c *fiber.Ctx, shop *catalogue.Shop, status int, html []byte) error {
	secured.set(c)
	// The document may show a cart, and it shows current prices.
	c.Set(fiber.HeaderCacheControl, "private, no-store")
	c.Set(fiber.HeaderContentSecurityPolicy, e.deps.Renderer.CSP(shop))
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	c.Status(status)
	return sendOnce(c, html)
}

// sendOnce answers with what was rendered for this request, compressed for who accepts that.
func sendOnce(c *fiber.Ctx, rendered []byte) error {
	c.Set(fiber.HeaderVary, fiber.HeaderAcceptEncoding)
	if !accepts(c.Get(fiber.HeaderAcceptEncoding), "gzip") {
		return c.Send(rendered)
	}
	zipped, err := compress(rendered, func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil })
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentEncoding, "gzip")
	return c.Send(zipped)
}

// countCookie holds the number of items in the cart, for the shop whose path it is set for.
// With it a page can show the number without reading a session. It is used for nothing else.
const countCookie = "wandstore_cart"

// cartCount returns the number of items in the cart; 0 if the cookie is missing or invalid.
func cartCount(c *fiber.Ctx, shop *catalogue.Shop) int {
	slug, count, _ := strings.Cut(c.Cookies(countCookie), ":")
	n, err := strconv.Atoi(count)
	if slug != shop.Slug || err != nil || n < 0 || n > maxCount {
		return 0
	}
	return n
}

// maxCount is more than the largest cart holds.
const maxCount = 9999
