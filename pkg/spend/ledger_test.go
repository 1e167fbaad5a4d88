package spend

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/faulttest"
	"github.com/wandstore/wandstore/pkg/natstest"
)

func TestReservationsAreSettled(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		budget      Micros
		end         func(ctx context.Context, r *Reservation)
		spent, used Micros
	}{
		"under way":          {dollar, func(context.Context, *Reservation) {}, 0, 300_000},
		"settled":            {dollar, func(ctx context.Context, r *Reservation) { r.Settle(ctx, costing(100_000)) }, 100_000, 100_000},
		"settled, no budget": {0, func(ctx context.Context, r *Reservation) { r.Settle(ctx, costing(100_000)) }, 100_000, 100_000},
		"released":           {dollar, func(ctx context.Context, r *Reservation) { r.Release(ctx) }, 0, 0},
		"settled twice": {dollar, func(ctx context.Context, r *Reservation) {
			r.Settle(ctx, costing(100_000))
			r.Settle(ctx, costing(100_000))
		}, 100_000, 100_000},
		// The promise is the caller's; what was spent is not hidden.
		"dearer than reserved": {dollar, func(ctx context.Context, r *Reservation) { r.Settle(ctx, costing(2*dollar)) }, 2 * dollar, 2 * dollar},
		"of a cancelled job": {dollar, func(ctx context.Context, r *Reservation) {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			r.Settle(ctx, costing(100_000))
		}, 100_000, 100_000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBooks(t)
			l := b.ledger(Config{Budget: tt.budget})
			tt.end(t.Context(), b.reserve(l, "magic-wands", 300_000))
			l.Flush(t.Context())
			b.holds("in all", b.record("day.2026-11-25"), tt.spent, tt.used)
			b.holds("the shop", b.record("day.2026-11-25.magic-wands"), tt.spent, tt.used)
		})
	}
}

func TestBudgetIsHard(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	l, other := b.ledger(Config{Budget: dollar}), b.ledger(Config{Budget: dollar})
	first := b.reserve(l, "magic-wands", 600_000)
	b.refuses(other, "whitby-tea", 600_000, ErrBudget)
	if !b.total().reached() {
		t.Error("a refusal does not show in the day's record")
	}
	other.Flush(t.Context())
	b.holds("the refused shop", b.record(wandnats.ShopSpendKey(noon, "whitby-tea")), 0, 0)
	b.reserve(other, "whitby-tea", 400_000) // to the last millionth
	b.refuses(l, "magic-wands", 1, ErrBudget)
	b.settle(first, costing(100_000))
	if b.total().reached() {
		t.Error("there is room for what was refused, and the record says that there is none")
	}
	b.reserve(l, "magic-wands", 500_000)
	b.refuses(l, "magic-wands", 1, ErrBudget)

	// Another day, another budget; what began yesterday is settled there.
	b.at(noon.Add(12 * time.Hour))
	b.reserve(l, "magic-wands", dollar)
	b.holds("the new day", b.total(), 0, dollar)
}

func TestStoresShareIsHard(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	l := b.ledger(Config{Budget: dollar, ShopShare: .25})
	b.reserve(l, "magic-wands", 200_000)
	_, err := l.Reserve(t.Context(), Call{Shop: "magic-wands"}, 60_000)
	if !errors.Is(err, ErrBudget) || !strings.Contains(err.Error(), "share") {
		t.Errorf("above the share: %v", err)
	}
	if b.total().reached() {
		t.Error("one shop's share is taken for the day's budget")
	}
	if !b.record(wandnats.ShopSpendKey(noon, "magic-wands")).reached() {
		t.Error("the shop's record does not say that its share is used")
	}
	b.reserve(l, "whitby-tea", 250_000)
	b.holds("in all", b.total(), 0, 450_000)
}

// A crashed generator costs its own reservations, which count as spent.
func TestExpiredReservationsCountAsSpent(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	crashed, alive := b.ledger(Config{Budget: dollar, Hold: time.Minute}), b.ledger(Config{Budget: dollar, Hold: time.Hour})
	lost := b.reserve(crashed, "magic-wands", 700_000)
	b.reserve(alive, "magic-wands", 100_000)
	b.pass(time.Minute)
	b.refuses(alive, "magic-wands", 300_000, ErrBudget)
	b.holds("in all", b.total(), 700_000, 800_000)
	// It was alive after all: it is counted already.
	b.settle(lost, costing(100_000))
	b.holds("settled late", b.total(), 700_000, 800_000)
}

// A raised budget is written into the day's records though nobody reserves anything.
func TestLimitIsRefreshed(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	small := b.ledger(Config{Budget: dollar, ShopShare: .5})
	b.reserve(small, "magic-wands", 400_000)
	b.reserve(small, "whitby-tea", 400_000)
	b.refuses(small, "magic-wands", 200_000, ErrBudget)
	b.refuses(small, "kiln", 300_000, ErrBudget)
	shop := wandnats.ShopSpendKey(noon, "magic-wands")
	if !b.total().reached() || !b.record(shop).reached() {
		t.Fatal("the limits are not reached")
	}
	if err := b.ledger(Config{Budget: 2 * dollar, ShopShare: .5}).refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if b.total().reached() || b.record(shop).reached() || b.total().GetLimitMicros() != int64(2*dollar) {
		t.Errorf("after a refresh with twice the budget: %v, %v", b.total(), b.record(shop))
	}
}

func TestUnreadableRecords(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{"no JSON": "off", "negative": `{"spentMicros":"-5000000"}`, "negative reservation": `{"reservations":[{"id":"a","micros":"-1"}]}`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBooks(t)
			if _, err := b.kv.PutString(t.Context(), wandnats.SpendKey(noon), value); err != nil {
				t.Fatal(err)
			}
			b.refuses(b.ledger(Config{Budget: dollar}), "magic-wands", 1, ErrUnknown)
			b.reserve(b.ledger(Config{}), "magic-wands", 1)
		})
	}
}

// Without NATS no call is made under a budget. Without one calls go on, and are booked
// once NATS is back.
func TestOutage(t *testing.T) {
	t.Parallel()
	account := natstest.Start(t)
	proxy := faulttest.NewProxy(t, account.Addr())
	b := booksAt(t, account.URLVia(proxy.Addr()))
	limited, free := b.ledger(Config{Budget: dollar}), b.ledger(Config{})
	before := b.reserve(limited, "magic-wands", 300_000)
	lost := b.nc.StatusChanged(nats.RECONNECTING)
	proxy.Cut()
	<-lost
	b.refuses(limited, "magic-wands", 1, ErrUnknown)
	unbooked := b.reserve(free, "whitby-tea", 200_000)
	// They outlive the outage in memory.
	b.settle(before, costing(50_000))
	b.settle(unbooked, costing(70_000))
	back := b.nc.StatusChanged(nats.CONNECTED)
	proxy.Restore()
	<-back
	for _, l := range []*Ledger{limited, free} {
		if err := l.refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	b.holds("in all", b.total(), 120_000, 120_000)
	b.holds("the first shop", b.record(wandnats.ShopSpendKey(noon, "magic-wands")), 50_000, 50_000)
	b.holds("the second shop", b.record(wandnats.ShopSpendKey(noon, "whitby-tea")), 70_000, 70_000)
}

// Five generators with many calls each never use more than the budget together, and use
// it up but for less than one call.
func TestGeneratorsShareTheBudget(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	const most, cost = 30_000, 11_000
	var (
		wg                      sync.WaitGroup
		calls, refused, unknown atomic.Int64
	)
	var ledgers []*Ledger
	for range 5 {
		l := b.ledger(Config{Budget: dollar})
		ledgers = append(ledgers, l)
		for range 10 {
			wg.Go(func() {
				for range 6 {
					r, err := l.Reserve(t.Context(), Call{Shop: "magic-wands"}, most)
					switch {
					case errors.Is(err, ErrBudget):
						refused.Add(1)
						continue
					case err != nil:
						unknown.Add(1)
						continue
					}
					calls.Add(1)
					if used := b.total().used(); used > dollar {
						t.Errorf("%d used of %d", used, dollar)
					}
					r.Settle(t.Context(), costing(cost))
				}
			})
		}
	}
	wg.Wait()
	for _, l := range ledgers {
		l.Flush(t.Context())
	}
	total := b.total()
	b.holds("in all", total, Micros(calls.Load()*cost), Micros(calls.Load()*cost))
	t.Logf("%d calls, %d refused, %d unknown, %d spent", calls.Load(), refused.Load(), unknown.Load(), total.GetSpentMicros())
	if unknown.Load() > 0 || refused.Load() == 0 || total.used() > dollar {
		t.Errorf("%d calls, %d refused, %d unknown, %v", calls.Load(), refused.Load(), unknown.Load(), total)
	}
	// What the calls under way had reserved is there for the next ones.
	l := b.ledger(Config{Budget: dollar})
	for b.total().used()+most <= dollar {
		b.settle(b.reserve(l, "magic-wands", most), costing(cost))
	}
	b.refuses(l, "magic-wands", most, ErrBudget)
}

// Whatever ledgers do, in whatever order, no record exceeds its limit, and none counts
// less than what the calls cost.
func TestInvariant(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	b := newBooks(t)
	cfg := Config{Budget: dollar, ShopShare: .4, Hold: 10 * time.Minute}
	ledgers := []*Ledger{b.ledger(cfg), b.ledger(cfg), b.ledger(cfg)}
	shops := []string{"magic-wands", "whitby-tea", "kiln-and-field"}
	type call struct {
		*Reservation

		shop string
		most Micros
	}
	var open []call
	spent := map[string]Micros{} // by key: what settled calls cost at least
	for step := range 400 {
		day := wandnats.SpendKey(b.now())
		switch what := rng.IntN(10); {
		case what < 5:
			shop, most := shops[rng.IntN(len(shops))], Micros(rng.IntN(120_000))
			r, err := ledgers[rng.IntN(len(ledgers))].Reserve(t.Context(), Call{Shop: shop}, most)
			if err == nil {
				open = append(open, call{r, shop, most})
			} else if !errors.Is(err, ErrBudget) {
				t.Fatal(err)
			}
		case what < 8 && len(open) > 0:
			i := rng.IntN(len(open))
			c := open[i]
			open = append(open[:i], open[i+1:]...)
			var cost Micros
			if what < 7 {
				cost = Micros(rng.Int64N(int64(c.most) + 1))
			}
			b.settle(c.Reservation, costing(cost))
			for _, a := range c.accounts {
				spent[a.key] += cost
			}
		case what == 8:
			b.pass(time.Duration(rng.IntN(8)) * time.Minute)
		default:
			if err := ledgers[rng.IntN(len(ledgers))].refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for _, key := range []string{day, day + "." + shops[0], day + "." + shops[1], day + "." + shops[2]} {
			limit := dollar
			if key != day {
				limit = dollar * 4 / 10
			}
			if r := b.record(key); r.used() > limit || Micros(r.GetSpentMicros()) < spent[key] {
				t.Fatalf("step %d: %s: used %d of %d, spent %d, cost %d", step, key, r.used(), limit, r.GetSpentMicros(), spent[key])
			}
		}
	}
}
