package edge

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/klauspost/compress/gzip"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/storefront"
)

// document is a page or an asset that is the same for every shopper, ready to send.
type document struct {
	plain, gzip []byte
}

func newDocument(plain []byte) (*document, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(plain); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return &document{plain, b.Bytes()}, nil
}

// send answers with the document, compressed for who accepts that.
func (d *document) send(c *fiber.Ctx) error {
	c.Set(fiber.HeaderVary, fiber.HeaderAcceptEncoding)
	body := d.plain
	if acceptsGzip(c.Get(fiber.HeaderAcceptEncoding)) {
		body = d.gzip
		c.Set(fiber.HeaderContentEncoding, "gzip")
	}
	c.Context().Response.SetBodyRaw(body)
	return nil
}

// fallback is a shop's fallback page.
type fallback struct {
	shop  *catalogue.Shop // whose current state the page shows
	page  *document
	shown catalogue.Version
}

// fallback returns the shop's fallback page, which is rendered once for each state of what
// it shows of the shop.
func (e *Edge) fallback(shop *catalogue.Shop) (*document, error) {
	if f, ok := e.fallbacks.Load(shop.Slug); ok {
		if f, ok := f.(fallback); ok {
			if f.shop == shop {
				return f.page, nil
			}
			if shop.Shown(f.page.plain) == f.shown {
				e.fallbacks.Store(shop.Slug, fallback{shop, f.page, f.shown})
				return f.page, nil
			}
		}
	}
	rendered, err, _ := e.renders.Do(fmt.Sprintf("fallback:%s:%p", shop.Slug, shop), func() (any, error) {
		html, err := e.deps.Renderer.Page(storefront.PageInput{Shop: shop, Design: design.Default(shop), Live: true})
		if err != nil {
			return nil, err
		}
		doc, err := newDocument(html)
		if err != nil {
			return nil, err
		}
		e.fallbacks.Store(shop.Slug, fallback{shop, doc, shop.Shown(html)})
		return doc, nil
	})
	if err != nil {
		return nil, fmt.Errorf("fallback of %s: %w", shop.Slug, err)
	}
	doc, _ := rendered.(*document) // the flight returns no other type
	return doc, nil
}

// acceptsGzip reports whether an Accept-Encoding header (RFC 9110, 12.5.3) names gzip with
// a weight above 0.
func acceptsGzip(header string) bool {
	for coding := range strings.SplitSeq(header, ",") {
		name, weight, _ := strings.Cut(coding, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			weight = strings.ReplaceAll(strings.ToLower(weight), " ", "")
			return strings.Trim(strings.TrimPrefix(weight, "q="), "0.") != "" || weight == ""
		}
	}
	return false
}

// matches reports whether an If-None-Match header names the entity tag (RFC 9110, 13.1.2,
// weak comparison).
func matches(header, etag string) bool {
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" || strings.TrimPrefix(tag, "W/") == etag {
			return header != ""
		}
	}
	return false
}
