package spend

import (
	"cmp"
	"context"
	"errors"
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
	return f.readAll(ctx, bucket, f.now())
}

func (f *Follower) readAll(ctx context.Context, bucket jetstream.KeyValue, day time.Time) error {
	for _, w := range []wandnats.Watch{
		f.total.Watch(bucket, wandnats.SpendKey(day)),
		f.shops.Watch(bucket, wandnats.ShopSpendKey(day, ">")),
	} {
		if err := w.Read(ctx); err != nil {
			return fmt.Errorf("read %s: %w", wandnats.BucketSpend, err)
		}
	}
	return nil
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
// be many times as much.
func (f *Follower) followDay(ctx context.Context, nc *nats.Conn, bucket jetstream.KeyValue, day time.Time) {
	noted := &notices{some: make(chan struct{}, 1)}
	var reading sync.WaitGroup
	reading.Go(func() { f.readNoted(ctx, bucket, day, noted) })
	defer reading.Wait()
	watch := func(keys string, of *wandnats.Mirror[record]) wandnats.Watch {
		return wandnats.Watch{
			Bucket: bucket, Keys: keys, Options: []jetstream.WatchOpt{jetstream.UpdatesOnly(), jetstream.MetaOnly()},
			Entry: func(entry jetstream.KeyValueEntry) { noted.add(entry.Key(), change{of, entry.Revision()}) },
		}
	}
	wandnats.Watcher{
		Conn:    nc,
		Watches: []wandnats.Watch{watch(wandnats.SpendKey(day), &f.total), watch(wandnats.ShopSpendKey(day, ">"), &f.shops)},
		Begin:   noted.addAll,
		Lost:    func(err error) { f.log.Warn("what the model costs is not watched, trying again", "error", err) },
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
		var err error
		if keys, all := noted.take(); all {
			err = f.readAll(bounded, bucket, day)
		} else {
			err = readSome(bounded, bucket, keys)
		}
		cancel()
		if err != nil && ctx.Err() == nil {
			f.log.Warn("what the model costs is not read, trying again", "error", err)
			noted.addAll()
		}
		select {
		case <-time.After(readEvery):
		case <-ctx.Done():
			return
		}
	}
}

// errBehind: a replica does not have the change yet that was told of.
var errBehind = errors.New("a replica is behind")

// readSome reads keys into their mirrors. One that is gone is an error, and one that any
// replica answers for who is behind: all have to be read then, from the leader.
func readSome(ctx context.Context, bucket jetstream.KeyValue, keys map[string]change) error {
	for key, c := range keys {
		entry, err := bucket.Get(ctx, key)
		if err == nil && entry.Revision() < c.revision {
			err = errBehind
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", wandnats.BucketSpend, err)
		}
		c.of.Put(entry)
	}
	return nil
}

// change is what a record has come to, and the mirror that it belongs into.
type change struct {
	of       *wandnats.Mirror[record]
	revision uint64
}

// maxNoted bounds the records that are read one by one. Of more, all are read together.
const maxNoted = 32

// notices are the records that have changed and were not read since.
type notices struct {
	mu   sync.Mutex
	all  bool
	keys map[string]change
	some chan struct{} // has an element if there are any
}

func (n *notices) add(key string, c change) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.keys == nil {
		n.keys = map[string]change{}
	}
	n.keys[key] = c
	n.all = n.all || len(n.keys) > maxNoted
	n.tell()
}

func (n *notices) addAll() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = true
	n.tell()
}

func (n *notices) tell() {
	if n.all {
		n.keys = nil
	}
	select {
	case n.some <- struct{}{}:
	default:
	}
}

// take returns what was noted: some keys, or that it is all.
func (n *notices) take() (keys map[string]change, all bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	keys, all = n.keys, n.all
	n.keys, n.all = nil, false
	return keys, all
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
