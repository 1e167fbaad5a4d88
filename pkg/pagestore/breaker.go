package pagestore

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/wandstore/wandstore/pkg/pagekey"
)

// errSkipped: the tier was not asked, because its breaker is open.
var errSkipped = errors.New("skipped, breaker open")

// failuresToOpen is how many failures in a row open a breaker. A single failure may be
// transient, and each one may cost a shopper the tier's deadline.
const failuresToOpen = 3

// promptToNarrow is how many answers in a row have to come within a tier's deadline before it
// is the bound again.
const promptToNarrow = 20

// guarded is a tier with its deadline and breaker. While the breaker is not closed, only
// the probes of watch reach the tier, so that no shopper waits for the recovery test.
type guarded struct {
	tier     string
	store    Getter
	deadline time.Duration
	interval time.Duration
	breaker  *gobreaker.CircuitBreaker[*Page]
	opened   chan struct{}

	// patience is how long a lookup waits: the deadline or, of a tier that was found to answer
	// later, up to the interval of probes.
	patience atomic.Int64
	// prompt is how many answers in a row came within the deadline.
	prompt atomic.Int64
}

func guard(tier string, store Getter, deadline, interval time.Duration) *guarded {
	g := &guarded{tier: tier, store: store, deadline: deadline, interval: interval, opened: make(chan struct{}, 1)}
	g.patience.Store(int64(deadline))
	g.breaker = gobreaker.NewCircuitBreaker[*Page](gobreaker.Settings{
		Name: tier,
		// Half the interval, so that the breaker is half open when the next probe comes.
		Timeout:     interval / 2,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= failuresToOpen },
		IsSuccessful: func(err error) bool {
			return err == nil || answered(err)
		},
		OnStateChange: func(_ string, _, to gobreaker.State) {
			if to != gobreaker.StateOpen {
				return
			}
			// The breaker calls this under its lock, so it must not block.
			select {
			case g.opened <- struct{}{}:
			default:
			}
		},
	})
	return g
}

// state is "closed" or "open". Half open counts as open, since no shopper's lookup
// reaches the tier then.
func (g *guarded) state() string {
	if g.breaker.State() == gobreaker.StateClosed {
		return gobreaker.StateClosed.String()
	}
	return gobreaker.StateOpen.String()
}

// answered reports whether the error is an answer of the tier rather than its failure.
func answered(err error) bool { return errors.Is(err, ErrMiss) || errors.Is(err, ErrCorrupt) }

// get asks the tier within its patience. It returns errSkipped at once if the breaker is
// not closed.
func (g *guarded) get(ctx context.Context, key pagekey.Key) (*Page, error) {
	if g.breaker.State() != gobreaker.StateClosed {
		return nil, errSkipped
	}
	page, err := g.ask(ctx, key)
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return nil, errSkipped
	}
	return page, err
}

func (g *guarded) ask(ctx context.Context, key pagekey.Key) (*Page, error) {
	return g.breaker.Execute(func() (*Page, error) {
		ctx, cancel := context.WithTimeout(ctx, time.Duration(g.patience.Load()))
		defer cancel()
		begun := time.Now()
		page, err := g.store.Get(ctx, key)
		g.narrow(time.Since(begun), err)
		return page, err
	})
}

// narrow makes the deadline the bound again once a tier that was late answers in time.
func (g *guarded) narrow(took time.Duration, err error) {
	if took > g.deadline || err != nil && !answered(err) {
		g.prompt.Store(0)
	} else if g.prompt.Add(1) >= promptToNarrow {
		g.patience.Store(int64(g.deadline))
	}
}

// watch waits for the breaker to open and then probes until it closes. It returns when
// ctx ends.
func (g *guarded) watch(ctx context.Context, probe pagekey.Key, log *slog.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.opened:
		}
		if g.breaker.State() == gobreaker.StateClosed {
			continue // that outage is over
		}
		since := time.Now()
		log.WarnContext(ctx, "page store tier is unavailable", "tier", g.tier)
		if !g.probe(ctx, probe, log) {
			return
		}
		log.InfoContext(ctx, "page store tier is back", "tier", g.tier, "outage", time.Since(since))
	}
}

// probe asks for the page of key at each interval until the breaker is closed. It
// returns false if ctx ended first.
func (g *guarded) probe(ctx context.Context, key pagekey.Key, log *slog.Logger) bool {
	ticker := time.NewTicker(g.interval)
	defer ticker.Stop()
	told := false
	for g.breaker.State() != gobreaker.StateClosed {
		select {
		case <-ctx.Done():
			return false
		case <-ticker.C:
		}
		// Any answer closes the breaker.
		if took, late := g.askPatiently(ctx, key); late && !told {
			told = true
			log.ErrorContext(ctx, "page store tier answers later than its deadline: lookups wait for it longer, up to a bound. Raise STORE_TIMEOUT if it is far away",
				"tier", g.tier, "took", took.String(), "deadline", g.deadline.String(), "bound", g.most().String())
		}
	}
	return true
}

// most is the longest that a lookup waits.
func (g *guarded) most() time.Duration { return max(g.deadline, g.interval) }

// askPatiently is ask for the probe, which nobody waits for. A tier that is late is not away:
// lookups wait for it then, for twice as long as it took.
func (g *guarded) askPatiently(ctx context.Context, key pagekey.Key) (took time.Duration, late bool) {
	// The breaker takes the error.
	_, _ = g.breaker.Execute(func() (*Page, error) {
		ctx, cancel := context.WithTimeout(ctx, g.most())
		defer cancel()
		begun := time.Now()
		page, err := g.store.Get(ctx, key)
		took = time.Since(begun)
		if late = took > g.deadline && (err == nil || answered(err)); late {
			g.prompt.Store(0)
			g.patience.Store(int64(min(2*took, g.most())))
		}
		return page, err
	})
	return took, late
}
