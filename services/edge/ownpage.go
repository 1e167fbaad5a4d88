package edge

import (
	"context"
	"fmt"
	"unique"
	"weak"

	"go.opentelemetry.io/otel/trace"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/design/gate"
	"github.com/wandstore/wandstore/pkg/freshness"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/prompt"
	"github.com/wandstore/wandstore/pkg/storefront"
)

// Pages looks pages up.
type Pages interface {
	// Get returns the newest page. Its errors are those of pagestore.Tiered.
	Get(ctx context.Context, key pagekey.Key) (pagestore.Hit, error)
	// Breakers returns the state of each tier's breaker.
	Breakers() map[string]string
}

// Memory is the tier that pages are served from; see pagestore.Memory.
type Memory interface {
	Invalidate(key pagekey.Key)
	Drop(key pagekey.Key)
	Rerendered(page, rendered *pagestore.Page)
	Watched() bool
}

// ownPage is the page of a shopper, or of a cohort, and the decision about it.
type ownPage struct {
	pagestore.Hit

	in       freshness.Input
	decision freshness.Decision
	read     reading
}

// reading is what an edge reads in a page, once for each state of its shop.
type reading struct {
	shown catalogue.Version
	ours  bool // this release has rendered it
	// csp is the Content-Security-Policy header that goes with the page: one copy for all
	// pages of a shop.
	csp unique.Handle[string]
}

func (e *Edge) read(page *pagestore.Page, shop *catalogue.Shop) reading {
	return pagestore.Memo(page, weak.Make(shop), func(html []byte) reading {
		csp, ours := storefront.StoredCSP, e.deps.Renderer.Rendered(html, shop)
		if ours {
			csp = e.deps.Renderer.CSP(shop)
		}
		return reading{shop.Shown(html), ours, unique.Make(csp)}
	})
}

// ownPage looks the key's page up and decides what to do with it. A page that is served
// shows the current prices and stock, and is as this release renders it. The errors are
// those of Pages.
func (e *Edge) ownPage(ctx context.Context, key pagekey.Key, shop *catalogue.Shop) (ownPage, error) {
	hit, err := e.deps.Pages.Get(ctx, key)
	if err != nil {
		return ownPage{}, err
	}
	read := e.read(hit.Page, shop)
	in := freshness.Input{
		Page: hit.Page, Shown: read.shown, Shop: shop, PromptVersion: prompt.Version, MinAge: e.cfg.PageMinAge, MaxAge: e.cfg.PageMaxAge, Now: e.now(),
	}
	if !read.ours || hit.Page.RenderedFrom() != string(in.Shown) {
		rendered, err := e.rerender(hit.Page, shop)
		if err != nil {
			trace.SpanFromContext(ctx).AddEvent("page cannot be rendered again")
		} else {
			in.Renderable, hit.Page, read = true, rendered, e.read(rendered, shop)
		}
	}
	return ownPage{hit, in, freshness.Decide(in), read}, nil
}

// considerVisitor decides again, with what is known of the shopper now. It reads no session
// if the page is not served or if a new page is requested anyway.
func (e *Edge) considerVisitor(ctx context.Context, found *ownPage) {
	if !found.decision.Servable() || found.decision.AsksForPage() {
		return
	}
	if v := e.visitorOfHit(ctx, found.Page.Key()); v != nil {
		found.in.Visitor = &v.Visitor
		found.decision = freshness.Decide(found.in)
	}
}

// rerender renders a page's design with the shop's current catalogue and puts the result
// into memory. Concurrent callers share one rendering. The error wraps gate.ErrNoDesign if
// the page holds no design that the shop can render.
func (e *Edge) rerender(page *pagestore.Page, shop *catalogue.Shop) (*pagestore.Page, error) {
	flight := flightOf(page.Key()) + ":" + page.JobID() + ":" + string(shop.Version) + fmt.Sprintf(":%p", shop)
	result, err, _ := e.renders.Do(flight, func() (any, error) {
		design, err := gate.ReadStored(page.HTML(), shop)
		if err != nil {
			return nil, err
		}
		_, _, cohort := page.Key().Cohort()
		html, err := e.deps.Renderer.Page(storefront.PageInput{Shop: shop, Design: design, Persona: page.Persona(), Shared: cohort, Returning: !cohort})
		if err != nil {
			return nil, err
		}
		rendered, err := page.Rerendered(html, string(shop.Shown(html)))
		if err != nil {
			return nil, err
		}
		e.deps.Memory.Rerendered(page, rendered)
		return rendered, nil
	})
	if err != nil {
		return nil, err
	}
	rendered, _ := result.(*pagestore.Page) // the flight returns no other type
	return rendered, nil
}
