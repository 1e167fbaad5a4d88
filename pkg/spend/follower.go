package spend

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
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
	// the day before until the records of the new one were read; keys tell the days apart.
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
	return f.read(ctx, bucket, f.now(), changes{all: true})
}

const (
	// readEvery is how often changed records are read, at most.
	readEvery = time.Second
	// readTimeout bounds reading them.
	readTimeout = 5 * time.Second
)

// Follow keeps up with the current day's records, from each UTC day to the next, until
// ctx ends. Then it returns nil. It is behind by a second at most, as long as NATS answers.
func (f *Follower) Follow(ctx context.Context, nc *nats.Conn, bucket jetstream.KeyValue) error {
	for ctx.Err() == nil {
		now := f.now().UTC()
		midnight := now.Truncate(24 * time.Hour).Add(24 * time.Hour)
		day, cancel := context.WithTimeout(ctx, midnight.Sub(now))
		f.followDay(day, nc, bucket, now)
		cancel()
	}
	return nil
}

// followDay is told which records change, and reads those once a second at most. A record
// has all calls under way in it, and changes with each of them: to be sent each change would
// be hundreds of times as much.
func (f *Follower) followDay(ctx context.Context, nc *nats.Conn, bucket jetstream.KeyValue, day time.Time) {
	noted := &notices{some: make(chan struct{}, 1)}
	var reading sync.WaitGroup
	reading.Go(func() { f.readNoted(ctx, bucket, day, noted) })
	defer reading.Wait()
	watch := func(keys string, changed func(key string) changes) wandnats.Watch {
		return wandnats.Watch{
			Bucket: bucket, Keys: keys, Options: []jetstream.WatchOpt{jetstream.MetaOnly()},
			Entry: func(entry jetstream.KeyValueEntry) { noted.add(changed(entry.Key())) },
		}
	}
	wandnats.Watcher{
		Conn: nc,
		Watches: []wandnats.Watch{
			watch(wandnats.SpendKey(day), func(string) changes { return changes{total: true} }),
			watch(wandnats.ShopSpendKey(day, ">"), func(key string) changes { return changes{shop: key} }),
		},
		Begin: func() { noted.add(changes{all: true}) },
		Lost:  func(err error) { f.log.Warn("what the model costs is not watched, trying again", "error", err) },
	}.Run(ctx)
}

// readNoted reads what was noted until ctx ends.
func (f *Follower) readNoted(ctx context.Context, bucket jetstream.KeyValue, day time.Time, noted *notices) {
	for {
		select {
		case <-noted.some:
		case <-ctx.Done():
			return
		}
		bounded, cancel := context.WithTimeout(ctx, readTimeout)
		err := f.read(bounded, bucket, day, noted.take())
		cancel()
		if err != nil && ctx.Err() == nil {
			f.log.Warn("what the model costs is not read, trying again", "error", err)
			noted.add(changes{all: true})
		}
		select {
		case <-time.After(readEvery):
		case <-ctx.Done():
			return
		}
	}
}

// read reads the records of a day that have changed.
func (f *Follower) read(ctx context.Context, bucket jetstream.KeyValue, day time.Time, c changes) error {
	total, shops := wandnats.SpendKey(day), wandnats.ShopSpendKey(day, ">")
	var watches []wandnats.Watch
	switch {
	case c.all:
		watches = append(watches, f.total.Watch(bucket, total), f.shops.Watch(bucket, shops))
	case c.total:
		watches = append(watches, f.total.More(bucket, total))
	}
	switch {
	case c.all:
	case c.shops:
		watches = append(watches, f.shops.More(bucket, shops))
	case c.shop != "":
		watches = append(watches, f.shops.More(bucket, c.shop))
	}
	for _, w := range watches {
		if err := w.Read(ctx); err != nil {
			return fmt.Errorf("read %s: %w", wandnats.BucketSpend, err)
		}
	}
	return nil
}

// changes are the records that have changed: all, the day's, several shops', or one shop's by
// its key.
type changes struct {
	all, total, shops bool
	shop              string
}

// and is what has changed in c or other.
func (c changes) and(other changes) changes {
	different := c.shop != "" && other.shop != "" && c.shop != other.shop
	return changes{
		all: c.all || other.all, total: c.total || other.total,
		shops: c.shops || other.shops || different, shop: cmp.Or(other.shop, c.shop),
	}
}

// notices are changes that were not read yet.
type notices struct {
	mu   sync.Mutex
	sum  changes
	some chan struct{} // has an element if there are any
}

func (n *notices) add(c changes) {
	n.mu.Lock()
	n.sum = n.sum.and(c)
	n.mu.Unlock()
	select {
	case n.some <- struct{}{}:
	default:
	}
}

// take returns the changes, which are no longer noted then.
func (n *notices) take() changes {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := n.sum
	n.sum = changes{}
	return c
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
