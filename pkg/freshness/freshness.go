// Package freshness decides what to do with a page that was found: whether to serve it,
// and whether to request a new one. The decision is a pure function.
//
// A page is stale if it is older than Input.MaxAge, or if the shop's assortment, the
// prompt or the visitor's persona has changed since the page was made. A change of prices
// or stock does not make a page stale. The page is rendered again from its design with the
// current catalogue.
//
//	the page                                     decision
//	was rendered from the current catalogue      Serve
//	was rendered from an older catalogue         Rerender
//	is stale                                     Refresh
//	was rendered from an older catalogue, and    Replace; Withhold if a new page would
//	    cannot be rendered again                     not reflect the change either
//
// A change reaches edges and generators at different times. If a page was requested after
// this process learned of a change and does not reflect the change, a generator made it
// that did not know of the change yet. A new page would not reflect the change either. So
// for Rollout such a page counts as current, and a release makes no page twice.
package freshness

import (
	"time"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/persona"
)

// Decision is what to do with a page.
type Decision int

// The decisions.
const (
	// Serve serves the page as it is.
	Serve Decision = iota
	// Rerender serves the page, rendered again from its design.
	Rerender
	// Refresh serves the page and requests a new one. The page is rendered again first if
	// it was rendered from an older catalogue.
	Refresh
	// Replace serves the fallback and requests a new page.
	Replace
	// Withhold serves the fallback and requests nothing.
	Withhold
)

// Servable reports whether the page is served.
func (d Decision) Servable() bool { return d == Serve || d == Rerender || d == Refresh }

// AsksForPage reports whether a new page is requested.
func (d Decision) AsksForPage() bool { return d == Refresh || d == Replace }

const (
	// Rollout is how long a release or a catalogue may take to reach all generators.
	Rollout = 10 * time.Minute
	// minConfidence is the least confidence in another persona that makes a page stale.
	minConfidence = 1.0 / 3
)

// Visitor is what is known of the page's shopper.
type Visitor struct {
	persona.Visitor

	LastEvent time.Time // when the shopper's last event was tracked
	FirstSeen time.Time // when the shopper's session was begun; zero without one
}

// Certain reports whether enough is known of the visitor to go by their persona.
func (v Visitor) Certain() bool { return v.Confidence >= minConfidence }

// Input is what a decision depends on.
type Input struct {
	Page *pagestore.Page
	// Shown is what the shop shows now of what is on the page; see catalogue.Shop.Shown.
	Shown catalogue.Version
	// Renderable reports whether the page holds a design that the shop can render. It is
	// used only if the page was rendered from an older catalogue.
	Renderable bool
	Shop       *catalogue.Shop
	Visitor    *Visitor // nil if nothing is known
	// PromptVersion is the current version of the prompt.
	PromptVersion string
	// MinAge is the age below which no new page is requested, whatever has changed.
	MinAge time.Duration
	// MaxAge is the age past which a page is stale.
	MaxAge time.Duration
	Now    time.Time
}

// Decide decides what to do with the page.
func Decide(in Input) Decision {
	young := in.Now.Sub(in.Page.GeneratedAt()) < in.MinAge
	current := in.Page.RenderedFrom() == string(in.Shown)
	switch {
	case !current && !in.Renderable && !young && in.newPageReflects(in.Shop.Since):
		return Replace
	case !current && !in.Renderable:
		return Withhold
	case !young && in.stale():
		return Refresh
	case !current:
		return Rerender
	default:
		return Serve
	}
}

// Satisfies reports whether the page answers a request of that time, which it does if it
// was made at that time or later.
func Satisfies(page *pagestore.Page, requestedAt time.Time) bool {
	return !page.GeneratedAt().Before(requestedAt)
}

func (in Input) stale() bool {
	if in.Now.Sub(in.Page.GeneratedAt()) > in.MaxAge {
		return true
	}
	assortment := !in.Shop.Version.SameAssortment(catalogue.Version(in.Page.CatalogueVersion()))
	prompt := in.Page.Source() == pagestore.SourceLLM && in.Page.PromptVersion() != in.PromptVersion
	if (assortment || prompt) && in.newPageReflects(in.Shop.Since) {
		return true
	}
	v := in.Visitor
	return v != nil && v.Persona != in.Page.Persona() && v.Certain() && in.newPageReflects(v.LastEvent)
}

// newPageReflects reports whether a new page would reflect a change that this process
// learned of at that time.
func (in Input) newPageReflects(changed time.Time) bool {
	return in.Page.RequestedAt().Before(changed) || in.Now.Sub(in.Page.GeneratedAt()) >= Rollout
}
