package jobqueue_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/jobqueue"
)

// The time that a job waits for the model's account counts against nothing, and its record
// tells of it.
func TestWait(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	p.tune(never, 1)
	p.trigger("abc123")
	const timeout = 2 * time.Second
	type waiting struct {
		ctx  context.Context
		done func()
	}
	calls := make(chan waiting, 1)
	w := p.workWith(func(ctx context.Context, job *jobqueue.Job) (jobqueue.Result, error) {
		calls <- waiting{ctx, job.Wait(12.5)} // before the test looks: the time runs
		<-ctx.Done()
		return jobqueue.Result{}, ctx.Err()
	}, func(c *jobqueue.ConsumerConfig) { c.JobTimeout = timeout })
	c := eventually.Receive(t, calls, "a call of the handler")
	eventually.True(t, "the record says that it waits", func() bool {
		rec := p.record("abc123")
		return rec.GetState() == running && rec.GetAccountWait().GetCallsAMinute() == 12.5 && w.Status().Waiting == 1
	})
	select {
	case <-c.ctx.Done():
		t.Error("the time out of the job ran while it waited")
	case <-time.After(timeout + timeout/2):
	}
	c.done()
	c.done()
	eventually.True(t, "the record says that it runs", func() bool {
		return p.record("abc123").GetAccountWait() == nil && w.Status().Waiting == 0
	})
	eventually.Receive(t, c.ctx.Done(), "the time out, which goes on")
}

// Nor does the time count that it waits for a store.
func TestWaitForStore(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	p.tune(never, 1)
	p.trigger("abc123")
	const timeout = time.Second
	ended := make(chan error, 2)
	w := p.workWith(func(ctx context.Context, job *jobqueue.Job) (jobqueue.Result, error) {
		done := job.WaitForStore()
		select {
		case <-ctx.Done():
		case <-time.After(timeout + timeout/2):
		}
		ended <- ctx.Err()
		done()
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return jobqueue.Result{}, ctx.Err()
	}, func(c *jobqueue.ConsumerConfig) { c.JobTimeout = timeout })
	eventually.True(t, "the status tells what it waits for", func() bool { s := w.Status(); return s.WaitingForStore == 1 && s.Waiting == 0 })
	if err := eventually.Receive(t, ended, "the end of the wait"); err != nil {
		t.Errorf("the job ended while it waited: %v", err)
	}
	eventually.True(t, "it waits no more", func() bool { return w.Status().WaitingForStore == 0 })
	if err := eventually.Receive(t, ended, "the time out, which goes on"); err == nil {
		t.Error("the job ended without a cause")
	}
}

// A worker that stops hands a waiting job back at once, and no delivery is used up by it.
func TestStopWhileWaiting(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	p.tune(never, 1)
	p.trigger("abc123")
	leaving := p.another().work(named("leaving"), func(c *jobqueue.ConsumerConfig) { c.Grace = never })
	c := leaving.next()
	c.job.Wait(0)
	leaving.stop()
	leaving.ends()
	again := p.work(named("other")).next()
	if again.job.GetJobId() != c.job.GetJobId() || again.job.Attempt != 1 {
		t.Errorf("got %v, attempt %d; want the same job at its first", again.job.GenerationJob, again.job.Attempt)
	}
	if rec := p.record("abc123"); rec.GetState() != running || rec.GetAccountWait() != nil || rec.GetWorker() != "other" {
		t.Errorf("record: got %v", rec)
	}
	again.answer <- nil
	p.reaches("abc123", ready)
	p.empties()
}

// One process works on hundreds of jobs of a member at a time.
func TestHundredsAtATime(t *testing.T) {
	t.Parallel()
	const most = 300
	s := one()
	s.Concurrency, s.MaxQueueDepth = most, most
	p := newPool(t, s)
	for n := range most {
		p.trigger(fmt.Sprintf("shopper-%d", n))
	}
	w := p.work(func(c *jobqueue.ConsumerConfig) { c.Concurrency = most })
	calls := make([]call, most)
	for i := range calls {
		calls[i] = w.next()
	}
	if n := w.Status().Running; n != most {
		t.Errorf("%d run at a time, want %d", n, most)
	}
	if info := p.consumer(); info.NumAckPending != most || info.NumWaiting > 1 {
		t.Errorf("%d unacknowledged, %d pulls; want %d and at most one", info.NumAckPending, info.NumWaiting, most)
	}
	for _, c := range calls {
		c.answer <- nil
	}
	p.empties()
}
