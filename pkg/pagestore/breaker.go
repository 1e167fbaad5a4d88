package pagestore

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/wandstore/wandstore/pkg/pagekey"
)

// errSkipped: the tier was not asked, because its breaker is open.
var errSkipped = errors.New("skipped, breaker open")

// failuresToOpen is how many failures in a row open a breaker. A single failure may be
// transient, and each one may cost a shopper the tier's deadline.
const failuresToOpen = 3

// guarded is a tier with its deadline and breaker. While the breaker is not closed, only
// the probes of watch reach the tier, so that no shopper waits for the recovery test.
type guarded struct {
	tier     string
	store    Getter
	deadline time.Duration
	interval time.Duration
	breaker  *gobreaker.CircuitBreaker[*Page]
	opened   chan struct{}
}

func guard(tier string, store Getter, deadline, interval time.Duration) *guarded {
	g := &guarded{tier: tier, store: store, deadline: deadline, interval: interval, opened: make(chan struct{}, 1)}
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

// get asks the tier within its deadline. It returns errSkipped at once if the breaker is
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
		ctx, cancel := context.WithTimeout(ctx, g.deadline)
		defer cancel()
		return g.store.Get(ctx, key)
	})
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
		// Any answer in time closes the breaker.
		if took, err := g.askPatiently(ctx, key); !told && errors.Is(err, errLate) {
			told = true
			log.ErrorContext(ctx, "page store tier answers later than its deadline, so its pages are not served: raise STORE_TIMEOUT",
				"tier", g.tier, "took", took.String(), "deadline", g.deadline.String())
		}
	}
	return true
}

// errLate: the tier answers, but after its deadline.
var errLate = errors.New("answered later than its deadline")

// askPatiently is ask for the probe, which nobody waits for: it tells a tier that is away from
// one that is too far away, by errLate.
func (g *guarded) askPatiently(ctx context.Context, key pagekey.Key) (took time.Duration, err error) {
	_, err = g.breaker.Execute(func() (*Page, error) {
		ctx, cancel := context.WithTimeout(ctx, max(g.deadline, g.interval))
		defer cancel()
		begun := time.Now()
		page, err := g.store.Get(ctx, key)
		took = time.Since(begun)
		if took > g.deadline && (err == nil || answered(err)) {
			return nil, errLate
		}
		return page, err
	})
	return took, err
}
