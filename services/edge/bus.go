package edge

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/lifecycle"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/session"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// bus is what the edge uses on NATS.
type bus struct {
	*wandnats.Bus
	queue    *jobqueue.Queue
	trail    *jobqueue.Trail
	pages    *pagestore.KV
	sessions *session.Store
}

// runBus waits for NATS, then follows its buckets.
func (e *edge) runBus(ctx context.Context) error {
	var b *bus
	err := lifecycle.Retry(ctx, e.log, "NATS", func(ctx context.Context) (err error) {
		b, err = e.openBus(ctx)
		return err
	})
	if err != nil {
		return err
	}
	e.bus.Store(b)
	return lifecycle.Run(ctx,
		lifecycle.Part{Name: "stores", Run: func(ctx context.Context) error { return e.shops.Follow(ctx, b.Conn, b.Shops) }},
		lifecycle.Part{Name: "pages and jobs", Run: func(ctx context.Context) error {
			defer e.memory.SetWatched(false)
			e.watcher(ctx, b.Bus).Run(ctx)
			return nil
		}},
	)
}

func (e *edge) openBus(ctx context.Context) (*bus, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := wandnats.EnsureStreams(ctx, e.js, e.cfg.Pool); err != nil {
		return nil, err
	}
	opened, err := wandnats.Open(ctx, e.js)
	if err != nil {
		return nil, err
	}
	if err := e.shops.Load(ctx, opened.Shops); err != nil {
		return nil, err
	}
	trail := jobqueue.NewTrail(e.js, "edge")
	return &bus{
		Bus:      opened,
		trail:    trail,
		pages:    pagestore.NewKV(opened.Pages),
		sessions: session.NewStore(opened.Sessions),
		queue:    jobqueue.NewQueue(e.js, opened.Jobs, e.cfg.Pool.PoolSize, trail),
	}, nil
}

// watcher follows pages and jobs. Memory serves pages unchecked only while both are
// watched. What changed during an outage is unknown, so after one memory checks every
// page again, and the board starts empty.
func (e *edge) watcher(ctx context.Context, b *wandnats.Bus) wandnats.Watcher {
	// The records that a watch begins with say nothing of its delay.
	current := false
	return wandnats.Watcher{
		Conn: b.Conn,
		Watches: []wandnats.Watch{
			{
				Bucket: b.Pages, Keys: wandnats.AllPages,
				Options: []jetstream.WatchOpt{jetstream.UpdatesOnly(), jetstream.MetaOnly()},
				Entry:   e.notePage,
			},
			{
				// It begins with the records that exist: without them the places in the queue
				// would be wrong for as long as the oldest job lives.
				Bucket: b.Jobs, Keys: wandnats.AllJobs,
				Entry: func(change jetstream.KeyValueEntry) {
					e.noteJob(change)
					if current {
						e.metrics.watchDelay.Record(ctx, max(0, time.Since(change.Created()).Seconds()))
					}
				},
				Current: func() { current = true },
			},
		},
		Begin: func() {
			current = false
			e.board.Reset()
			e.memory.SetWatched(true)
		},
		Lost: func(err error) {
			e.memory.SetWatched(false)
			e.log.Warn("pages and jobs are not watched, trying again", "error", err)
		},
	}
}

func (e *edge) notePage(change jetstream.KeyValueEntry) {
	if key, ok := keyOf(change.Key()); ok {
		e.memory.Invalidate(key)
		e.board.Wake(key)
	}
}

func (e *edge) noteJob(change jetstream.KeyValueEntry) {
	key, ok := keyOf(change.Key())
	if !ok {
		return
	}
	rec := &wandstorev1.JobRecord{}
	if change.Operation() != jetstream.KeyValuePut || wire.Unmarshal(change.Value(), rec) != nil {
		e.board.Drop(key)
		return
	}
	if rec.GetState() == wandstorev1.JobState_JOB_STATE_READY {
		// A page that went to the object store only is heard of here alone. It was
		// stored before its record.
		e.memory.Invalidate(key)
	}
	e.board.Set(key, rec)
}

// keyOf parses a bucket's key; false for one that no service writes.
func keyOf(name string) (pagekey.Key, bool) {
	store, shopper, ok := wandnats.SplitKey(name)
	if !ok {
		return pagekey.Key{}, false
	}
	key, err := pagekey.New(store, shopper)
	return key, err == nil
}
