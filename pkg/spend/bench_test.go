package spend

import (
	"context"
	"sync"
	"testing"

	"github.com/wandstore/wandstore/pkg/natstest"
)

// Twenty calls of the model at a time, each reserved, settled and booked as a page.
func BenchmarkLedger(b *testing.B) {
	const callers = 20
	books := booksAt(b, natstest.StartSynced(b).URL())
	l := books.ledger(Config{Budget: 1000 * dollar})
	calls := make(chan struct{})
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range calls {
				call := Call{Shop: "magic-wands"}
				r, err := l.Reserve(context.Background(), call, 100)
				if err != nil {
					b.Error(err)
					continue
				}
				r.Settle(context.Background(), costing(10))
				l.Page(context.Background(), call)
			}
		})
	}
	for b.Loop() {
		calls <- struct{}{}
	}
	close(calls)
	wg.Wait()
}
