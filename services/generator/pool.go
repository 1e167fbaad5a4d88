package generator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/micro"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/account"
	"github.com/wandstore/wandstore/pkg/control"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/lifecycle"
	"github.com/wandstore/wandstore/pkg/pagedraft"
	"github.com/wandstore/wandstore/pkg/pagemaker"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/personal"
	"github.com/wandstore/wandstore/pkg/session"
	"github.com/wandstore/wandstore/pkg/spend"
	"github.com/wandstore/wandstore/services/generator/internal/designer"
)

// pool is a Pool of real parts.
type pool struct {
	Pool

	bus       *wandnats.Bus
	consumers []*jobqueue.Consumer
	sweeper   *jobqueue.Sweeper
	data      *personal.Data
	ledger    *spend.Ledger
	control   *control.Switch
}

// runPool waits for NATS and the object store and then serves the members until ctx ends.
func (p *parts) runPool(ctx context.Context) error {
	var opened *pool
	err := lifecycle.Retry(ctx, p.log, "NATS", func(ctx context.Context) (err error) {
		opened, err = p.openPool(ctx)
		return err
	})
	if err != nil {
		return err
	}
	if err := lifecycle.Retry(ctx, p.log, "the object store", func(ctx context.Context) error {
		if err := p.s3.EnsureBucket(ctx); err != nil {
			return err
		}
		return p.s3.CheckConditionalWrites(ctx)
	}); err != nil {
		return err
	}
	p.ensureLifecycle(ctx)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// The micro service starts before GET /health answers 200, so that the members of a
	// healthy generator answer over NATS.
	var service micro.Service
	if err := lifecycle.Retry(ctx, p.log, "NATS", func(ctx context.Context) (err error) {
		service, err = p.generator.openMicro(ctx, p.nc, &opened.Pool)
		return err
	}); err != nil {
		return err
	}
	p.pool.Store(opened)
	defer p.pool.Store(nil)

	running := []lifecycle.Part{
		{Name: "bus", Run: func(ctx context.Context) error { return p.runBus(ctx, opened) }},
		{Name: "spending", Run: opened.ledger.Run},
		{Name: "dead letter sweep", Run: opened.sweeper.Run},
		{Name: "forgotten shoppers", Run: func(ctx context.Context) error { return opened.data.Keep(ctx, p.generator.slugs, p.log) }},
		{Name: "members", Run: opened.run, StopTimeout: p.cfg.grace() + settling},
		{Name: "micro service", Run: func(ctx context.Context) error { return p.generator.runMicro(ctx, service) }},
	}
	if p.cfg.ExitWhenIdle {
		running = append(running, lifecycle.Part{Name: "idle watch", Run: p.generator.waitIdle})
	}
	defer p.observe(opened)()
	p.log.Info("serving", "members", opened.names(), "worker", p.generator.deps.Worker, "model", p.cfg.KimiModel)
	return lifecycle.Run(ctx, running...)
}

// runBus keeps up with the buckets until ctx ends. When streams, buckets or consumers are
// lost, it has them made anew, or waits for who may make them, and begins again. Running
// jobs go on meanwhile: their pages are paid for, and the object store may be there.
func (p *parts) runBus(ctx context.Context, opened *pool) error {
	bus := opened.bus
	for {
		err := lifecycle.Run(ctx,
			lifecycle.Part{Name: "shops", Run: func(ctx context.Context) error { return p.shops.Follow(ctx, bus.Conn, bus.Shops, bus.Catalogue) }},
			lifecycle.Part{Name: "switches", Run: func(ctx context.Context) error { return p.control.Follow(ctx, bus.Conn, bus.Control) }},
			lifecycle.Part{Name: "account", Run: func(ctx context.Context) error { return p.account.Share(ctx, bus.Conn, bus.Account) }},
			lifecycle.Part{Name: "streams", Run: p.keeper.Watch},
		)
		if !errors.Is(err, wandnats.ErrLost) {
			return err
		}
		// An edge may have made the bucket of the records already, and asks for pages soon.
		for _, c := range opened.consumers {
			c.Beat()
		}
		if err := ensure(ctx, p.keeper, p.log); err != nil {
			return err
		}
		for _, c := range opened.consumers {
			c.Recover()
		}
	}
}

// openTimeout bounds one try to make and find what is on NATS.
const openTimeout = 10 * time.Second

func (p *parts) openPool(ctx context.Context) (*pool, error) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if err := p.keeper.Ensure(ctx); err != nil {
		return nil, err
	}
	bus, err := wandnats.Open(ctx, p.js)
	if err != nil {
		return nil, err
	}
	// The shops are loaded before the first job, because a shop may be in the bucket only.
	if err := p.shops.Load(ctx, bus.Shops, bus.Catalogue); err != nil {
		return nil, err
	}
	if err := p.control.Load(ctx, bus.Control); err != nil {
		return nil, err
	}
	spending := p.cfg.spending()
	spending.Now = p.clock.Now
	ledger := spend.NewLedger(bus.Spend, spending, p.log)
	p.meter.ledger.Store(ledger)
	names, err := p.memberNames(ctx)
	if err != nil {
		return nil, err
	}
	trail := jobqueue.NewTrail(p.js, "generator", jobqueue.WithClock(p.clock.Now))
	pages, sessions := pagestore.NewKV(bus.Pages, p.keys), session.NewStore(bus.Sessions, session.GuestTTL(p.js, p.cfg.GuestTTL), session.Clock(p.clock.Now))
	drafts := pagedraft.NewStore(bus.Drafts)
	data := &personal.Data{
		Permanent: p.s3, Cache: pages, Jobs: bus.Jobs, Sessions: sessions, Forgotten: bus.Forgotten, Drafts: drafts, Now: p.clock.Now,
	}
	opened := &pool{
		bus: bus, data: data, ledger: ledger, control: p.control,
		sweeper: jobqueue.NewSweeper(p.nc, p.js, bus.Jobs, trail, p.shops.Label, p.log),
		Pool: Pool{
			Maker: bookedMaker{&pagemaker.Maker{
				Shops: p.shops, Renderer: p.renderer, Permanent: p.s3, Cache: pages, Sessions: sessions,
				Trail: trail, Forgotten: data, Drafts: drafts, Log: p.log, Metrics: pagemaker.NewMetrics(), Now: p.clock.Now,
				Patience: p.cfg.Patience,
			}, ledger},
			Designer: &designer.Designer{
				Model: p.model, Metrics: designer.NewMetrics(p.cfg.KimiModel), Prices: p.cfg.Prices(), Books: p.meter,
			},
			Replayer: jobqueue.NewQueue(p.js, bus.Jobs, p.cfg.Pool, trail),
			Eraser:   data, Exporter: data, Costs: costs{bus.Spend},
		},
	}
	for _, name := range names {
		consumer := jobqueue.NewConsumer(p.js, bus.Jobs, jobqueue.ConsumerConfig{
			Member: name, Worker: p.generator.deps.Worker, Concurrency: p.cfg.Pool.Concurrency,
			JobTimeout: p.cfg.jobTimeout(), MaxWait: p.cfg.Pool.MaxWait(), Grace: p.cfg.grace(), Label: p.shops.Label,
		}, trail, opened.handle, p.log)
		opened.consumers = append(opened.consumers, consumer)
		opened.Members = append(opened.Members, consumer)
	}
	return opened, nil
}

// memberNames returns the members to serve: those that have a consumer, and of these the
// numbers of POOL_MEMBERS. So the members that a smaller pool or another number of shards has
// no more are still drained.
func (p *parts) memberNames(ctx context.Context) ([]string, error) {
	served, err := memberNumbers(p.cfg.Members, p.cfg.Pool.PoolSize)
	if err != nil {
		return nil, err
	}
	stream, err := p.js.Stream(ctx, wandnats.StreamGeneration)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", wandnats.StreamGeneration, err)
	}
	var names []string
	all := stream.ConsumerNames(ctx)
	for name := range all.Name() {
		if _, n, ok := wandnats.ParseMember(name); ok && (served == nil || slices.Contains(served, n)) {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, wandnats.CompareMembers)
	return names, all.Err()
}

func (p *pool) names() []string {
	names := make([]string, len(p.consumers))
	for i, m := range p.consumers {
		names[i] = m.Member()
	}
	return names
}

// run serves all members until ctx ends.
func (p *pool) run(ctx context.Context) error {
	var (
		wg     sync.WaitGroup
		failed = make([]error, len(p.consumers))
	)
	for i, m := range p.consumers {
		wg.Go(func() { failed[i] = m.Run(ctx) })
	}
	wg.Wait()
	return errors.Join(failed...)
}

// bookedMaker makes pages. When one is ready, what it cost is booked.
type bookedMaker struct {
	PageMaker

	ledger *spend.Ledger
}

// Make is PageMaker's.
func (m bookedMaker) Make(ctx context.Context, o pagemaker.Order) (pagemaker.Made, error) {
	defer m.ledger.Flush(context.WithoutCancel(ctx))
	return m.PageMaker.Make(ctx, o)
}

// handle makes a job's page.
func (p *pool) handle(ctx context.Context, job *jobqueue.Job) (jobqueue.Result, error) {
	ctx = account.WithJob(ctx, account.Job{
		Shop: job.Key.Shop(), Since: job.GetRequestedAt().AsTime(), Waits: job.Wait,
		Check: func() error { return p.control.Check(job.Key.Shop()) },
	})
	order := p.order(job.Key, job.GetJobId(), job.GetRequestedAt().AsTime(), job.GetPreferences())
	order.Member, order.Attempt, order.Confirm = job.Member, job.Attempt, job.Confirm
	order.Wait = job.WaitForStore
	made, err := p.Maker.Make(ctx, order)
	if err != nil {
		// ErrUnknownShop is tried again too, because an edge may learn of a new shop before
		// this process does.
		return jobqueue.Result{}, err
	}
	return jobqueue.Result{
		Persona: made.Page.Persona(), Source: made.Page.Source(),
		GeneratedAt: made.Page.GeneratedAt(), Reason: made.Reason,
	}, nil
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
