package account

import (
	"cmp"
	"slices"
)

// turns has the shops take turns, so that one with many calls keeps the others waiting for no
// longer than its calls that are under way.
type turns struct {
	// shops are those with calls under way or waiting.
	shops map[string]*turn
	// begin is the number of the call that began last.
	begin int
}

// turn is how much of the account a shop has.
type turn struct {
	// calls is how many of its calls are under way.
	calls int
	// last is twice the number of its call that began last. For one that has none since it
	// arrived it is just before the call that had begun last by then, so that it comes before
	// the shop of that call and before all that arrive later.
	last int
}

// arrived notes that a call of a shop waits.
func (t *turns) arrived(shop string) {
	if t.shops == nil {
		t.shops = map[string]*turn{}
	}
	if t.shops[shop] == nil {
		t.shops[shop] = &turn{last: 2*t.begin - 1}
	}
}

// begun notes that a call of a shop has begun.
func (t *turns) begun(shop string) {
	t.begin++
	t.shops[shop].calls++
	t.shops[shop].last = 2 * t.begin
}

// ended notes that a call of a shop has ended.
func (t *turns) ended(shop string) { t.shops[shop].calls-- }

// order puts waiting calls into the order in which they are to begin: first those of the shop
// with the fewest calls before them, under way or waiting; of several shops, the one whose last
// call began longest ago; and of a shop, the page that was requested first. Calls of the same
// age keep their order.
func (t *turns) order(waiting []*waiter) {
	slices.SortStableFunc(waiting, func(a, b *waiter) int { return a.since.Compare(b.since) })
	before := make(map[string]int, len(t.shops))
	for shop, had := range t.shops {
		before[shop] = had.calls
	}
	rank := make(map[*waiter]int, len(waiting))
	for _, w := range waiting {
		rank[w] = before[w.shop]
		before[w.shop]++
	}
	slices.SortStableFunc(waiting, func(a, b *waiter) int {
		return cmp.Or(cmp.Compare(rank[a], rank[b]), cmp.Compare(t.shops[a.shop].last, t.shops[b.shop].last))
	})
	// A shop without calls is a new one when it comes again, so that this does not grow.
	for shop := range t.shops {
		if before[shop] == 0 {
			delete(t.shops, shop)
		}
	}
}
