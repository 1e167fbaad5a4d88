package spend

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
)

// What comes while a record is written is the next write, together. Of those that there is no
// room for in it each is refused, and who has gone has reserved nothing.
func TestBookingsThatWaitAreOneWrite(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	l := b.ledger(Config{Budget: 10})
	writing, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	l.now = func() time.Time {
		once.Do(func() { close(writing); <-goOn })
		return noon
	}
	day := account{key: wandnats.SpendKey(noon), limit: 10}
	var room, noRoom atomic.Int64
	var wg sync.WaitGroup
	reserve := func(ctx context.Context, id string) {
		wg.Go(func() {
			switch could, err := l.reserve(ctx, day, id, 1); {
			case ctx.Err() != nil:
			case err != nil:
				t.Error(err)
			case could:
				room.Add(1)
			default:
				noRoom.Add(1)
			}
		})
	}
	reserve(t.Context(), "first")
	<-writing
	gone, leave := context.WithCancel(t.Context())
	for i := range 4 {
		reserve(gone, fmt.Sprint("gone-", i))
	}
	waiting := func(n int) {
		t.Helper()
		eventually.True(t, fmt.Sprint(n, " bookings wait"), func() bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			w := l.queues[day.key].waiting
			return w != nil && len(w.bookings) == n
		})
	}
	waiting(4)
	leave()
	for i := range 12 {
		reserve(t.Context(), fmt.Sprint("second-", i))
	}
	waiting(16)
	close(goOn)
	wg.Wait()
	if room.Load() != 10 || noRoom.Load() != 3 {
		t.Errorf("%d reserved, %d refused, want 10, 3", room.Load(), noRoom.Load())
	}
	entry, err := b.kv.Get(t.Context(), day.key)
	if err != nil {
		t.Fatal(err)
	}
	if entry.Revision() != 2 {
		t.Errorf("%d writes, want 2", entry.Revision())
	}
	b.holds("in all", b.total(), 0, 10)
	eventually.True(t, "nothing waits", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.queues) == 0
	})
}

// Nobody waits for a settlement, and what it frees is free at once.
func TestSettlementsAreNotWaitedFor(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	l := b.ledger(Config{Budget: 10})
	const calls = 10
	for range calls {
		r := b.reserve(l, "magic-wands", 10) // all that there is
		r.Settle(t.Context(), Used{Outcome: OutcomeAnswered})
		l.Page(t.Context(), Call{Shop: "magic-wands"})
	}
	l.Flush(t.Context())
	for key, pages := range map[string]int64{wandnats.SpendKey(noon): 0, wandnats.ShopSpendKey(noon, "magic-wands"): calls} {
		r := b.record(key)
		b.holds(key, r, 0, 0)
		var booked int64
		for _, use := range r.GetUses() {
			booked += use.GetPages()
		}
		if booked != pages {
			t.Errorf("%s: %d pages, want %d", key, booked, pages)
		}
	}
}

// A ledger goes by what it wrote last, as far as that is right: where another ledger has made
// room since, it is not refused, and where another has taken it, it is.
func TestLedgersKnowWhatOthersWrote(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	one, other := b.ledger(Config{Budget: 10}), b.ledger(Config{Budget: 10})
	held := b.reserve(other, "magic-wands", 6)
	day := account{key: wandnats.SpendKey(noon), limit: 10}
	reserves := func(id string, want bool) {
		t.Helper()
		if room, err := one.reserve(t.Context(), day, id, 6); err != nil || room != want {
			t.Errorf("reserve %s: %t, %v, want %t", id, room, err, want)
		}
	}
	reserves("first", false)
	b.settle(held, costing(1))
	reserves("second", true) // though another refusal would change nothing in what it wrote
	if err := one.settle(t.Context(), settlement{account: day, id: "second"}); err != nil {
		t.Fatal(err)
	}
	mine := b.reserve(one, "magic-wands", 6)
	b.refuses(other, "magic-wands", 6, ErrBudget)
	b.settle(mine, costing(2))
	b.holds("in all", b.total(), 3, 3)

	// What an operator removes begins anew.
	if err := b.kv.Delete(t.Context(), wandnats.SpendKey(noon)); err != nil {
		t.Fatal(err)
	}
	b.settle(b.reserve(one, "magic-wands", 5), costing(4))
	b.holds("in all", b.total(), 4, 4)
}

func TestKnownRecordsAreBounded(t *testing.T) {
	t.Parallel()
	l := NewLedger(nil, Config{}, slog.New(slog.DiscardHandler))
	for i := range 3 * maxKnown {
		l.know(strconv.Itoa(i), record{}, uint64(i))
	}
	if n := len(l.known); n > maxKnown {
		t.Errorf("%d records are kept, want %d at most", n, maxKnown)
	}
}
