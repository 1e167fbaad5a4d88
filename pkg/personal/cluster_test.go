package personal_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/natstest"
	"github.com/wandstore/wandstore/pkg/pagedraft"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/pagestore/pagestoretest"
	"github.com/wandstore/wandstore/pkg/personal"
	"github.com/wandstore/wandstore/pkg/session"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

const (
	shop    = "magic-wands"
	shopper = "abc123"
	// writers is how many connections write at the same time, spread over the nodes.
	writers = 6
	// rounds is how often they do. Whether two writes conflict is a matter of chance.
	rounds = 20
)

// writer is one client of the replicated buckets.
type writer struct {
	sessions *session.Store
	pages    *pagestore.KV
	jobs     jetstream.KeyValue
	queue    *jobqueue.Queue

	forgotten jetstream.KeyValue
	drafts    *pagedraft.Store
}

func newWriter(t *testing.T, js jetstream.JetStream, poolSize int) *writer {
	t.Helper()
	bucket := func(name string) jetstream.KeyValue {
		kv, err := js.KeyValue(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		return kv
	}
	jobs := bucket(wandnats.BucketJobs)
	return &writer{
		sessions: session.NewStore(bucket(wandnats.BucketSessions)),
		pages:    pagestore.NewKV(bucket(wandnats.BucketPages)),
		jobs:     jobs,

		forgotten: bucket(wandnats.BucketForgotten),
		drafts:    pagedraft.NewStore(bucket(wandnats.BucketDrafts)),
		queue:     jobqueue.NewQueue(js, jobs, wandnats.Settings{PoolSize: poolSize}, jobqueue.NewTrail(js, "test")),
	}
}

// A replicated stream refuses a conflicting write with its own error code (10164), which
// the client's Create of a purged key does not translate. A read may come from a replica
// that lags behind. A shopper who comes back after being forgotten must not notice either.
func TestForgottenShopperComesBackOnThreeNodes(t *testing.T) {
	all := newWriters(t)
	permanent, err := pagestore.NewMemory(pagestore.MemoryConfig{})
	if err != nil {
		t.Fatal(err)
	}
	eraser := &personal.Data{Permanent: permanent, Cache: all[0].pages, Jobs: all[0].jobs, Sessions: all[0].sessions, Forgotten: all[0].forgotten, Drafts: all[0].drafts}
	key, err := pagekey.New(shop, shopper)
	if err != nil {
		t.Fatal(err)
	}

	forgotten := ""
	for round := range rounds {
		if err := eraser.Forget(t.Context(), shopper, []string{shop}); err != nil {
			t.Fatalf("round %d: forget: %v", round, err)
		}
		atOnce(all, func(_ int, w *writer) {
			if err := w.sessions.Update(t.Context(), shopper, view); err != nil {
				t.Errorf("round %d: session: %v", round, err)
			}
		})
		atOnce(all, func(n int, w *writer) {
			err := w.pages.Put(t.Context(), page(t, round, n))
			// An older page may be refused after a newer one. The newest must not be.
			if err != nil && (!errors.Is(err, pagestore.ErrSuperseded) || n == writers-1) {
				t.Errorf("round %d: page %d: %v", round, n, err)
			}
		})
		var triggered atomic.Int64
		atOnce(all, func(_ int, w *writer) {
			ticket, err := w.trigger(t.Context(), key, forgotten)
			if err != nil {
				t.Errorf("round %d: job: %v", round, err)
			}
			if ticket.Triggered {
				triggered.Add(1)
			}
		})
		if n := triggered.Load(); n != 1 {
			t.Errorf("round %d: %d jobs were made, want 1", round, n)
		}
		// The eraser's replica may lag behind, and the eraser cannot erase what it does not
		// read.
		eventually.NoError(t, func() error { return all[0].holds(t.Context(), key, page(t, round, writers-1).JobID()) })
		rec, err := all[0].queue.Record(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		forgotten = rec.GetJobId()
	}
}

// newWriters starts a cluster of three nodes and connects the writers to all of them.
func newWriters(t *testing.T) []*writer {
	t.Helper()
	cluster := natstest.StartCluster(t)
	settings := wandnats.Settings{PoolSize: 1, MaxQueueDepth: 1000, Concurrency: 1, CacheTTLSeconds: 3600, Replicas: 3}
	all := make([]*writer, writers)
	for i := range all {
		_, js := cluster.Connect(t, i%3)
		if i == 0 {
			if err := wandnats.Ensure(t.Context(), js, settings); err != nil {
				t.Fatal(err)
			}
		}
		all[i] = newWriter(t, js, settings.PoolSize)
	}
	return all
}

// trigger repeats the request until the answer is about another job than the forgotten
// one, because a replica that lags behind shows that job as live.
func (w *writer) trigger(ctx context.Context, key pagekey.Key, forgotten string) (jobqueue.Ticket, error) {
	for {
		ticket, err := w.queue.Trigger(ctx, jobqueue.Request{Key: key, Origin: "visit"})
		if err != nil || ticket.Record.GetJobId() != forgotten {
			return ticket, err
		}
	}
}

// holds is nil when the replica that w reads has everything that a round wrote, and
// nothing from earlier rounds.
func (w *writer) holds(ctx context.Context, key pagekey.Key, job string) error {
	s, err := w.sessions.Get(ctx, shopper)
	if err != nil {
		return err
	}
	if views := s.GetStores()[shop].GetViews(); views != writers {
		return fmt.Errorf("%d views are counted, want %d", views, writers)
	}
	p, err := w.pages.Get(ctx, key)
	if err != nil {
		return err
	}
	if p.JobID() != job {
		return fmt.Errorf("the page of %s is stored, want that of %s", p.JobID(), job)
	}
	rec, err := w.queue.Record(ctx, key)
	if err != nil {
		return err
	}
	if rec.GetState() != wandstorev1.JobState_JOB_STATE_QUEUED {
		return fmt.Errorf("the job is %v, want it queued", rec.GetState())
	}
	return nil
}

func view(s *wandstorev1.ShopperSession) { session.Signals(s, shop).Views++ }

// page is one writer's page of a round. It is newer than all pages of earlier rounds and
// of writers with a lower number.
func page(t *testing.T, round, n int) *pagestore.Page {
	return pagestoretest.Page(t, fmt.Sprintf("job-%d-%d", round, n), time.Duration(round*writers+n)*time.Second)
}

// atOnce calls write for all writers at the same time, and waits for them.
func atOnce(all []*writer, write func(n int, w *writer)) {
	begin := make(chan struct{})
	var wg sync.WaitGroup
	for n, w := range all {
		wg.Go(func() {
			<-begin
			write(n, w)
		})
	}
	close(begin)
	wg.Wait()
}
