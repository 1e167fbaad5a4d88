// Package freshness decides what becomes of a page that was found: whether it is
// served, and whether a new one is asked for. The decision is a pure function.
//
// A page is stale when its age is past, or when the shop's assortment, the prompt or
// the kind of visitor have changed since it was made. Prices and stock make no page
// stale: it is rendered again from its design with the catalogue of now.
//
//	the page                                    decision
//	was rendered from the shop's catalogue      Serve
//	was rendered from another one               Rerender
//	is stale                                    Refresh
//	was rendered from another catalogue, and    Replace, or Withhold while a new page
//	    cannot be rendered again                    would be no better
//
// A change reaches edges and generators at different moments. A page that was asked
// for after this edge knew of a change, and does not reflect it, was made by a
// generator that did not know yet. For Rollout such a page counts as current, so that a
// roll-out makes no page twice.
package freshness

import (
	"time"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/persona"
)

// Decision is what becomes of a page.
type Decision int

// The decisions.
const (
	// Serve serves the page as it is.
	Serve Decision = iota
	// Rerender serves the page rendered again from its design.
	Rerender
	// Refresh serves the page, rendered again if it was rendered from another
	// catalogue, and asks for a new one.
	Refresh
	// Replace serves the fallback and asks for a new page.
	Replace
	// Withhold serves the fallback and asks for nothing.
	Withhold
)

// Servable reports whether the page is served.
func (d Decision) Servable() bool { return d == Serve || d == Rerender || d == Refresh }

// AsksForPage reports whether a new page is asked for.
func (d Decision) AsksForPage() bool { return d == Refresh || d == Replace }

const (
	// Rollout is how long a release or a catalogue may take to reach all generators.
	Rollout = 10 * time.Minute
	// minConfidence is the confidence from which another kind of visitor is worth a
	// new page.
	minConfidence = 1.0 / 3
)

// Visitor is what is known of the page's shopper.
type Visitor struct {
	persona.Visitor

	LastEvent time.Time // when the shopper last did something
}

// Input is what a decision goes by.
type Input struct {
	Page *pagestore.Page
	// Renderable says that the page holds a design that the shop can render. It counts
	// only for a page that was rendered from another catalogue.
	Renderable bool
	Shop       *catalogue.Shop
	Visitor    *Visitor // nil if nothing is known
	// PromptVersion is the prompt's version of now.
	PromptVersion string
	// MaxAge is the age past which a page is stale.
	MaxAge time.Duration
	Now    time.Time
}

// Decide tells what becomes of the page.
func Decide(in Input) Decision {
	current := in.Page.RenderedFrom() == string(in.Shop.Version)
	switch {
	case !current && !in.Renderable && in.improvable(in.Shop.Since):
		return Replace
	case !current && !in.Renderable:
		return Withhold
	case in.stale():
		return Refresh
	case !current:
		return Rerender
	default:
		return Serve
	}
}

// Satisfies reports whether the page answers a request made at that time: whoever
// asked gets a page that was made no earlier.
func Satisfies(page *pagestore.Page, requestedAt time.Time) bool {
	return !page.GeneratedAt().Before(requestedAt)
}

func (in Input) stale() bool {
	if in.Now.Sub(in.Page.GeneratedAt()) > in.MaxAge {
		return true
	}
	assortment := !in.Shop.Version.SameAssortment(catalogue.Version(in.Page.CatalogueVersion()))
	prompt := in.Page.Source() == pagestore.SourceLLM && in.Page.PromptVersion() != in.PromptVersion
	if (assortment || prompt) && in.improvable(in.Shop.Since) {
		return true
	}
	v := in.Visitor
	return v != nil && v.Persona != in.Page.Persona() && v.Confidence >= minConfidence && in.improvable(v.LastEvent)
}

// improvable reports whether a new page would reflect a change that this process
// learned of at that time.
func (in Input) improvable(changed time.Time) bool {
	return in.Page.RequestedAt().Before(changed) || in.Now.Sub(in.Page.GeneratedAt()) >= Rollout
}
