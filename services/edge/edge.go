package edge

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/singleflight"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/storefront"
	"github.com/wandstore/wandstore/services/edge/internal/jobboard"
)

// Shops are the shops of this moment.
type Shops interface {
	Shop(slug string) (*catalogue.Shop, bool)
	All() []*catalogue.Shop
	// Faults are the documents and sources that cannot be used, each with why.
	Faults() map[string]string
}

// Deps are the parts that an edge is made of. Run makes the real ones.
type Deps struct {
	Shops    Shops
	Renderer *storefront.Renderer
	// Pages looks pages up in all tiers, Memory is the first of them.
	Pages  Pages
	Memory Memory
	// Board holds the live jobs.
	Board *jobboard.Board
	// Bus gives what needs NATS, or nil until NATS has been reached.
	Bus func() *Bus
	// Connected reports whether NATS is connected at this moment.
	Connected func() bool
	Log       *slog.Logger
}

// Bus is what an edge does over NATS.
type Bus struct {
	Queue    Queue
	Trail    Trail
	Sessions Sessions
	Maker    PageMaker
	Eraser   Eraser
	Members  Members
	// Generation is asked before each job is made.
	Generation Generation
}

// Edge answers shoppers. Make it with New.
type Edge struct {
	cfg     Config
	deps    Deps
	log     *slog.Logger
	metrics *metrics

	// fallbacks are the shops' pages for everybody, as fallback by slug.
	fallbacks sync.Map
	// triggers joins concurrent misses of one page, renders joins concurrent renderings
	// of one page.
	triggers, renders singleflight.Group
	// visitors are what is known of shoppers. No session is read before
	// visitorsPausedUntil, in Unix nanoseconds.
	visitors            *otter.Cache[pagekey.Key, visitor]
	visitorsPausedUntil atomic.Int64
	// draining is closed when the edge is told to stop.
	draining  chan struct{}
	listeners atomic.Int64
}

// New makes an edge and renders every shop's fallback. The error is one of rendering.
func New(cfg Config, deps Deps) (*Edge, error) {
	visitors, err := otter.New(&otter.Options[pagekey.Key, visitor]{MaximumSize: maxVisitors})
	if err != nil {
		return nil, fmt.Errorf("visitors: %w", err)
	}
	e := &Edge{cfg: cfg, deps: deps, log: deps.Log, metrics: newMetrics(), visitors: visitors, draining: make(chan struct{})}
	for _, shop := range deps.Shops.All() {
		if _, err := e.fallback(shop); err != nil {
			return nil, err
		}
	}
	return e, nil
}
