package edge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/persona"
	"github.com/wandstore/wandstore/pkg/session"
	"github.com/wandstore/wandstore/pkg/storefront"
)

// errOutdated: the page was drawn from another version of the catalogue, and
// cannot be drawn again.
var errOutdated = errors.New("page of another catalogue")

// look finds the key's page as it may be served, with today's prices and stock: a
// page that was drawn from another version of the catalogue is drawn again. If it
// holds no design to draw from it comes with errOutdated, and may not be served.
func (e *edge) look(ctx context.Context, key pagekey.Key, shop *storefront.Store) (pagestore.Hit, error) {
	hit, err := e.pages.Get(ctx, key)
	if err != nil || hit.Page.DrawnFrom() == string(shop.Version) {
		return hit, err
	}
	redrawn, err := e.redraw(hit.Page, shop)
	if err != nil {
		trace.SpanFromContext(ctx).AddEvent("page cannot be drawn again")
		return hit, fmt.Errorf("%w: %w", errOutdated, err)
	}
	hit.Page = redrawn
	return hit, nil
}

// redraw draws a page's design with the shop's catalogue, once for all who ask at
// the same time, and leaves it in memory for those who come later.
func (e *edge) redraw(page *pagestore.Page, shop *storefront.Store) (*pagestore.Page, error) {
	flight := page.Key().Store() + ":" + page.Key().Shopper() + ":" + page.JobID() + ":" + string(shop.Version)
	drawn, err, _ := e.redraws.Do(flight, func() (any, error) {
		design, err := storefront.ReadDesign(page.HTML(), shop)
		if err != nil {
			return nil, err
		}
		html, err := e.render.Page(storefront.PageInput{Store: shop, Design: design, Persona: page.Persona()})
		if err != nil {
			return nil, err
		}
		redrawn, err := page.Redrawn(html, string(shop.Version))
		if err != nil {
			return nil, err
		}
		e.memory.Redrawn(page, redrawn)
		return redrawn, nil
	})
	if err != nil {
		return nil, err
	}
	redrawn, _ := drawn.(*pagestore.Page) // the flight gives nothing else
	return redrawn, nil
}

// overdue tells whether a page that is served should be made anew: it is past its
// age, it was designed for another assortment or by another prompt, or its shopper
// has become another kind of visitor.
func (e *edge) overdue(ctx context.Context, page *pagestore.Page, shop *storefront.Store) bool {
	if time.Since(page.GeneratedAt()) > e.cfg.PageMaxAge {
		return true
	}
	moved := !shop.Version.SameAssortment(storefront.Version(page.CatalogueVersion())) ||
		page.Source() == pagestore.SourceLLM && page.PromptVersion() != storefront.PromptVersion
	if moved && improvable(page, shop.Since) {
		return true
	}
	g, known := e.guess(ctx, page.Key())
	return known && g.Persona != page.Persona() && g.Confidence >= sure && improvable(page, g.lastEvent)
}

// rollout is how long a release or a catalogue may take to reach the generators.
const rollout = 10 * time.Minute

// improvable tells whether another page would be better, given when the world moved
// on as this edge knows it. A page that was asked for since then, and is behind
// nevertheless, was made by a generator that does not know yet: the next one would
// be no better, and nor would the one after it.
func improvable(page *pagestore.Page, moved time.Time) bool {
	return page.RequestedAt().Before(moved) || time.Since(page.GeneratedAt()) >= rollout
}

const (
	// sure is the confidence from which a guess is worth another page.
	sure = 1.0 / 3
	// guessFor is how long a guess counts: a shopper's session is read no more often.
	guessFor = 30 * time.Second
	// guessWithin bounds the reading: the shopper waits for it.
	guessWithin = 25 * time.Millisecond
	// hushFor is how long no session is read after one could not be.
	hushFor = 5 * time.Second
	// maxGuesses bounds the memory that they take: some 200 bytes each.
	maxGuesses = 100_000
)

// guess is what kind of visitor a shopper is.
type guess struct {
	persona.Guess

	lastEvent time.Time // when the shopper last did something
	until     time.Time
}

// guess tells what kind of visitor the key's shopper is; false if that cannot be
// known without waiting.
func (e *edge) guess(ctx context.Context, key pagekey.Key) (guess, bool) {
	now := time.Now()
	if g, ok := e.guesses.GetIfPresent(key); ok && now.Before(g.until) {
		return g, true
	}
	b := e.bus.Load()
	if b == nil || !e.nc.IsConnected() || now.UnixNano() < e.hushed.Load() {
		return guess{}, false
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(e.cfg.SessionTimeout, guessWithin))
	defer cancel()
	s, err := b.sessions.Get(ctx, key.Shopper())
	if err != nil {
		e.hushed.Store(now.Add(hushFor).UnixNano())
		trace.SpanFromContext(ctx).AddEvent("session not read")
		return guess{}, false
	}
	signals := session.Signals(s, key.Store())
	g := guess{persona.Classify(signals), signals.GetLastEventAt().AsTime(), now.Add(guessFor)}
	e.guesses.Set(key, g)
	return g, true
}

// unguess forgets a guess, because the shopper has done something.
func (e *edge) unguess(shopper, store string) {
	if key, err := pagekey.New(store, shopper); err == nil {
		e.guesses.Invalidate(key)
	}
}
