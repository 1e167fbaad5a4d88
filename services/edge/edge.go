package edge

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/singleflight"

	"github.com/wandstore/wandstore/pkg/lifecycle"
	"github.com/wandstore/wandstore/pkg/natsconn"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/storefront"
	"github.com/wandstore/wandstore/pkg/stores"
	"github.com/wandstore/wandstore/services/edge/internal/jobboard"
)

// Run answers shoppers until ctx ends, then returns nil.
func Run(ctx context.Context, cfg Config, log *slog.Logger) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Addr)
	if err != nil {
		return fmt.Errorf("EDGE_ADDR: %w", err)
	}
	defer listener.Close()
	nc, js, err := natsconn.Dial(cfg.NATS, "edge", log)
	if err != nil {
		return err
	}
	defer nc.Close()
	e, err := newEdge(cfg, nc, js, log)
	if err != nil {
		return err
	}
	defer e.close()
	defer e.observe()()
	return lifecycle.Run(ctx,
		lifecycle.Part{Name: "stores", Run: e.stores.Run},
		lifecycle.Part{Name: "object store", Run: e.ensureBucket},
		lifecycle.Part{Name: "bus", Run: e.runBus},
		lifecycle.Part{Name: "http", Run: func(ctx context.Context) error { return e.runHTTP(ctx, listener) }},
	)
}

type edge struct {
	cfg    Config
	nc     *nats.Conn
	js     jetstream.JetStream
	log    *slog.Logger
	stores *stores.Directory
	render *storefront.Renderer
	// fallbacks are the shops' pages for everybody, as fallback by slug.
	fallbacks sync.Map
	memory    *pagestore.Memory
	s3        *pagestore.S3
	pages     *pagestore.Tiered
	board     *jobboard.Board
	// bus is nil until NATS has been reached.
	bus atomic.Pointer[bus]
	// triggers coalesces concurrent misses of one key, redraws what is drawn again
	// because the shop has changed.
	triggers, redraws singleflight.Group
	// guesses are what is known of shoppers, see guess; hushed is until when no more
	// is asked, in Unix nanoseconds.
	guesses *otter.Cache[pagekey.Key, guess]
	hushed  atomic.Int64
	// draining is closed when the edge is told to stop.
	draining  chan struct{}
	listeners atomic.Int64
	metrics   *metrics
}

func newEdge(cfg Config, nc *nats.Conn, js jetstream.JetStream, log *slog.Logger) (*edge, error) {
	shops, err := stores.New(cfg.Stores, log)
	if err != nil {
		return nil, err
	}
	render, err := storefront.NewRenderer()
	if err != nil {
		return nil, err
	}
	memory, err := pagestore.NewMemory(pagestore.MemoryConfig{MaxBytes: cfg.MemoryBytes, TemplateTTL: cfg.Pool.CacheTTL()})
	if err != nil {
		return nil, err
	}
	s3, err := pagestore.NewS3(cfg.S3)
	if err != nil {
		return nil, err
	}
	guesses, err := otter.New(&otter.Options[pagekey.Key, guess]{MaximumSize: maxGuesses})
	if err != nil {
		return nil, fmt.Errorf("guesses: %w", err)
	}
	e := &edge{
		cfg: cfg, nc: nc, js: js, log: log, stores: shops, render: render,
		memory: memory, s3: s3, board: jobboard.New(cfg.Pool.Concurrency),
		draining: make(chan struct{}), metrics: newMetrics(), guesses: guesses,
	}
	if e.pages, err = pagestore.NewTiered(memory, s3, busPages{e}, e.lookupOptions()...); err != nil {
		return nil, err
	}
	for _, shop := range shops.All() {
		if _, err := e.fallback(shop); err != nil {
			return nil, err
		}
	}
	return e, nil
}

func (e *edge) lookupOptions() []pagestore.Option {
	options := []pagestore.Option{pagestore.WithLogger(e.log)}
	if d := e.cfg.StoreTimeout; d > 0 {
		options = append(options, pagestore.WithDeadline(pagestore.TierMinIO, d), pagestore.WithDeadline(pagestore.TierKV, d))
	}
	return options
}

func (e *edge) close() {
	e.pages.Close()
	e.s3.Close()
}

// ensureBucket makes the bucket once the object store answers.
func (e *edge) ensureBucket(ctx context.Context) error {
	if err := natsconn.Until(ctx, e.log, "the object store", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		return e.s3.EnsureBucket(ctx)
	}); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// busPages is the KV tier, which can be asked once NATS has been reached.
type busPages struct{ e *edge }

func (p busPages) Get(ctx context.Context, key pagekey.Key) (*pagestore.Page, error) {
	b := p.e.bus.Load()
	if b == nil {
		return nil, errUnavailable
	}
	return b.pages.Get(ctx, key)
}
