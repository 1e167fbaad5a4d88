package generator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/micro"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/erasure"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/lifecycle"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagemaker"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/session"
	"github.com/wandstore/wandstore/services/generator/internal/designer"
)

// pool is the members that this process serves, and what their jobs need.
type pool struct {
	bus      *wandnats.Bus
	members  []*jobqueue.Consumer
	maker    *pagemaker.Maker
	designer pagemaker.Designer
	queue    *jobqueue.Queue
	sweeper  *jobqueue.Sweeper
	eraser   *erasure.Eraser
	// direct holds a place for each POST /generate under way, as many as the members
	// may run: whoever calls it pays the same model.
	direct chan struct{}
}

// runPool waits for NATS and the object store, then serves the members.
func (g *generator) runPool(ctx context.Context) error {
	var p *pool
	err := lifecycle.Retry(ctx, g.log, "NATS", func(ctx context.Context) (err error) {
		p, err = g.openPool(ctx)
		return err
	})
	if err != nil {
		return err
	}
	if err := lifecycle.Retry(ctx, g.log, "the object store", g.s3.EnsureBucket); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// Before it is healthy: who then asks a member over NATS is answered.
	var service micro.Service
	if err := lifecycle.Retry(ctx, g.log, "NATS", func(ctx context.Context) (err error) {
		service, err = g.openMicro(ctx, p)
		return err
	}); err != nil {
		return err
	}
	g.pool.Store(p)
	defer g.pool.Store(nil)

	parts := []lifecycle.Part{
		{Name: "stores", Run: func(ctx context.Context) error { return g.shops.Follow(ctx, p.bus.Conn, p.bus.Shops) }},
		{Name: "dead letter sweep", Run: p.sweeper.Run},
		{Name: "members", Run: p.run, StopWithin: grace + settling},
		{Name: "micro service", Run: func(ctx context.Context) error { return g.runMicro(ctx, service) }},
	}
	if g.cfg.ExitWhenIdle {
		parts = append(parts, lifecycle.Part{Name: "idle watch", Run: func(ctx context.Context) error {
			return p.waitIdle(ctx, g.cfg.inactivity(), g.log)
		}})
	}
	defer g.observe(p)()
	g.log.Info("serving", "members", p.names(), "worker", g.worker, "model", g.cfg.KimiModel)
	return lifecycle.Run(ctx, parts...)
}

func (g *generator) openPool(ctx context.Context) (*pool, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := wandnats.Ensure(ctx, g.js, g.cfg.Pool); err != nil {
		return nil, err
	}
	bus, err := wandnats.Open(ctx, g.js)
	if err != nil {
		return nil, err
	}
	// Before the first job is taken: its shop may be in the bucket only.
	if err := g.shops.Load(ctx, bus.Shops); err != nil {
		return nil, err
	}
	names, err := g.memberNames(ctx)
	if err != nil {
		return nil, err
	}
	trail := jobqueue.NewTrail(g.js, "generator")
	kv := pagestore.NewKV(bus.Pages)
	kept := session.NewStore(bus.Sessions)
	p := &pool{
		bus:     bus,
		eraser:  &erasure.Eraser{Permanent: g.s3, Cache: kv, Jobs: bus.Jobs, Sessions: kept},
		queue:   jobqueue.NewQueue(g.js, bus.Jobs, g.cfg.Pool.PoolSize, trail),
		sweeper: jobqueue.NewSweeper(g.nc, g.js, bus.Jobs, trail, g.log),
		direct:  make(chan struct{}, len(names)*g.cfg.Pool.Concurrency),
		maker: &pagemaker.Maker{
			Shops: g.shops, Renderer: g.render,
			Permanent: g.s3, Cache: kv, Sessions: kept,
			Trail: trail, Log: g.log, Metrics: pagemaker.NewMetrics(),
		},
		designer: &designer.Designer{Model: g.model, Metrics: designer.NewMetrics(g.cfg.KimiModel, g.cfg.price())},
	}
	for _, name := range names {
		p.members = append(p.members, jobqueue.NewConsumer(g.js, bus.Jobs, jobqueue.ConsumerConfig{
			Member: name, Worker: g.worker, Concurrency: g.cfg.Pool.Concurrency,
			JobTimeout: g.cfg.jobTimeout(), Grace: grace,
		}, trail, p.handle, g.log))
	}
	return p, nil
}

// memberNames are the members to serve: those of POOL_MEMBERS, or all that have a
// consumer, so that members of a pool that was larger are still drained.
func (g *generator) memberNames(ctx context.Context) ([]string, error) {
	names, err := members(g.cfg.Members, g.cfg.Pool.PoolSize)
	if err != nil || names != nil {
		return names, err
	}
	stream, err := g.js.Stream(ctx, wandnats.StreamGeneration)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", wandnats.StreamGeneration, err)
	}
	all := stream.ConsumerNames(ctx)
	for name := range all.Name() {
		if _, ok := wandnats.MemberNumber(name); ok {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		x, _ := wandnats.MemberNumber(a)
		y, _ := wandnats.MemberNumber(b)
		return x - y
	})
	return names, all.Err()
}

func (p *pool) names() []string {
	names := make([]string, len(p.members))
	for i, m := range p.members {
		names[i] = m.Member()
	}
	return names
}

// run serves all members until ctx ends.
func (p *pool) run(ctx context.Context) error {
	var (
		wg     sync.WaitGroup
		failed = make([]error, len(p.members))
	)
	for i, m := range p.members {
		wg.Go(func() { failed[i] = m.Run(ctx) })
	}
	wg.Wait()
	return errors.Join(failed...)
}

// handle makes a job's page.
func (p *pool) handle(ctx context.Context, job *jobqueue.Job) (jobqueue.Result, error) {
	order := p.order(job.Key, job.GetJobId(), job.GetRequestedAt().AsTime(), job.GetPreferences())
	order.Member, order.Attempt, order.Confirm = job.Member, job.Attempt, job.Confirm
	made, err := p.maker.Make(ctx, order)
	if err != nil {
		// Also of an unknown store: an edge may hear of a new one first.
		return jobqueue.Result{}, err
	}
	return jobqueue.Result{
		Persona: made.Page.Persona(), Source: made.Page.Source(),
		GeneratedAt: made.Page.GeneratedAt(), Reason: made.Reason,
	}, nil
}

// order asks for a page that the model designs, or the template when it fails.
func (p *pool) order(key pagekey.Key, jobID string, requestedAt time.Time, preferences map[string]string) pagemaker.Order {
	return pagemaker.Order{
		Key: key, JobID: jobID, RequestedAt: requestedAt, Preferences: preferences, Persona: preferences["persona"],
		Designer: p.designer, Source: pagestore.SourceLLM, Template: true,
	}
}

// memberState is how one member stands, as operators see it.
type memberState struct {
	Member     string    `json:"member"`
	State      string    `json:"state"` // warm or cold
	Running    int       `json:"running"`
	Done       int64     `json:"done"`
	Dead       int64     `json:"dead"`
	LastActive time.Time `json:"lastActive"`
}

func stateOf(c *jobqueue.Consumer, inactivity time.Duration) memberState {
	s := c.Status()
	m := memberState{
		Member: c.Member(), State: "warm", Running: s.Running, Done: s.Done, Dead: s.Dead, LastActive: s.LastActive.UTC(),
	}
	if s.Running == 0 && time.Since(s.LastActive) > inactivity {
		m.State = "cold"
	}
	return m
}

// waitIdle returns once every member is cold.
func (p *pool) waitIdle(ctx context.Context, inactivity time.Duration, log *slog.Logger) error {
	tick := time.NewTicker(min(inactivity/4+time.Millisecond, time.Second))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		warm := slices.ContainsFunc(p.members, func(c *jobqueue.Consumer) bool {
			return stateOf(c, inactivity).State == "warm"
		})
		if !warm && len(p.direct) == 0 {
			log.Info("all members are cold, leaving")
			return nil
		}
	}
}

// errNotReady: the pool is not open yet.
var errNotReady = errors.New("waiting for NATS or the object store")
