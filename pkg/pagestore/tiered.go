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

// Getter is a lower tier as the look-up needs it: ErrMiss and ErrCorrupt are
// answers, any other error is a failure of the tier.
type Getter interface {
	Get(ctx context.Context, key pagekey.Key) (*Page, error)
}

// Hit is a page found.
type Hit struct {
	Page *Page
	// Tier is who had it: TierMemory, TierMinIO or TierKV.
	Tier string
	// Unverified says that memory's page could not be verified, because a tier below
	// did not answer: it may have been replaced.
	Unverified bool
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

// Option is an optional knob of NewTiered.
type Option func(*options)

// WithDeadline bounds each look-up in a lower tier (TierMinIO or TierKV);
// 100 ms.
func WithDeadline(tier string, d time.Duration) Option {
	return func(o *options) { o.deadlines[tier] = d }
}

// WithProbeInterval sets how often a tier whose breaker is open is asked whether
// it is back; 1 s.
func WithProbeInterval(d time.Duration) Option { return func(o *options) { o.probe = d } }

// WithMeterProvider sets where look-ups are counted; the global provider.
func WithMeterProvider(p metric.MeterProvider) Option { return func(o *options) { o.meters = p } }

// WithLogger sets who hears of a tier going and coming back; nobody.
func WithLogger(l *slog.Logger) Option { return func(o *options) { o.log = l } }

// Tiered looks a page up in memory, then in MinIO and KV. See the package
// comment for what it promises. It is safe for concurrent use.
type Tiered struct {
	memory  *Memory
	lower   [2]*guarded
	flights singleflight.Group
	metrics *instruments
	stop    context.CancelFunc
	probes  sync.WaitGroup
}

// NewTiered makes a look-up, and starts what probes broken tiers: Close it. The
// errors are of the options.
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
	// Any valid key does: that there is no such page is an answer.
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

// Close stops the probes and waits for them. Look-ups under way end by their
// deadlines.
func (t *Tiered) Close() {
	t.stop()
	t.probes.Wait()
}

// Breakers is the state of each lower tier's breaker, by tier: "closed" is
// well, "open" is not asked.
func (t *Tiered) Breakers() map[string]string {
	states := make(map[string]string, len(t.lower))
	for _, g := range t.lower {
		states[g.tier] = g.state()
	}
	return states
}

// Get finds the newest page of key. It returns ErrMiss if there is none, ErrMiss
// and ErrUnavailable if none was found but a tier could not be asked, and ctx's
// error if the caller left first; the look-up then goes on for whoever else
// waits for it.
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
		return Hit{Page: page, Tier: TierMemory, Unverified: true}, nil
	}
	return hit, lowerErr
}

// unanswered tells a look-up that did not come to an end from a certain miss.
func unanswered(err error) bool {
	return !errors.Is(err, ErrMiss) || errors.Is(err, ErrUnavailable)
}

// below looks key up in the lower tiers, once for all who ask at the same time.
func (t *Tiered) below(ctx context.Context, key pagekey.Key) (Hit, error) {
	// Who asks after a change was reported must not be given the answer of a
	// look-up that began before it: the change is part of the flight's name.
	now := t.memory.ticket(key)
	flight := key.Store() + "/" + key.Shopper() +
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

// lookUp asks both lower tiers, and takes the newest into memory.
func (t *Tiered) lookUp(ctx context.Context, key pagekey.Key, began ticket) (Hit, error) {
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
			// MinIO is first: of two copies of one page it is the one named.
			if hit.Page == nil || hit.Page.compare(pages[i]) < 0 {
				hit = Hit{Page: pages[i], Tier: g.tier}
			}
		case !answered(errs[i]):
			unavailable = append(unavailable, fmt.Errorf("%s: %w", g.tier, errs[i]))
		}
	}
	complete := len(unavailable) == 0
	switch {
	case hit.Page != nil:
		kept := t.memory.fill(began, hit.Page, complete)
		if kept.compare(hit.Page) > 0 {
			return Hit{Page: kept, Tier: TierMemory, Unverified: !complete}, nil
		}
		hit.Page = kept // the same page, perhaps already compressed
		return hit, nil
	case complete:
		t.memory.forget(key)
		return Hit{}, ErrMiss
	default:
		return Hit{}, fmt.Errorf("%w: %w: %w", ErrMiss, ErrUnavailable, errors.Join(unavailable...))
	}
}

// ask asks one tier, and is where its failure ends: in a count and an event.
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
