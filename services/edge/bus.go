package edge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/lifecycle"
	"github.com/wandstore/wandstore/pkg/pagedraft"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagemaker"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/personal"
	"github.com/wandstore/wandstore/pkg/session"
	"github.com/wandstore/wandstore/pkg/telemetry"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// bus is a Bus of real parts.
type bus struct {
	Bus

	opened *wandnats.Bus
	queue  *jobqueue.Queue
	pages  *pagestore.KV
	near   *near
}

// near is what an edge reads at its own NATS: the buckets or, at a PoP, their mirrors.
type near struct {
	bucket           jetstream.KeyValue // of the pages
	pages            *pagestore.KV
	shops, catalogue jetstream.KeyValue
	// lost is closed when a PoP's mirrors are missing or were made anew.
	lost chan struct{}
}

// streamJobs is the stream of the bucket of job records.
const streamJobs = "KV_" + wandnats.BucketJobs

// reclaimPause is how long no job is claimed after the records of those that run were lost:
// twice as long as generators on a quiet machine take to notice it, and to write them anew.
const reclaimPause = 2 * wandnats.LookEvery

// runBus waits for NATS and then watches its buckets. When streams or buckets are lost, all
// that was known of them is too: it opens a new bus on those that are made anew, or waits
// for who may make them.
func (p *parts) runBus(ctx context.Context) error {
	for {
		var b *bus
		records := p.keeper.Created(streamJobs)
		err := lifecycle.Retry(ctx, p.log, p.busName(), func(ctx context.Context) (err error) {
			b, err = p.openBus(ctx)
			return err
		})
		if err != nil {
			return err
		}
		if !records.IsZero() && !records.Equal(p.keeper.Created(streamJobs)) {
			// No page is asked for before the workers have said again what they make.
			select {
			case <-time.After(reclaimPause):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if !p.isPoP() {
			p.near.Store(b.near)
		}
		p.bus.Store(b)
		err = p.followBus(ctx, b)
		switch {
		case errors.Is(err, errHubAway):
			p.log.WarnContext(ctx, "the hub is away: pages are served, and none is asked for", "error", err)
		case !errors.Is(err, wandnats.ErrLost):
			return err
		}
		p.bus.Store(nil)
		if !p.isPoP() {
			p.near.Store(nil)
		}
		p.board.Reset()
	}
}

// followBus keeps up with the buckets until ctx ends, one is lost (wandnats.ErrLost) or, at a
// PoP, the hub is (errHubAway).
func (p *parts) followBus(ctx context.Context, b *bus) error {
	own := lifecycle.Part{Name: "shops", Run: func(ctx context.Context) error { return p.followShops(ctx, b.near) }}
	if p.isPoP() {
		own = lifecycle.Part{Name: "hub", Run: func(ctx context.Context) error { return p.watchHub(ctx, b.near) }}
	}
	return lifecycle.Run(ctx,
		own,
		lifecycle.Part{Name: "switches", Run: func(ctx context.Context) error { return p.control.Follow(ctx, b.opened.Conn, b.opened.Control) }},
		lifecycle.Part{Name: "spending", Run: func(ctx context.Context) error { return p.spend.Follow(ctx, b.opened.Conn, b.opened.Spend) }},
		lifecycle.Part{Name: "missed drafts", Run: func(ctx context.Context) error { return p.readDrafts(ctx, b) }},
		lifecycle.Part{Name: "pages and jobs", Run: func(ctx context.Context) error {
			defer p.memory.SetWatched(false)
			p.watcher(ctx, b).Run(ctx)
			return nil
		}},
		lifecycle.Part{Name: "streams", Run: p.keeper.Watch},
	)
}

func (p *parts) openBus(ctx context.Context) (*bus, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := p.keeper.Ensure(ctx); err != nil {
		return nil, err
	}
	opened, err := wandnats.Open(ctx, p.hub)
	if err != nil {
		return nil, err
	}
	n := p.near.Load()
	switch {
	case !p.isPoP():
		if n, err = p.openNear(ctx); err != nil {
			return nil, err
		}
	case n == nil:
		return nil, errUnavailable // the mirrors come first
	default:
		p.behind.Store(true) // until it was measured
	}
	// At once, for the way to a hub is long.
	var loading sync.WaitGroup
	var failed [3]error
	loading.Go(func() { failed[0] = p.control.Load(ctx, opened.Control) })
	loading.Go(func() { failed[1] = p.spend.Load(ctx, opened.Spend) })
	loading.Go(func() { failed[2] = p.releaseLost(ctx, opened) })
	loading.Wait()
	if err := errors.Join(failed[:]...); err != nil {
		return nil, err
	}
	trail := jobqueue.NewTrail(p.hub, "edge", jobqueue.WithClock(p.clock.Now))
	pages, sessions := pagestore.NewKV(opened.Pages, p.keys), session.NewStore(opened.Sessions, session.GuestTTL(p.hub, p.cfg.GuestTTL), session.Clock(p.clock.Now))
	drafts := pagedraft.NewStore(opened.Drafts)
	data := &personal.Data{Permanent: p.s3, Cache: pages, Jobs: opened.Jobs, Sessions: sessions, Forgotten: opened.Forgotten, Drafts: drafts, Now: p.clock.Now}
	queue := jobqueue.NewQueue(p.hub, opened.Jobs, p.cfg.Pool, trail)
	return &bus{
		opened: opened, pages: pages, near: n, queue: queue,
		Bus: Bus{
			Queue:    queue,
			Trail:    readableTrail{trail, opened.Jobs},
			Sessions: sessions,
			Maker: &pagemaker.Maker{
				Shops: p.shops, Renderer: p.renderer, Permanent: p.s3, Cache: pages, Sessions: sessions,
				Trail: trail, Forgotten: data, Log: p.log, Metrics: pagemaker.NewMetrics(), Now: p.clock.Now,
			},
			Eraser: data, Exporter: data,
			Members: members{p.nc}, Generation: generation{p.control, p.spend},
			Webhooks: webhooks{opened.Jobs}, Drafts: drafts,
		},
	}, nil
}

// releaseLost drops the records of jobs that were lost with their stream, so that their
// pages are asked for again.
func (p *parts) releaseLost(ctx context.Context, b *wandnats.Bus) error {
	released, err := jobqueue.ReleaseLost(ctx, p.hub, b.Jobs)
	if released > 0 {
		p.log.ErrorContext(ctx, "jobs were lost with their queue: their pages are made when their shoppers come again", "jobs", released)
	}
	return err
}

// queueOf is a member's queue as the board knows it: an edge looks at no job.
func (p *parts) queueOf(_ context.Context, _ jetstream.Stream, now time.Time, member string) (running int, oldest time.Duration, err error) {
	running, since := p.board.Queue(member)
	if since.IsZero() {
		return running, 0, nil
	}
	return running, max(0, now.Sub(since)), nil
}

// readableTrail is a trail with the bucket to read it from.
type readableTrail struct {
	*jobqueue.Trail

	jobs jetstream.KeyValue
}

func (t readableTrail) Read(ctx context.Context, key pagekey.Key) (breadcrumbs, problems []*wandstorev1.Breadcrumb, err error) {
	return jobqueue.ReadTrail(ctx, t.jobs, key)
}

// webhooks remembers ids in the bucket of the jobs, whose entries live for more than
// an hour: longer than a signature is valid.
type webhooks struct{ jobs jetstream.KeyValue }

// key is a key of the bucket for any id: an id is its sender's to choose.
func (w webhooks) key(id string) string {
	sum := sha256.Sum256([]byte(id))
	return wandnats.WebhookKey(hex.EncodeToString(sum[:]))
}

func (w webhooks) First(ctx context.Context, id string) (bool, error) {
	_, err := w.jobs.Create(ctx, w.key(id), nil)
	if wandnats.IsConflict(err) {
		return false, nil
	}
	return err == nil, err
}

func (w webhooks) Forget(ctx context.Context, id string) error { return w.jobs.Purge(ctx, w.key(id)) }

// members asks pool members over NATS.
type members struct{ nc *nats.Conn }

func (m members) Health(ctx context.Context, member string) ([]byte, error) {
	answer, err := m.nc.RequestWithContext(ctx, wandnats.HealthSubject(member), nil)
	if err != nil {
		return nil, err
	}
	return answer.Data, nil
}

// watcher watches pages and jobs. Pages in memory count as verified only while both are
// watched. Changes during an outage are missed, so after one every page in memory is
// looked up again, and the board starts empty.
func (p *parts) watcher(ctx context.Context, b *bus) wandnats.Watcher {
	// The delay is measured only for changes, not for the records that exist when the
	// watch begins.
	current := false
	delay := telemetry.WatchDelay.Histogram(otel.GetMeterProvider(), scope)
	return wandnats.Watcher{
		Conn: b.opened.Conn,
		Watches: []wandnats.Watch{
			{
				Bucket: b.near.bucket, Keys: wandnats.AllPages,
				Options: []jetstream.WatchOpt{jetstream.UpdatesOnly(), jetstream.MetaOnly()},
				Entry:   p.notePage,
			},
			{
				// This watch begins with the records that exist. Without them the places in the
				// queue would be wrong until the oldest job has ended.
				Bucket: b.opened.Jobs, Keys: wandnats.AllJobs,
				Entry: func(change jetstream.KeyValueEntry) {
					p.noteJob(change)
					b.queue.Saw(change.Revision())
					if current {
						delay.Record(ctx, max(0, p.clock.Now().Sub(change.Created()).Seconds()))
					}
				},
				Current: func() { current = true },
			},
		},
		Begin: func() {
			current = false
			p.board.Reset()
			p.memory.SetWatched(true)
		},
		Lost: func(err error) {
			p.memory.SetWatched(false)
			p.log.Warn("pages and jobs are not watched, trying again", "error", err)
		},
	}
}

func (p *parts) notePage(change jetstream.KeyValueEntry) {
	if key, ok := keyOf(change.Key()); ok {
		if change.Operation() == jetstream.KeyValuePurge {
			// Pages are purged when their shopper is forgotten. Not even an outage may bring
			// this one back.
			p.memory.Drop(key)
		}
		p.memory.Invalidate(key)
		p.board.Wake(key)
	}
}

func (p *parts) noteJob(change jetstream.KeyValueEntry) {
	key, ok := keyOf(change.Key())
	if !ok {
		return
	}
	rec := &wandstorev1.JobRecord{}
	if change.Operation() != jetstream.KeyValuePut || wire.Unmarshal(change.Value(), rec) != nil {
		p.board.Drop(key)
		return
	}
	if rec.GetState() == wandstorev1.JobState_JOB_STATE_READY {
		// If only the object store has the page, the watch of UI_CACHE does not report it.
		// A page is stored before its record is ready.
		p.memory.Invalidate(key)
	}
	p.board.Set(key, rec)
}

// keyOf parses a bucket's key. It returns false for a key that no service writes.
func keyOf(name string) (pagekey.Key, bool) {
	store, shopper, ok := wandnats.SplitKey(name)
	if !ok {
		return pagekey.Key{}, false
	}
	key, err := pagekey.Parse(store, shopper)
	return key, err == nil
}
