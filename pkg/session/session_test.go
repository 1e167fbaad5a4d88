package session_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/natstest"
	"github.com/wandstore/wandstore/pkg/session"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

func newBucket(t *testing.T) (natstest.Account, jetstream.KeyValue) {
	t.Helper()
	account := natstest.Start(t)
	_, js := account.Connect(t)
	s := wandnats.Settings{PoolSize: 1, MaxQueueDepth: 1, Concurrency: 1, CacheTTLSeconds: 60, Replicas: 1}
	if err := wandnats.EnsureStreams(t.Context(), js, s); err != nil {
		t.Fatal(err)
	}
	return account, bucket(t, js)
}

func bucket(t *testing.T, js jetstream.JetStream) jetstream.KeyValue {
	t.Helper()
	kv, err := js.KeyValue(t.Context(), wandnats.BucketSessions)
	if err != nil {
		t.Fatal(err)
	}
	return kv
}

// view counts one view of a product.
func view(s *wandstorev1.ShopperSession) { session.Signals(s, "magic-wands").Views++ }

func TestSessionOfANewShopper(t *testing.T) {
	t.Parallel()
	_, kv := newBucket(t)
	s, err := session.NewStore(kv).Get(t.Context(), "abc123")
	if err != nil || s.GetShopperId() != "abc123" || len(s.GetStores()) != 0 || !s.GetCreatedAt().IsValid() {
		t.Errorf("got %v, %v, want an empty session", s, err)
	}
	if _, err := kv.Get(t.Context(), "session.abc123"); !errors.Is(err, jetstream.ErrKeyNotFound) {
		t.Errorf("reading a session stored one: %v", err)
	}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	_, kv := newBucket(t)
	store := session.NewStore(kv)
	for range 2 {
		if err := store.Update(t.Context(), "abc123", view); err != nil {
			t.Fatal(err)
		}
	}
	s, err := store.Get(t.Context(), "abc123")
	if err != nil || s.GetStores()["magic-wands"].GetViews() != 2 || s.GetShopperId() != "abc123" || s.GetUpdatedAt().AsTime().Before(s.GetCreatedAt().AsTime()) {
		t.Errorf("got %v, %v", s, err)
	}
	if other, err := store.Get(t.Context(), "abc124"); err != nil || len(other.GetStores()) != 0 {
		t.Errorf("another shopper: got %v, %v", other, err)
	}
}

// A try only fails if another update has succeeded. So few updates cannot exhaust the
// tries of one of them, and all must succeed.
func TestConcurrentUpdatesLoseNone(t *testing.T) {
	t.Parallel()
	const updates = 16
	if succeeded, counted := race(t, updates); succeeded != updates || counted != updates {
		t.Errorf("%d of %d updates succeeded, %d are counted", succeeded, updates, counted)
	}
}

// With more updates some may return ErrContended, but none is lost without an error.
func TestContendedUpdatesAreReported(t *testing.T) {
	t.Parallel()
	if succeeded, counted := race(t, 50); succeeded != counted || succeeded < 16 {
		t.Errorf("%d updates succeeded, %d are counted", succeeded, counted)
	}
}

func race(t *testing.T, updates int) (succeeded, counted int) {
	t.Helper()
	account, kv := newBucket(t)
	_, js := account.Connect(t)
	stores := []*session.Store{session.NewStore(kv), session.NewStore(bucket(t, js))}
	var done atomic.Int64
	begin := make(chan struct{})
	var group sync.WaitGroup
	for i := range updates {
		group.Go(func() {
			<-begin
			err := stores[i%2].Update(t.Context(), "abc123", view)
			switch {
			case err == nil:
				done.Add(1)
			case !errors.Is(err, wandnats.ErrContended):
				t.Errorf("Update: %v", err)
			}
		})
	}
	close(begin)
	group.Wait()
	s, err := stores[0].Get(t.Context(), "abc123")
	if err != nil {
		t.Fatal(err)
	}
	return int(done.Load()), int(s.GetStores()["magic-wands"].GetViews())
}

func TestUpdateGivesUp(t *testing.T) {
	t.Parallel()
	_, kv := newBucket(t)
	tries := 0
	err := session.NewStore(kv).Update(t.Context(), "abc123", func(s *wandstorev1.ShopperSession) {
		tries++
		// Another writer is always faster.
		if _, err := kv.PutString(t.Context(), "session.abc123", "{}"); err != nil {
			t.Error(err)
		}
	})
	if !errors.Is(err, wandnats.ErrContended) || tries != 32 {
		t.Errorf("got %v after %d tries, want ErrContended after 32", err, tries)
	}
}

func TestUpdateEndsWithItsContext(t *testing.T) {
	t.Parallel()
	_, kv := newBucket(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := session.NewStore(kv).Update(ctx, "abc123", view); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
}

func TestCorruptSessionIsReplaced(t *testing.T) {
	t.Parallel()
	_, kv := newBucket(t)
	store := session.NewStore(kv)
	for _, value := range []string{"", "wand", "\xff", `{"stores": 7}`, `{"stores": {"magic-wands": {"views": -1}}}`} {
		if _, err := kv.PutString(t.Context(), "session.abc123", value); err != nil {
			t.Fatal(err)
		}
		if s, err := store.Get(t.Context(), "abc123"); err != nil || s.GetShopperId() != "abc123" {
			t.Errorf("Get over %q: got %v, %v", value, s, err)
		}
		if err := store.Update(t.Context(), "abc123", view); err != nil {
			t.Errorf("Update over %q: %v", value, err)
		}
		if s, err := store.Get(t.Context(), "abc123"); err != nil || s.GetStores()["magic-wands"].GetViews() != 1 {
			t.Errorf("after %q: got %v, %v", value, s, err)
		}
	}
}

// The largest session that a shopper can cause fits into a message.
func TestLargestSessionIsStored(t *testing.T) {
	t.Parallel()
	_, kv := newBucket(t)
	err := session.NewStore(kv).Update(t.Context(), "abc123", func(s *wandstorev1.ShopperSession) {
		for _, store := range []string{"magic-wands", "moon-mugs"} {
			flood(s, store)
		}
	})
	if err != nil {
		t.Errorf("Update: %v", err)
	}
}

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
