package edge

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/control"
	"github.com/wandstore/wandstore/pkg/lifecycle"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/spend"
	"github.com/wandstore/wandstore/pkg/storefront"
	"github.com/wandstore/wandstore/pkg/streamstate"
	"github.com/wandstore/wandstore/services/edge/internal/draftboard"
	"github.com/wandstore/wandstore/services/edge/internal/jobboard"
)

// Run makes an edge of real parts and serves until ctx ends. Then it drains requests and
// returns nil. It returns an error if the address is in use, the configuration is invalid
// or a part fails.
func Run(ctx context.Context, cfg Config, log *slog.Logger) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Addr)
	if err != nil {
		return fmt.Errorf("EDGE_ADDR: %w", err)
	}
	defer listener.Close()
	nc, js, err := wandnats.Dial(cfg.NATS, "edge", log)
	if err != nil {
		return err
	}
	defer nc.Close()
	clock := wandnats.NewClock(cfg.Clock)
	p, err := newParts(cfg, nc, js, clock, log)
	if err != nil {
		return err
	}
	defer p.close()
	e, err := New(cfg, p.deps())
	if err != nil {
		return err
	}
	defer e.observe()()
	defer observeSpending(p.spend)()
	defer streamstate.Observe(p.hub, cfg.Pool.AtHub(), cfg.Pool.Members(), p.queueOf, scope)()
	all := []lifecycle.Part{
		{Name: "shops", Run: p.shops.Run},
		{Name: "object store", Run: p.ensureBucket},
		{Name: "bus", Run: p.runBus},
		{Name: "drafts", Run: p.hearDrafts},
		{Name: "cohorts", Run: e.runCohorts},
		{
			Name: "http", Run: func(ctx context.Context) error { return e.serve(ctx, listener) },
			StopTimeout: cfg.ShutdownDelay + 2*cfg.atLeast(stopTimeout),
		},
	}
	if p.isPoP() {
		all = append(all, lifecycle.Part{Name: "mirrors", Run: p.runMirrors})
	}
	return lifecycle.Run(ctx, all...)
}

// parts are the real parts of an edge.
type parts struct {
	cfg      Config
	nc       *nats.Conn
	js       jetstream.JetStream
	log      *slog.Logger
	shops    *catalogue.Directory
	renderer *storefront.Renderer
	memory   *pagestore.Memory
	s3       *pagestore.S3
	keys     pagestore.Keys
	pages    *pagestore.Tiered
	board    *jobboard.Board
	follower *draftFollower
	drafts   *draftboard.Board
	control  *control.Switch
	spend    *spend.Follower
	// hub is the JetStream of what is written, js of what is read: another at a PoP only.
	hub    jetstream.JetStream
	keeper *wandnats.Keeper
	clock  *wandnats.Clock
	// mirrors looks after those of a PoP; nil elsewhere.
	mirrors *wandnats.Keeper
	// near is nil until NATS was reached. So is bus, and while streams are missing there or a
	// PoP's hub is away.
	near atomic.Pointer[near]
	bus  atomic.Pointer[bus]
	// behind says that the mirror of the pages may lack some.
	behind atomic.Bool
}

func newParts(cfg Config, nc *nats.Conn, js jetstream.JetStream, clock *wandnats.Clock, log *slog.Logger) (*parts, error) {
	if cfg.Shops.Now == nil {
		cfg.Shops.Now = clock.Now
	}
	shops, err := catalogue.New(cfg.Shops, log)
	if err != nil {
		return nil, err
	}
	renderer, err := storefront.NewRenderer()
	if err != nil {
		return nil, err
	}
	memory, err := pagestore.NewMemory(pagestore.MemoryConfig{MaxBytes: cfg.MemoryBytes, TemplateTTL: cfg.Pool.CacheTTL(), PageClock: clock.Now})
	if err != nil {
		return nil, err
	}
	keys, err := cfg.PageKeys.Keys()
	if err != nil {
		return nil, err
	}
	s3, err := pagestore.NewS3(cfg.S3, keys)
	if err != nil {
		return nil, err
	}
	hub, err := cfg.Pool.Hub(js)
	if err != nil {
		s3.Close()
		return nil, err
	}
	follower := newDraftFollower(nc, log)
	p := &parts{
		cfg: cfg, nc: nc, js: js, log: log, shops: shops, renderer: renderer,
		memory: memory, s3: s3, keys: keys, board: jobboard.New(cfg.Pool.Concurrency, clock.Now), follower: follower, drafts: draftboard.New(follower.follow),
		control: control.New(log), spend: spend.NewFollower(clock.Now, log),
		hub: hub, keeper: &wandnats.Keeper{JetStream: hub, Settings: cfg.Pool.AtHub(), Edge: true, Clock: clock, Log: log}, clock: clock,
	}
	if cfg.Pool.HubDomain != "" {
		p.mirrors = &wandnats.Keeper{JetStream: js, Settings: cfg.Pool, Edge: true, Log: log}
	}
	if p.pages, err = pagestore.NewTiered(memory, s3, kvTier{p}, p.lookupOptions()...); err != nil {
		s3.Close()
		return nil, err
	}
	return p, nil
}

func (p *parts) lookupOptions() []pagestore.Option {
	d := p.cfg.StoreTimeout
	return []pagestore.Option{
		pagestore.WithLogger(p.log), pagestore.WithDeadline(pagestore.TierMinIO, d), pagestore.WithDeadline(pagestore.TierKV, d),
	}
}

func (p *parts) close() {
	p.pages.Close()
	p.s3.Close()
}

func (p *parts) deps() Deps {
	var streams Streams = p.keeper
	if p.isPoP() {
		streams = popStreams{p.mirrors, p.keeper}
	}
	return Deps{
		Shops: p.shops, Renderer: p.renderer, Pages: p.pages, Memory: p.memory, Board: p.board, Drafts: p.drafts,
		Bus: func() *Bus {
			if b := p.bus.Load(); b != nil {
				return &b.Bus
			}
			return nil
		},
		Loaded:  func() bool { return p.near.Load() != nil },
		Streams: streams, Connected: p.nc.IsConnected, Clock: p.clock, Log: p.log,
	}
}

// ensureBucket creates the bucket when the object store answers, and returns when ctx ends.
func (p *parts) ensureBucket(ctx context.Context) error {
	if err := lifecycle.Retry(ctx, p.log, "the object store", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		return p.s3.EnsureBucket(ctx)
	}); err != nil {
		return err
	}
	p.ensureLifecycle(ctx)
	<-ctx.Done()
	return nil
}

// ensureLifecycle applies PAGE_TTL. Without it pages are kept for longer, which no shopper
// notices, so an error is only logged.
func (p *parts) ensureLifecycle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := p.s3.EnsureLifecycle(ctx); err != nil {
		p.log.WarnContext(ctx, "PAGE_TTL is not applied by this process", "error", err)
	}
}
