package edge

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/lifecycle"
	"github.com/wandstore/wandstore/pkg/natsconn"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/session"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// bus is what the edge has on NATS.
type bus struct {
	queue    *jobqueue.Queue
	trail    *jobqueue.Trail
	pages    *pagestore.KV
	sessions *session.Store
	cacheKV  jetstream.KeyValue
	jobsKV   jetstream.KeyValue
	storesKV jetstream.KeyValue
}

// runBus reaches NATS, then keeps the watches.
func (e *edge) runBus(ctx context.Context) error {
	var b *bus
	err := natsconn.Until(ctx, e.log, "NATS", func(ctx context.Context) (err error) {
		b, err = e.openBus(ctx)
		return err
	})
	if err != nil {
		return err
	}
	e.bus.Store(b)
	return lifecycle.Run(ctx,
		lifecycle.Part{Name: "stores", Run: func(ctx context.Context) error { return e.shops.Follow(ctx, e.nc, b.storesKV) }},
		lifecycle.Part{Name: "pages and jobs", Run: func(ctx context.Context) error { return e.keepWatching(ctx, b) }},
	)
}

// keepWatching watches pages and jobs until ctx ends.
func (e *edge) keepWatching(ctx context.Context, b *bus) error {
	for ctx.Err() == nil {
		broken := e.watch(ctx, b)
		e.memory.SetWatched(false)
		if ctx.Err() != nil {
			break
		}
		e.log.Warn("watching again in a moment", "error", broken)
		select {
		case <-time.After(rewatchAfter):
		case <-ctx.Done():
		}
	}
	return nil //nolint:nilerr // a watch that breaks is not what ends the edge
}

// rewatchAfter spaces attempts to watch while NATS is away.
const rewatchAfter = 500 * time.Millisecond

func (e *edge) openBus(ctx context.Context) (*bus, error) {
	if err := natsconn.Ready(e.nc); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := wandnats.EnsureStreams(ctx, e.js, e.cfg.Pool); err != nil {
		return nil, err
	}
	b := &bus{trail: jobqueue.NewTrail(e.js, "edge")}
	var err error
	if b.cacheKV, err = e.js.KeyValue(ctx, wandnats.BucketPages); err != nil {
		return nil, fmt.Errorf("bucket %s: %w", wandnats.BucketPages, err)
	}
	if b.jobsKV, err = e.js.KeyValue(ctx, wandnats.BucketJobs); err != nil {
		return nil, fmt.Errorf("bucket %s: %w", wandnats.BucketJobs, err)
	}
	sessions, err := e.js.KeyValue(ctx, wandnats.BucketSessions)
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", wandnats.BucketSessions, err)
	}
	if b.storesKV, err = e.js.KeyValue(ctx, wandnats.BucketStores); err != nil {
		return nil, fmt.Errorf("bucket %s: %w", wandnats.BucketStores, err)
	}
	if err := e.shops.Load(ctx, b.storesKV); err != nil {
		return nil, err
	}
	b.pages = pagestore.NewKV(b.cacheKV)
	b.sessions = session.NewStore(sessions)
	b.queue = jobqueue.NewQueue(e.js, b.jobsKV, e.cfg.Pool.PoolSize, b.trail)
	return b, nil
}

// watch follows both buckets until one of the watches, or the connection, breaks.
// What was changed meanwhile is unknown then, so the next watch begins with
// distrust: memory looks everything up again, and the board starts empty.
func (e *edge) watch(ctx context.Context, b *bus) error {
	status := e.nc.StatusChanged(nats.RECONNECTING, nats.DISCONNECTED, nats.CLOSED)
	defer e.nc.RemoveStatusListener(status)
	if err := natsconn.Ready(e.nc); err != nil {
		return err
	}
	pages, err := b.cacheKV.Watch(ctx, wandnats.AllPages, jetstream.UpdatesOnly(), jetstream.MetaOnly())
	if err != nil {
		return fmt.Errorf("watch %s: %w", wandnats.BucketPages, err)
	}
	defer func() { _ = pages.Stop() }()
	// The records that are there come first, then the changes: without them the
	// places in the queue would be wrong for as long as the oldest job lives.
	jobs, err := b.jobsKV.Watch(ctx, wandnats.AllJobs)
	if err != nil {
		return fmt.Errorf("watch %s: %w", wandnats.BucketJobs, err)
	}
	defer func() { _ = jobs.Stop() }()
	e.board.Reset()
	e.memory.SetWatched(true)
	// The records that were there have waited for nobody.
	news := false
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-status:
			return natsconn.ErrNotConnected
		case change, ok := <-pages.Updates():
			if !ok {
				return fmt.Errorf("watch %s: ended", wandnats.BucketPages)
			}
			if change == nil {
				continue
			}
			if key, ok := keyOf(change.Key()); ok {
				e.memory.Invalidate(key)
				e.board.Wake(key)
			}
		case change, ok := <-jobs.Updates():
			if !ok {
				return fmt.Errorf("watch %s: ended", wandnats.BucketJobs)
			}
			if change == nil {
				news = true
				continue
			}
			e.noteJob(change)
			if news {
				e.metrics.watchDelay.Record(ctx, max(0, time.Since(change.Created()).Seconds()))
			}
		}
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
		// The page was stored before its record: also one that went to the object
		// store only.
		e.memory.Invalidate(key)
	}
	e.board.Set(key, rec)
}

// keyOf reads a bucket's key; what is not of our making is nobody's.
func keyOf(name string) (pagekey.Key, bool) {
	store, shopper, ok := wandnats.SplitKey(name)
	if !ok {
		return pagekey.Key{}, false
	}
	key, err := pagekey.New(store, shopper)
	return key, err == nil
}
