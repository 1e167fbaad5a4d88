package spend

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
)

// following gives a follower of the books until the test ends.
func (b *books) following() *Follower {
	b.t.Helper()
	f := NewFollower(b.now, slog.New(slog.DiscardHandler))
	if err := f.Load(b.t.Context(), b.kv); err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Follow(ctx, b.nc, b.kv) }()
	b.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			b.t.Error(err)
		}
	})
	return f
}

func TestFollower(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	l := b.ledger(Config{Budget: dollar, ShopShare: .5})
	early := b.following()
	if _, known := early.Today(); known || early.Reached("magic-wands") {
		t.Error("something is known of a day on which nothing was spent")
	}
	first := b.reserve(l, "magic-wands", 450_000)
	b.refuses(l, "magic-wands", 100_000, ErrBudget)
	eventually.True(t, "the shop's share is reached, the other's not", func() bool {
		return early.Reached("magic-wands") && !early.Reached("whitby-tea")
	})
	b.reserve(l, "whitby-tea", 500_000)
	b.refuses(l, "kiln-and-field", 100_000, ErrBudget)
	late := b.following()
	for name, f := range map[string]*Follower{"early": early, "late": late} {
		eventually.True(t, name+": the budget is reached for all", func() bool {
			return f.Reached("magic-wands") && f.Reached("whitby-tea") && f.Reached("harbour")
		})
	}
	b.settle(first, costing(10_000))
	eventually.True(t, "there is room again", func() bool { return !late.Reached("harbour") && !late.Reached("magic-wands") })
	eventually.True(t, "today's spending is known", func() bool {
		today, known := late.Today()
		return known && today == Today{Spent: 10_000, Budget: dollar}
	})
	if err := b.kv.Delete(t.Context(), wandnats.SpendKey(noon)); err != nil {
		t.Fatal(err)
	}
	eventually.True(t, "what was removed is not known", func() bool { _, known := late.Today(); return !known })
}

// The first moment of a new day is not held to what was spent on the one before, and its
// own records are followed.
func TestFollowerOnANewDay(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	l := b.ledger(Config{Budget: dollar})
	b.at(time.Date(2026, 11, 25, 23, 59, 59, 500_000_000, time.UTC))
	b.reserve(l, "magic-wands", dollar)
	b.refuses(l, "magic-wands", 1, ErrBudget)
	f := b.following()
	if !f.Reached("magic-wands") {
		t.Error("loaded, and the budget is not reached")
	}
	b.at(time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC))
	if f.Reached("magic-wands") {
		t.Error("the day before's budget counts for the new day")
	}
	b.reserve(l, "magic-wands", dollar)
	b.refuses(l, "magic-wands", 1, ErrBudget)
	eventually.True(t, "the new day's budget is reached", func() bool { return f.Reached("magic-wands") })
}

// With hundreds of calls under way a record is long, and changes with each of them. A follower
// is not sent it each time.
func TestFollowerIsNotSentEachBooking(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	l := b.ledger(Config{Budget: dollar})
	const underWay, bookings = 200, 100
	var all sync.WaitGroup
	for range underWay {
		all.Go(func() { b.reserve(l, "magic-wands", 1) })
	}
	all.Wait()
	entry, err := b.kv.Get(t.Context(), wandnats.SpendKey(noon))
	if err != nil {
		t.Fatal(err)
	}

	apart := booksAt(t, b.nc.ConnectedUrl())
	f := apart.following()
	eventually.True(t, "the calls under way are known", func() bool { _, known := f.Today(); return known })
	before := apart.nc.Stats().InBytes
	for range bookings {
		b.settle(b.reserve(l, "magic-wands", 1), costing(1))
	}
	eventually.True(t, "what they cost is known", func() bool {
		today, _ := f.Today()
		return today.Spent == bookings
	})
	// Each was a change of two records, twice.
	if sent, whole := apart.nc.Stats().InBytes-before, uint64(4*bookings*len(entry.Value())); sent > whole/4 {
		t.Errorf("%d bytes were sent for %d bookings: all records whole would be %d", sent, bookings, whole)
	}
}
