package edge

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/singleflight"

	"github.com/wandstore/wandstore/pkg/buyer"
	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/storefront"
	"github.com/wandstore/wandstore/services/edge/internal/draftboard"
	"github.com/wandstore/wandstore/services/edge/internal/identity"
	"github.com/wandstore/wandstore/services/edge/internal/jobboard"
	"github.com/wandstore/wandstore/services/edge/internal/ratelimit"
)

// Shops are the shops as they are now.
type Shops interface {
	Shop(slug string) (*catalogue.Shop, bool)
	All() []*catalogue.Shop
	// Label is the shop's name in metrics, one of a few.
	Label(slug string) string
	// Faults returns the reasons why documents or sources cannot be used, by their names.
	Faults() map[string]string
}

// Streams are the streams and buckets on NATS.
type Streams interface {
	// Missing reports whether some are missing.
	Missing() bool
	// Faults says which are missing, or were lost a while ago.
	Faults() map[string]string
}

// Clock is the clock that all processes go by.
type Clock interface {
	Now() time.Time
	// Ahead is how far this machine's own clock is ahead of it.
	Ahead() time.Duration
	// Fault says that the own clock is wrong; "" if it is not.
	Fault() string
}

// Deps are the parts that an edge uses. Run makes the real ones.
type Deps struct {
	Shops    Shops
	Renderer *storefront.Renderer
	// Pages looks pages up in all tiers. Memory is the first of these tiers.
	Pages  Pages
	Memory Memory
	// Board holds the live jobs.
	Board *jobboard.Board
	// Drafts holds the beginnings of pages for which somebody waits.
	Drafts *draftboard.Board
	// Bus returns the parts that need NATS, or nil until NATS was reached, while streams are
	// missing there, and while the hub of a PoP is away.
	Bus func() *Bus
	// Loaded reports whether the shops were read from NATS.
	Loaded  func() bool
	Streams Streams
	// Connected reports whether NATS is connected now.
	Connected func() bool
	Clock     Clock
	Log       *slog.Logger
}

// Bus are the parts that need NATS.
type Bus struct {
	Queue    Queue
	Trail    Trail
	Sessions Sessions
	Maker    PageMaker
	Eraser   Eraser
	Exporter Exporter
	Members  Members
	// Generation is asked before each job is made.
	Generation Generation
	Webhooks   Webhooks
	Drafts     Drafts
}

// Edge answers shoppers. It is made by New.
type Edge struct {
	cfg     Config
	deps    Deps
	log     *slog.Logger
	metrics *metrics
	keys    *identity.Keys
	marks   *buyer.Signer
	proxies proxies
	limits  *ratelimit.Limits
	// streams counts the event streams of each client and shopper.
	streams ratelimit.Held

	// shrinking has a place for the document that is compressed by Brotli.
	shrinking chan struct{}

	// css is the stylesheet that pages link.
	css *document
	// fallbacks are the shops' fallback pages: a fallback by slug.
	fallbacks sync.Map
	// triggers joins concurrent requests for one page, renders joins concurrent renderings
	// of one page, visits joins concurrent readings of one session.
	triggers, renders, visits singleflight.Group
	// visitors caches what is known of shoppers. No session is read before
	// visitorsPausedUntil, in Unix nanoseconds.
	visitors            *otter.Cache[pagekey.Key, *visitor]
	visitorsPausedUntil atomic.Int64
	// readAhead has a place for each session that is read for a later visit. reading waits for
	// these, and for those that are read beside something else.
	readAhead chan struct{}
	reading   sync.WaitGroup
	// wanted are pages of cohorts that visitors missed, for runCohorts.
	wanted chan wantedPage
	// stopping is closed when the edge is told to stop, draining when it begins to.
	stopping, draining chan struct{}

	listeners atomic.Int64
}

// New returns an edge and renders every shop's fallback page. It returns an error if a page
// cannot be rendered.
func New(cfg Config, deps Deps) (*Edge, error) {
	visitors, err := otter.New(&otter.Options[pagekey.Key, *visitor]{
		MaximumWeight: maxVisitors, Weigher: func(_ pagekey.Key, v *visitor) uint32 { return v.weight() },
	})
	if err != nil {
		return nil, fmt.Errorf("visitors: %w", err)
	}
	e := &Edge{cfg: cfg, deps: deps, log: deps.Log, metrics: newMetrics(), visitors: visitors, wanted: make(chan wantedPage, maxWanted), readAhead: make(chan struct{}, maxReadAhead), shrinking: make(chan struct{}, 1), stopping: make(chan struct{}), draining: make(chan struct{})}
	if e.marks, err = cfg.Orders.Signer(); err != nil {
		return nil, err
	}
	if e.keys, err = cfg.Identity.Keys(deps.Clock.Now); err != nil {
		return nil, err
	}
	if e.proxies, err = parseProxies(cfg.TrustedProxies); err != nil {
		return nil, err
	}
	rules, err := cfg.rateLimits()
	if err != nil {
		return nil, fmt.Errorf("RATE_LIMITS: %w", err)
	}
	if e.limits, err = ratelimit.New(rules); err != nil {
		return nil, err
	}
	_, css := deps.Renderer.Stylesheet()
	if e.css, err = newDocument(css, time.Time{}); err != nil {
		return nil, err
	}
	for _, shop := range deps.Shops.All() {
		if _, err := e.fallback(shop); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// now is the time that pages, jobs, sessions and tokens are dated by.
func (e *Edge) now() time.Time { return e.deps.Clock.Now() }
