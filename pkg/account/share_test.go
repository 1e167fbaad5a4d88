package account

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/types/known/timestamppb"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/faulttest"
	"github.com/wandstore/wandstore/pkg/natstest"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// connect connects as a service does: what is asked for during an outage fails at once.
func connect(t *testing.T, url string) (*nats.Conn, jetstream.KeyValue) {
	t.Helper()
	nc, js, err := wandnats.Dial(wandnats.Config{URL: url}, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	eventually.True(t, "a connection", nc.IsConnected)
	settings := wandnats.Settings{PoolSize: 1, MaxQueueDepth: 1, Concurrency: 1, CacheTTLSeconds: 60, Replicas: 1}
	ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
	defer cancel()
	if err := wandnats.EnsureStreams(ctx, js, settings); err != nil {
		t.Fatal(err)
	}
	kv, err := wandnats.OpenBucket(ctx, js, wandnats.BucketAccount)
	if err != nil {
		t.Fatal(err)
	}
	return nc, kv
}

// shared returns an account that is shared until the test ends. It waits for NATS as long as
// it takes on a busy machine, unless cfg says otherwise.
func shared(t *testing.T, cfg Config, nc *nats.Conn, kv jetstream.KeyValue) *Account {
	t.Helper()
	cfg.writeTimeout = cmp.Or(cfg.writeTimeout, eventually.Patience)
	a := New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = a.Share(ctx, nc, kv) })
	t.Cleanup(func() {
		a.Close()
		cancel()
		running.Wait()
	})
	eventually.True(t, "it is shared", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.shared != nil
	})
	return a
}

func stored(t *testing.T, kv jetstream.KeyValue, key string) *wandstorev1.Account {
	t.Helper()
	entry, err := kv.Get(t.Context(), key)
	if err != nil {
		return &wandstorev1.Account{}
	}
	return readRecord(entry).Account
}

// Several generators together stay within what is set, and none has to go without.
func TestGeneratorsShare(t *testing.T) {
	t.Parallel()
	nc, kv := connect(t, natstest.Start(t).URL())
	p := &provider{concurrency: 3, minute: time.Minute}
	var all sync.WaitGroup
	for _, worker := range []string{"a", "b", "c"} {
		a := shared(t, Config{Worker: worker, Concurrency: 3}, nc, kv)
		for range 20 {
			all.Go(func() { p.call(t, a, 100, 20*time.Millisecond) })
		}
	}
	all.Wait()
	if p.admitted != 60 || p.turnedOff > 0 || p.peak != 3 {
		t.Errorf("%d admitted, %d refused, at most %d at a time; want 60, none and 3", p.admitted, p.turnedOff, p.peak)
	}
}

// What one generator learns, all know.
func TestGeneratorsLearnFromEachOther(t *testing.T) {
	t.Parallel()
	nc, kv := connect(t, natstest.Start(t).URL())
	one, other := shared(t, Config{Worker: "one"}, nc, kv), shared(t, Config{Worker: "other"}, nc, kv)
	c, err := one.Begin(t.Context(), Ask{})
	if err != nil {
		t.Fatal(err)
	}
	c.Sending()
	c.Refused(Refusal{Limit: Concurrency, Value: 2, After: time.Millisecond})
	eventually.True(t, "the other knows the limit", func() bool {
		other.mu.Lock()
		defer other.mu.Unlock()
		return other.known.rules(other.cfg).concurrency == 2
	})
	// Who comes later knows it too.
	late := shared(t, Config{Worker: "late"}, nc, kv)
	for range 2 {
		held, err := late.Begin(t.Context(), Ask{})
		if err != nil {
			t.Fatal(err)
		}
		defer held.End()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if c, err := other.Begin(ctx, Ask{}); err == nil {
		c.End()
		t.Error("a third call began on an account of two at a time")
	}
}

// A generator that crashes holds its part for as long as its entry lasts, and no longer.
func TestCrashedGenerator(t *testing.T) {
	t.Parallel()
	nc, kv := connect(t, natstest.Start(t).URL())
	cfg := Config{Worker: "alive", Concurrency: 1}
	expires := time.Now().Add(time.Second)
	crashed, err := wire.Marshal(&wandstorev1.Account{Users: []*wandstorev1.AccountUser{
		{Worker: "crashed", Calls: 1, Waiting: 5, Oldest: timestamppb.New(time.Unix(0, 0)), ExpiresAt: timestamppb.New(expires)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Put(t.Context(), cfg.key(), crashed); err != nil {
		t.Fatal(err)
	}
	a := shared(t, cfg, nc, kv)
	c, err := a.Begin(t.Context(), Ask{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.End()
	if now := time.Now(); now.Before(expires) || now.After(expires.Add(lease)) {
		t.Errorf("it began %s after the other's entry expired", now.Sub(expires))
	}
}

// An entry is there while there are calls, is renewed, and goes with them; what was learned
// stays.
func TestEntry(t *testing.T) {
	t.Parallel()
	nc, kv := connect(t, natstest.Start(t).URL())
	a := shared(t, Config{Worker: "me", URL: "https://api.example", Key: "sk-secret"}, nc, kv)
	written, err := kv.Watch(t.Context(), a.key, jetstream.UpdatesOnly())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = written.Stop() })
	c, err := a.Begin(t.Context(), Ask{Tokens: 1000})
	if err != nil {
		t.Fatal(err)
	}
	c.Sending()
	users := readRecord(eventually.Receive(t, written.Updates(), "entry")).GetUsers()
	if len(users) != 1 || users[0].GetWorker() != "me" || users[0].GetCalls() != 1 || users[0].GetStarting() != 1 {
		t.Fatalf("stored %v", users)
	}
	eventually.True(t, "the entry is renewed", func() bool {
		now := stored(t, kv, a.key).GetUsers()
		return len(now) == 1 && now[0].GetExpiresAt().AsTime().After(users[0].GetExpiresAt().AsTime())
	})
	c.Admitted(headers("x-ratelimit-limit-requests", "500"))
	eventually.True(t, "it is admitted, and the limit is learned", func() bool {
		now := stored(t, kv, a.key)
		return len(now.GetUsers()) == 1 && now.GetUsers()[0].GetStarting() == 0 && now.GetCallsAMinute().GetValue() == 500
	})
	c.End()
	eventually.True(t, "the entry is gone, the limit is not", func() bool {
		now := stored(t, kv, a.key)
		return len(now.GetUsers()) == 0 && now.GetCallsAMinute().GetValue() == 500
	})
}

// NATS that hangs does not stop the calls: each generator has its part, and what it did is
// written once NATS answers.
func TestNATSHangs(t *testing.T) {
	t.Parallel()
	server := natstest.Start(t)
	proxy := faulttest.NewProxy(t, server.Addr())
	nc, kv := connect(t, server.URLVia(proxy.Addr()))
	_, direct := connect(t, server.URL())
	a := shared(t, Config{Worker: "cut-off", Concurrency: 4, writeTimeout: writeTimeout}, nc, kv)
	other := shared(t, Config{Worker: "other", Concurrency: 4, writeTimeout: writeTimeout}, nc, kv)
	held, err := other.Begin(t.Context(), Ask{})
	if err != nil {
		t.Fatal(err)
	}
	defer held.End()
	eventually.True(t, "it knows of the other", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return len(a.known.GetUsers()) == 1
	})
	proxy.Hang()
	began := time.Now()
	var calls []*Call
	for range 2 {
		c, err := a.Begin(t.Context(), Ask{})
		if err != nil {
			t.Fatal(err)
		}
		c.Sending()
		calls = append(calls, c)
	}
	// By itself the connection counts as lost after more than 20 s.
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("two calls began after %s", took)
	}
	proxy.Restore()
	eventually.True(t, "its calls are written", func() bool {
		calls, _ := record{stored(t, direct, a.key)}.underWay("cut-off")
		return calls == 2
	})
	for _, c := range calls {
		c.End()
	}
}
