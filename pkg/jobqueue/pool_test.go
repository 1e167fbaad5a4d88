package jobqueue_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/natstest"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// The states, by shorter names.
const (
	publishing = wandstorev1.JobState_JOB_STATE_PUBLISHING
	queued     = wandstorev1.JobState_JOB_STATE_QUEUED
	running    = wandstorev1.JobState_JOB_STATE_RUNNING
	ready      = wandstorev1.JobState_JOB_STATE_READY
	failed     = wandstorev1.JobState_JOB_STATE_FAILED
	cancelled  = wandstorev1.JobState_JOB_STATE_CANCELLED
)

// settings are the contract's defaults.
func settings() wandnats.Settings {
	return wandnats.Settings{PoolSize: 10, MaxQueueDepth: 100, Concurrency: 1, CacheTTLSeconds: 3600, Replicas: 1}
}

// one is a pool of one member, which has every job.
func one() wandnats.Settings {
	s := settings()
	s.PoolSize = 1
	return s
}

// member is the member of a pool of one.
const member = "pool-0"

// pool is a pool in an account of its own, without workers.
type pool struct {
	t        testing.TB
	account  natstest.Account
	server   *natstest.Server // nil without one of its own
	nc       *nats.Conn
	js       jetstream.JetStream
	jobs     jetstream.KeyValue
	trail    *jobqueue.Trail
	queue    *jobqueue.Queue
	settings wandnats.Settings
	log      *slog.Logger // of its workers
}

func newPool(t testing.TB, s wandnats.Settings) *pool {
	t.Helper()
	return newPoolIn(t, natstest.Start(t), s)
}

// newPoolOnOwnServer is newPool for tests that stop or restart the server.
func newPoolOnOwnServer(t testing.TB, s wandnats.Settings) *pool {
	t.Helper()
	return newPoolOn(t, natstest.StartOwn(t), s)
}

// newDurablePool is newPoolOnOwnServer with a server that flushes each write, as in production.
func newDurablePool(t testing.TB, s wandnats.Settings) *pool {
	t.Helper()
	return newPoolOn(t, natstest.StartSynced(t), s)
}

func newPoolOn(t testing.TB, server *natstest.Server, s wandnats.Settings) *pool {
	t.Helper()
	p := newPoolIn(t, server.Account, s)
	p.server = server
	return p
}

func newPoolIn(t testing.TB, account natstest.Account, s wandnats.Settings) *pool {
	t.Helper()
	_, js := account.Connect(t)
	if err := wandnats.Ensure(t.Context(), js, s); err != nil {
		t.Fatal(err)
	}
	return joinPool(t, account, s, account.URL())
}

// joinPool is another process at the pool of an account: a connection of its own.
func joinPool(t testing.TB, account natstest.Account, s wandnats.Settings, url string) *pool {
	t.Helper()
	nc, js := natstest.Connect(t, url)
	jobs, err := js.KeyValue(t.Context(), wandnats.BucketJobs)
	if err != nil {
		t.Fatal(err)
	}
	trail := jobqueue.NewTrail(js, "test")
	return &pool{t, account, nil, nc, js, jobs, trail, jobqueue.NewQueue(js, jobs, s, trail), s, slog.New(slog.DiscardHandler)}
}

// another is another process at the same pool.
func (p *pool) another() *pool { return p.by(p.account.URL()) }

// by is another process that reaches the pool by another address.
func (p *pool) by(url string) *pool { return joinPool(p.t, p.account, p.settings, url) }

// tune changes the members' consumers on the server.
func (p *pool) tune(ackWait time.Duration, maxDeliver int) {
	p.t.Helper()
	for _, name := range p.settings.Members() {
		c, err := wandnats.Consumer(name, p.settings.Concurrency)
		if err != nil {
			p.t.Fatal(err)
		}
		c.AckWait, c.MaxDeliver = ackWait, maxDeliver
		if _, err := p.js.UpdateConsumer(p.t.Context(), wandnats.StreamGeneration, c); err != nil {
			p.t.Fatal(err)
		}
	}
}

func key(t testing.TB, shopper string) pagekey.Key {
	t.Helper()
	k, err := pagekey.New("magic-wands", shopper)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// trigger makes a new job for a shopper, and waits until its record says so: that
// is noted in the background.
func (p *pool) trigger(shopper string) *wandstorev1.JobRecord {
	p.t.Helper()
	ticket, err := p.queue.Trigger(p.t.Context(), jobqueue.Request{Key: key(p.t, shopper), Origin: "visit"})
	if err != nil || !ticket.Triggered {
		p.t.Fatalf("trigger for %s: got %+v, %v, want a new job", shopper, ticket, err)
	}
	eventually.NoError(p.t, func() error {
		if rec := p.record(shopper); rec.GetState() == publishing {
			return fmt.Errorf("record of %s is still %v", shopper, rec)
		}
		return nil
	})
	return ticket.Record
}

// record is a shopper's job record.
func (p *pool) record(shopper string) *wandstorev1.JobRecord {
	p.t.Helper()
	rec, err := p.queue.Record(p.t.Context(), key(p.t, shopper))
	if err != nil {
		p.t.Fatal(err)
	}
	return rec
}

// write puts a message under a key of the jobs' bucket, as somebody else would.
func (p *pool) write(name string, m proto.Message) uint64 {
	p.t.Helper()
	b, err := wire.Marshal(m)
	if err != nil {
		p.t.Fatal(err)
	}
	revision, err := p.jobs.Put(p.t.Context(), name, b)
	if err != nil {
		p.t.Fatal(err)
	}
	return revision
}

// writeRecord makes a record of a shopper that somebody else has written.
func (p *pool) writeRecord(shopper, id string, state wandstorev1.JobState, requested, deadline time.Time) {
	p.t.Helper()
	p.write(wandnats.JobKey("magic-wands", shopper), &wandstorev1.JobRecord{
		JobId: id, StoreSlug: "magic-wands", ShopperId: shopper, State: state, Worker: "somebody",
		RequestedAt: timestamppb.New(requested), Deadline: timestamppb.New(deadline),
	})
}

// reaches waits until a shopper's record is in a state.
func (p *pool) reaches(shopper string, state wandstorev1.JobState) *wandstorev1.JobRecord {
	p.t.Helper()
	var rec *wandstorev1.JobRecord
	eventually.NoError(p.t, func() error {
		var err error
		if rec, err = p.queue.Record(p.t.Context(), key(p.t, shopper)); err != nil {
			return err
		}
		if rec.GetState() != state {
			return fmt.Errorf("record of %s is %v, want it %v", shopper, rec, state)
		}
		return nil
	})
	return rec
}

// stream looks a stream up, as it is now.
func (p *pool) stream(name string) (jetstream.Stream, *jetstream.StreamInfo) {
	p.t.Helper()
	stream, err := p.js.Stream(p.t.Context(), name)
	if err != nil {
		p.t.Fatal(err)
	}
	info, err := stream.Info(p.t.Context(), jetstream.WithSubjectFilter(">"))
	if err != nil {
		p.t.Fatal(err)
	}
	return stream, info
}

// waiting is how many messages the queue holds, waiting and running.
func (p *pool) waiting() uint64 {
	p.t.Helper()
	_, info := p.stream(wandnats.StreamGeneration)
	return info.State.Msgs
}

// empties waits until the queue holds nothing.
func (p *pool) empties() {
	p.t.Helper()
	eventually.NoError(p.t, func() error {
		if n := p.waiting(); n != 0 {
			return fmt.Errorf("the queue holds %d messages, want none", n)
		}
		return nil
	})
}

// pulled waits until one worker waits for a message.
func (p *pool) pulled() {
	p.t.Helper()
	eventually.NoError(p.t, func() error {
		if info := p.consumer(); info.NumWaiting != 1 {
			return fmt.Errorf("%d pulls wait", info.NumWaiting)
		}
		return nil
	})
}

// consumer is how the member of a pool of one stands on the server.
func (p *pool) consumer() *jetstream.ConsumerInfo {
	p.t.Helper()
	c, err := p.js.Consumer(p.t.Context(), wandnats.StreamGeneration, member)
	if err != nil {
		p.t.Fatal(err)
	}
	return c.CachedInfo()
}
