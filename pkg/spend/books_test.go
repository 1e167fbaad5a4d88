package spend

import (
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/natstest"
)

const dollar = Micros(1_000_000)

// noon is the time of tests whose clock stands still.
var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// books is the bucket SPEND of a test.
type books struct {
	t  testing.TB
	nc *nats.Conn
	kv jetstream.KeyValue
	// clock is what its ledgers go by.
	clock atomic.Pointer[time.Time]
}

// costing is a call that was answered and cost so much.
func costing(cost Micros) Used { return Used{Cost: cost, Outcome: OutcomeAnswered} }

func newBooks(t testing.TB) *books {
	t.Helper()
	return booksAt(t, natstest.Start(t).URL())
}

func booksAt(t testing.TB, url string) *books {
	t.Helper()
	// As a service connects: what is asked for during an outage fails at once.
	nc, _, err := wandnats.Dial(wandnats.Config{URL: url}, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(eventually.Patience))
	if err != nil {
		t.Fatal(err)
	}
	eventually.True(t, "a connection", nc.IsConnected)
	settings := wandnats.Settings{PoolSize: 1, MaxQueueDepth: 1, Concurrency: 1, CacheTTLSeconds: 60, Replicas: 1}
	if err := wandnats.EnsureStreams(t.Context(), js, settings); err != nil {
		t.Fatal(err)
	}
	kv, err := wandnats.OpenBucket(t.Context(), js, wandnats.BucketSpend)
	if err != nil {
		t.Fatal(err)
	}
	b := &books{t: t, nc: nc, kv: kv}
	b.at(noon)
	return b
}

func (b *books) at(now time.Time) { b.clock.Store(&now) }

func (b *books) pass(d time.Duration) { b.at(b.clock.Load().Add(d)) }

func (b *books) now() time.Time { return *b.clock.Load() }

// ledger is one generator's.
func (b *books) ledger(cfg Config) *Ledger {
	if cfg.ShopShare == 0 {
		cfg.ShopShare = 1
	}
	if cfg.Hold == 0 {
		cfg.Hold = time.Hour
	}
	l := NewLedger(b.kv, cfg, slog.New(slog.DiscardHandler))
	l.now = b.now
	// No test waits for it: what is asked for in an outage fails at once.
	l.timeout = eventually.Patience
	return l
}

// record is what a key holds.
func (b *books) record(key string) record {
	b.t.Helper()
	entry, err := b.kv.Get(b.t.Context(), key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		entry = nil
	} else if err != nil {
		b.t.Fatal(err)
	}
	r, err := readRecord(entry)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func (b *books) total() record { b.t.Helper(); return b.record(wandnats.SpendKey(b.now())) }

// holds checks what a record says is spent and used.
func (b *books) holds(what string, r record, spent, used Micros) {
	b.t.Helper()
	if Micros(r.GetSpentMicros()) != spent || r.used() != used {
		b.t.Errorf("%s: spent %d, used %d, want %d, %d", what, r.GetSpentMicros(), r.used(), spent, used)
	}
}

func (b *books) reserve(l *Ledger, shop string, most Micros) *Reservation {
	b.t.Helper()
	r, err := l.Reserve(b.t.Context(), Call{Shop: shop}, most)
	if err != nil {
		b.t.Fatalf("reserve %d for %s: %v", most, shop, err)
	}
	return r
}

// settle ends a reservation, and waits until that is booked.
func (b *books) settle(r *Reservation, used Used) {
	r.Settle(b.t.Context(), used)
	r.ledger.Flush(b.t.Context())
}

func (b *books) refuses(l *Ledger, shop string, most Micros, want error) {
	b.t.Helper()
	if r, err := l.Reserve(b.t.Context(), Call{Shop: shop}, most); !errors.Is(err, want) {
		b.t.Errorf("reserve %d for %s: %v, %v, want %v", most, shop, r, err, want)
	}
}
