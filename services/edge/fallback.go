package edge

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/storefront"
)

// document is a page for everybody, ready to send.
type document struct {
	html, gzip []byte
}

func newDocument(html []byte) (*document, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(html); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return &document{html, b.Bytes()}, nil
}

// fallback is a shop's page for everybody.
type fallback struct {
	shop *catalogue.Shop // that it was drawn from
	page *document
}

// fallback gives the shop's page for everybody, drawn once for each state of the
// shop.
func (e *Edge) fallback(shop *catalogue.Shop) (*document, error) {
	if f, ok := e.fallbacks.Load(shop.Slug); ok {
		if f, ok := f.(fallback); ok && f.shop == shop {
			return f.page, nil
		}
	}
	drawn, err, _ := e.renders.Do("fallback:"+shop.Slug+":"+string(shop.Version), func() (any, error) {
		html, err := e.deps.Renderer.Page(storefront.PageInput{Shop: shop, Design: design.Default(shop), Live: true})
		if err != nil {
			return nil, err
		}
		doc, err := newDocument(html)
		if err != nil {
			return nil, err
		}
		e.fallbacks.Store(shop.Slug, fallback{shop, doc})
		return doc, nil
	})
	if err != nil {
		return nil, fmt.Errorf("fallback of %s: %w", shop.Slug, err)
	}
	doc, _ := drawn.(*document) // the flight gives nothing else
	return doc, nil
}

// acceptsGzip reads an Accept-Encoding header (RFC 9110, 12.5.3) for gzip, named
// and not refused.
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

// matches reads an If-None-Match header (RFC 9110, 13.1.2; weak comparison).
func matches(header, etag string) bool {
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" || strings.TrimPrefix(tag, "W/") == etag {
			return header != ""
		}
	}
	return false
}
