package spend

import (
	"context"
	"fmt"
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
			return len(l.waiting[day.key]) == n
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
		return len(l.waiting) == 0
	})
}
