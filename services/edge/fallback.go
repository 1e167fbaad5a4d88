package edge

import (
	"fmt"
	"time"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/storefront"
)

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
		doc, err := newDocument(html, time.Now())
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
