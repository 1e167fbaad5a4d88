package jobqueue_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/faulttest"
	"github.com/wandstore/wandstore/pkg/jobqueue"
)

// NATS is away for longer than a worker's record lasts. The worker lives, and keeps its job:
// whoever is delivered it again, or is visited by its shopper, waits until the worker has had the
// time to write.
func TestALiveWorkerKeepsItsJobThroughAnOutage(t *testing.T) {
	t.Parallel()
	const ackWait = 3 * time.Second
	s := one()
	s.Concurrency = 2
	p := newPoolOnOwnServer(t, s)
	p.tune(ackWait, 4)
	mine := p.trigger("abc123")
	w := p.work(named("lives"))
	c := w.next()
	edge, other := p.another(), p.another().work(named("other"))

	p.server.Stop()
	away := time.Now()
	eventually.True(t, "the record has lapsed", func() bool { return time.Since(away) > 2*ackWait })
	p.server.Restart()
	eventually.NoError(t, func() error {
		ticket, err := edge.queue.Trigger(t.Context(), jobqueue.Request{Key: key(t, "abc123"), Origin: "visit"})
		if err == nil && (ticket.Triggered || ticket.Record.GetJobId() != mine.GetJobId()) {
			t.Fatalf("a visit after the outage: got %+v, want the job that runs", ticket)
		}
		return err
	})
	eventually.NoError(t, func() error {
		rec, err := edge.queue.Record(t.Context(), key(t, "abc123"))
		if err == nil && (rec.GetState() != running || rec.GetWorker() != "lives" || !rec.GetDeadline().AsTime().After(time.Now())) {
			err = fmt.Errorf("record: %v", rec)
		}
		return err
	})
	if c.ctx.Err() != nil {
		t.Errorf("the job's context: %v", context.Cause(c.ctx))
	}
	c.answer <- nil
	if rec := p.reaches("abc123", ready); rec.GetWorker() != "lives" || rec.GetAttempt() != 1 {
		t.Errorf("record: got %v, want it made by the first delivery", rec)
	}
	p.empties()
	other.idle()
}

// NATS takes no records for longer than a worker's lasts, as with a full disk. The worker keeps
// its message.
func TestALiveWorkerKeepsItsJobThoughNothingIsWritten(t *testing.T) {
	t.Parallel()
	const ackWait = 3 * time.Second
	p := newPool(t, one())
	p.tune(ackWait, 4)
	p.trigger("abc123")
	w := p.work(named("lives"))
	c := w.next()
	other := p.another().work(named("other"))
	bound := func(bytes int64) {
		t.Helper()
		stream, err := p.js.Stream(t.Context(), "KV_"+wandnats.BucketJobs)
		if err != nil {
			t.Fatal(err)
		}
		cfg := stream.CachedInfo().Config
		cfg.MaxBytes = bytes
		if _, err := p.js.UpdateStream(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
	}
	bound(1)
	since := time.Now()
	eventually.NoError(t, func() error {
		if _, err := p.jobs.PutString(t.Context(), wandnats.JobKey("magic-wands", "abc124"), "{}"); err == nil {
			t.Fatal("the bucket takes records")
		}
		if took := time.Since(since); took < 2*ackWait {
			return fmt.Errorf("only %v", took)
		}
		return nil
	})
	if n := p.consumer().Delivered.Consumer; n != 1 {
		t.Errorf("deliveries: got %d, want exactly one", n)
	}
	bound(-1)
	c.answer <- nil
	if rec := p.reaches("abc123", ready); rec.GetWorker() != "lives" || rec.GetAttempt() != 1 {
		t.Errorf("record: got %v, want it made by the first delivery", rec)
	}
	p.empties()
	other.idle()
}

// The connection breaks after the record was written, and before its worker was told: the record
// is handed back with the job, and keeps nobody from it until its deadline.
func TestARecordWhoseAnswerIsLostIsHandedBack(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	p.tune(never, 4)
	proxy := faulttest.NewProxy(t, p.account.Addr())
	w := p.by(p.account.URLVia(proxy.Addr())).work()
	p.pulled()
	proxy.Latency(time.Second)
	p.trigger("abc123")
	p.reaches("abc123", running)
	proxy.Cut()
	proxy.Restore()
	c := w.next()
	if c.job.Attempt != 2 {
		t.Errorf("attempt %d, want the second", c.job.Attempt)
	}
	c.answer <- nil
	p.reaches("abc123", ready)
	p.empties()
}
