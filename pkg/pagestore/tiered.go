package pagestore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/singleflight"

	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/telemetry"
)

// Getter is a lower tier. ErrMiss and ErrCorrupt are answers; any other error is a failure
// of the tier. ErrMiss together with ErrUnavailable is the answer of a tier that cannot know
// every page, as a mirror whose source is away: no failure, and no certain miss either.
type Getter interface {
	Get(ctx context.Context, key pagekey.Key) (*Page, error)
}

// Hit is a page that was found.
type Hit struct {
	Page *Page
	// Tier is the tier that had the page: TierMemory, TierMinIO or TierKV.
	Tier string
	// Unverified says that the page comes from memory and could not be verified, because
	// a tier below did not answer. The page may have been replaced.
	Unverified bool
	// Uncertain says that a tier below could not be asked, which may have a newer page.
	Uncertain bool
}

const (
	defaultDeadline = 100 * time.Millisecond
	defaultProbe    = time.Second
)

type options struct {
	deadlines map[string]time.Duration
	probe     time.Duration
	meters    metric.MeterProvider
	log       *slog.Logger
}

// Option is an optional setting of NewTiered.
type Option func(*options)

// WithDeadline bounds each lookup in a lower tier (TierMinIO or TierKV). The default is
// 100 ms.
func WithDeadline(tier string, d time.Duration) Option {
	return func(o *options) { o.deadlines[tier] = d }
}

// WithProbeInterval sets the interval at which a tier is probed while its breaker is open.
// The default is 1 s.
func WithProbeInterval(d time.Duration) Option { return func(o *options) { o.probe = d } }

// WithMeterProvider sets the provider of the lookups' metrics. The default is the global
// provider.
func WithMeterProvider(p metric.MeterProvider) Option { return func(o *options) { o.meters = p } }

// WithLogger sets the logger for tiers that become unavailable and recover. The default
// discards.
func WithLogger(l *slog.Logger) Option { return func(o *options) { o.log = l } }

// Tiered looks a page up in memory, then in MinIO and KV, as the package's documentation
// says. It is safe for concurrent use.
type Tiered struct {
	memory  *Memory
	lower   [2]*guarded
	flights singleflight.Group
	metrics *instruments
	stop    context.CancelFunc
	probes  sync.WaitGroup
}

// NewTiered returns a Tiered and starts its probes, which Close stops. Its errors are
// errors of the options.
func NewTiered(memory *Memory, minio, kv Getter, opts ...Option) (*Tiered, error) {
	o := options{
		deadlines: map[string]time.Duration{TierMinIO: defaultDeadline, TierKV: defaultDeadline},
		probe:     defaultProbe,
		meters:    otel.GetMeterProvider(),
		log:       slog.New(slog.DiscardHandler),
	}
	for _, opt := range opts {
		opt(&o)
	}
	if len(o.deadlines) != 2 || o.deadlines[TierMinIO] <= 0 || o.deadlines[TierKV] <= 0 || o.probe <= 0 {
		return nil, errors.New("page look-up: deadlines are of minio and kv, and durations positive")
	}
	metrics := newInstruments(o.meters)
	// Any valid key serves, since a miss is an answer too.
	probe, err := pagekey.New("probe", "probe")
	if err != nil {
		return nil, fmt.Errorf("page look-up: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	t := &Tiered{
		memory: memory,
		lower: [2]*guarded{
			guard(TierMinIO, minio, o.deadlines[TierMinIO], o.probe),
			guard(TierKV, kv, o.deadlines[TierKV], o.probe),
		},
		metrics: metrics,
		stop:    stop,
	}
	for _, g := range t.lower {
		t.probes.Go(func() { g.watch(ctx, probe, o.log) })
	}
	return t, nil
}

// Close stops the probes and waits for them. Lookups that have begun end by their
// deadlines.
func (t *Tiered) Close() {
	t.stop()
	t.probes.Wait()
}

// Breakers is the state of each lower tier's breaker, by tier: "closed" if the tier is
// asked, "open" if it is not.
func (t *Tiered) Breakers() map[string]string {
	states := make(map[string]string, len(t.lower))
	for _, g := range t.lower {
		states[g.tier] = g.state()
	}
	return states
}

// Get returns the newest page of key. Errors: ErrMiss if there is none; ErrMiss together
// with ErrUnavailable if none was found and a tier could not be asked; ctx's if ctx ends
// first. In that case the lookup goes on for its other callers.
func (t *Tiered) Get(ctx context.Context, key pagekey.Key) (Hit, error) {
	begun := time.Now()
	page, err := t.memory.Get(ctx, key)
	took := time.Since(begun)
	if err == nil {
		t.metrics.record(ctx, TierMemory, resultHit, took)
		return Hit{Page: page, Tier: TierMemory}, nil
	}
	hit, lowerErr := t.below(ctx, key)
	switch {
	case page == nil:
		t.metrics.record(ctx, TierMemory, resultMiss, took)
	case lowerErr == nil || !unanswered(lowerErr):
		t.metrics.record(ctx, TierMemory, resultRevalidated, took)
	default:
		t.metrics.record(ctx, TierMemory, resultUnverified, took)
		return Hit{Page: page, Tier: TierMemory, Unverified: true, Uncertain: true}, nil
	}
	return hit, lowerErr
}

// unanswered reports whether the lookup ended without a certain answer.
func unanswered(err error) bool {
	return !errors.Is(err, ErrMiss) || errors.Is(err, ErrUnavailable)
}

// below looks key up in the lower tiers. Concurrent callers share one lookup.
func (t *Tiered) below(ctx context.Context, key pagekey.Key) (Hit, error) {
	// A caller that comes after a reported change must not get the answer of a lookup that
	// began before it. So epoch and change are part of the flight's name.
	now := t.memory.snapshot(key)
	flight := key.Shop() + "/" + key.Shopper() +
		"/" + strconv.FormatUint(now.epoch, 36) + "/" + strconv.FormatUint(now.change, 36)
	landed := t.flights.DoChan(flight, func() (any, error) {
		return t.lookUp(context.WithoutCancel(ctx), key, now)
	})
	select {
	case r := <-landed:
		hit, _ := r.Val.(Hit)
		return hit, r.Err
	case <-ctx.Done():
		return Hit{}, fmt.Errorf("page look-up: %w", context.Cause(ctx))
	}
}

// lookUp asks both lower tiers and puts the newest page into memory.
func (t *Tiered) lookUp(ctx context.Context, key pagekey.Key, began snapshot) (Hit, error) {
	var pages [len(t.lower)]*Page
	var errs [len(t.lower)]error
	var asked sync.WaitGroup
	for i, g := range t.lower {
		asked.Go(func() { pages[i], errs[i] = t.ask(ctx, g, key) })
	}
	asked.Wait()

	var hit Hit
	var unavailable []error
	for i, g := range t.lower {
		switch {
		case errs[i] == nil:
			// MinIO comes first, so the hit names it if both have the same page.
			if hit.Page == nil || hit.Page.compare(pages[i]) < 0 {
				hit = Hit{Page: pages[i], Tier: g.tier}
			}
		case !answered(errs[i]) || errors.Is(errs[i], ErrUnavailable):
			unavailable = append(unavailable, fmt.Errorf("%s: %w", g.tier, errs[i]))
		}
	}
	complete := len(unavailable) == 0
	switch {
	case hit.Page != nil:
		kept := t.memory.fill(began, hit.Page, complete)
		if kept.compare(hit.Page) > 0 {
			return Hit{Page: kept, Tier: TierMemory, Unverified: !complete, Uncertain: !complete}, nil
		}
		hit.Page = kept // the same page, which may be compressed already
		hit.Uncertain = !complete
		return hit, nil
	case complete:
		t.memory.forget(key)
		return Hit{}, ErrMiss
	default:
		return Hit{}, fmt.Errorf("%w: %w: %w", ErrMiss, ErrUnavailable, errors.Join(unavailable...))
	}
}

// ask asks one tier. A failure becomes a count and an event of the caller's span.
func (t *Tiered) ask(ctx context.Context, g *guarded, key pagekey.Key) (*Page, error) {
	begun := time.Now()
	page, err := g.get(ctx, key)
	result := getResult(err)
	t.metrics.record(ctx, g.tier, result, time.Since(begun))
	if err != nil && !errors.Is(err, ErrMiss) {
		trace.SpanFromContext(ctx).AddEvent("page store tier failed",
			trace.WithAttributes(telemetry.Tier.String(g.tier), telemetry.Result.String(result)))
	}
	return page, err
}
