package spend

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
)

// Follower knows which of the current day's limits are reached. Before [Follower.Load]
// none is. It is safe for concurrent use.
type Follower struct {
	log *slog.Logger
	now func() time.Time
	// total holds the day's record, shops those of its shops. On a new day they hold
	// the day before until the watch of the new one has begun; keys tell the days apart.
	total, shops wandnats.Mirror[record]
}

// NewFollower makes a follower. now is the clock of the ledgers.
func NewFollower(now func() time.Time, log *slog.Logger) *Follower {
	f := &Follower{log: log, now: now}
	f.total.Decode, f.shops.Decode = f.decode, f.decode
	return f
}

// decode reads a record. Of one that cannot be read nothing is known; generators refuse
// their calls on it.
func (f *Follower) decode(entry jetstream.KeyValueEntry) record {
	r, err := readRecord(entry)
	if err != nil {
		f.log.Error("a record of what the model costs", "key", entry.Key(), "error", err)
	}
	return r
}

// Load reads the current day's records. On an error, ctx's or JetStream's, the follower
// stays as it was.
func (f *Follower) Load(ctx context.Context, bucket jetstream.KeyValue) error {
	for _, w := range f.watches(bucket, f.now()) {
		if err := w.Read(ctx); err != nil {
			return fmt.Errorf("read %s: %w", wandnats.BucketSpend, err)
		}
	}
	return nil
}

func (f *Follower) watches(bucket jetstream.KeyValue, day time.Time) []wandnats.Watch {
	return []wandnats.Watch{
		f.total.Watch(bucket, wandnats.SpendKey(day)),
		f.shops.Watch(bucket, wandnats.ShopSpendKey(day, ">")),
	}
}

// Follow keeps up with the current day's records, from each UTC day to the next, until
// ctx ends. Then it returns nil.
func (f *Follower) Follow(ctx context.Context, nc *nats.Conn, bucket jetstream.KeyValue) error {
	for ctx.Err() == nil {
		now := f.now().UTC()
		midnight := now.Truncate(24 * time.Hour).Add(24 * time.Hour)
		day, cancel := context.WithTimeout(ctx, midnight.Sub(now))
		wandnats.Watcher{
			Conn:    nc,
			Watches: f.watches(bucket, now),
			Begin:   func() { f.total.Begin(); f.shops.Begin() },
			Lost:    func(err error) { f.log.Warn("what the model costs is not watched, trying again", "error", err) },
		}.Run(day)
		cancel()
	}
	return nil
}

// Reached tells whether calls for the shop are refused for want of room, in the day's
// budget or in the shop's part of it.
func (f *Follower) Reached(shop string) bool {
	now := f.now()
	if total, ok := f.total.Get(wandnats.SpendKey(now)); ok && total.reached() {
		return true
	}
	own, ok := f.shops.Get(wandnats.ShopSpendKey(now, shop))
	return ok && own.reached()
}

// ShopSpent is what one shop's calls that have ended cost.
type ShopSpent struct {
	Shop  string
	Spent Micros
}

// Dearest gives up to n shops that cost most on the current day, the dearest first.
func (f *Follower) Dearest(n int) []ShopSpent {
	var all []ShopSpent
	today := wandnats.ShopSpendKey(f.now(), "")
	for key, r := range f.shops.All() {
		if shop, ok := strings.CutPrefix(key, today); ok && r.GetSpentMicros() > 0 {
			all = append(all, ShopSpent{shop, Micros(r.GetSpentMicros())})
		}
	}
	slices.SortFunc(all, func(a, b ShopSpent) int {
		return cmp.Or(cmp.Compare(b.Spent, a.Spent), strings.Compare(a.Shop, b.Shop))
	})
	return all[:min(n, len(all))]
}

// scarceShare is the part of a limit that is left when it is scarce: one in so many.
const scarceShare = 4

// Scarce tells whether less than a quarter is left of the day's budget, or of the shop's
// part of it. Without a budget nothing is scarce.
func (f *Follower) Scarce(shop string) bool {
	now := f.now()
	if total, ok := f.total.Get(wandnats.SpendKey(now)); ok && total.scarce() {
		return true
	}
	own, ok := f.shops.Get(wandnats.ShopSpendKey(now, shop))
	return ok && own.scarce()
}

// Today is what is known of the current day.
type Today struct {
	// Spent is what the calls that have ended cost.
	Spent Micros
	// Budget is the day's limit; 0 is none.
	Budget Micros
	// Reached tells whether calls are refused for want of room in it.
	Reached bool
}

// Today gives what is known of the current day; false before anything is.
func (f *Follower) Today() (Today, bool) {
	total, ok := f.total.Get(wandnats.SpendKey(f.now()))
	if !ok {
		return Today{}, false
	}
	return Today{Spent: Micros(total.GetSpentMicros()), Budget: Micros(total.GetLimitMicros()), Reached: total.reached()}, true
}
