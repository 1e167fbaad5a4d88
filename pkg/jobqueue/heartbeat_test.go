package jobqueue_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/faulttest"
	"github.com/wandstore/wandstore/pkg/jobqueue"
)

func TestHeartbeatsKeepALongJob(t *testing.T) {
	t.Parallel()
	// A busy machine may stop for two thirds of it.
	const ackWait = 6 * time.Second
	p := newPool(t, one())
	p.tune(ackWait, 4)
	p.trigger("abc123")
	w := p.work()
	c := w.next()
	begun := time.Now()
	p.another().work(named("bystander"))
	eventually.NoError(t, func() error {
		if took := time.Since(begun); took < ackWait+ackWait/3 {
			return fmt.Errorf("only %v of the job have passed", took)
		}
		return nil
	})
	if rec := p.record("abc123"); rec.GetState() != running || !rec.GetDeadline().AsTime().After(time.Now()) || rec.GetWorker() != "worker" {
		t.Errorf("record: got %v, want its deadline moved on", rec)
	}
	if c.ctx.Err() != nil {
		t.Errorf("the job's context: %v", context.Cause(c.ctx))
	}
	c.answer <- nil
	p.reaches("abc123", ready)
	p.empties()
	if info := p.consumer(); info.Delivered.Consumer != 1 {
		t.Errorf("deliveries: got %d, want exactly one", info.Delivered.Consumer)
	}
}

func TestJobTimeoutEndsAHungHandler(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	p.tune(never, 4)
	p.trigger("abc123")
	p.workWith(func(ctx context.Context, job *jobqueue.Job) (jobqueue.Result, error) {
		if job.Attempt == 1 {
			<-ctx.Done()
			return jobqueue.Result{}, ctx.Err()
		}
		return result, nil
	}, func(c *jobqueue.ConsumerConfig) { c.JobTimeout = 100 * time.Millisecond })
	if c := p.complains("abc123", "handed back"); !strings.HasPrefix(c.GetDetail(), "not done within 100ms") {
		t.Errorf("breadcrumb: got %v", c)
	}
	p.reaches("abc123", ready)
}

func TestJobOfAKilledWorker(t *testing.T) {
	t.Parallel()
	// The record of a first delivery that lapses before it is written has the next handed
	// back: too short a wait would make this a third.
	const ackWait = 4 * time.Second
	p := newPool(t, one())
	p.tune(ackWait, 4)
	// It is far away: its record is written well after the delivery, and must not
	// outlive the ack wait for that.
	proxy := faulttest.NewProxy(t, p.account.Addr())
	doomed := p.by(p.account.URLVia(proxy.Addr()))
	w := doomed.work(named("doomed"))
	p.pulled()
	proxy.Latency(100 * time.Millisecond)
	p.trigger("abc123")
	c := w.next()
	other := p.work(named("other"))
	killed := time.Now()
	doomed.nc.Close()

	again := other.next()
	if took := time.Since(killed); took > 10*ackWait {
		t.Errorf("taken over after %v, want about the ack wait of %v", took, ackWait)
	}
	if again.job.Attempt != 2 || again.job.GetJobId() != c.job.GetJobId() {
		t.Errorf("got %v, attempt %d, want the same job's second", again.job.GenerationJob, again.job.Attempt)
	}
	if rec := p.record("abc123"); rec.GetWorker() != "other" || rec.GetAttempt() != 2 {
		t.Errorf("record: got %v", rec)
	}
	again.answer <- nil
	p.reaches("abc123", ready)
	p.empties()
}

// A worker that was cut off comes back and finds its job with another.
func TestJobLostToAnother(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"before it failed":       errors.New("the model hiccups"),
		"before it was given up": jobqueue.ErrTerminal,
		"before it was done":     nil,
	} {
		t.Run(name, func(t *testing.T) {
			p := newPool(t, one())
			p.tune(time.Second, 4)
			mine := p.trigger("abc123")
			calls := make(chan context.Context, 10)
			w := p.workWith(func(ctx context.Context, _ *jobqueue.Job) (jobqueue.Result, error) {
				calls <- ctx
				<-ctx.Done()
				return result, err
			})
			ctx := eventually.Receive(t, calls, "a call of the handler")
			p.writeRecord("abc123", mine.GetJobId(), running, mine.GetRequestedAt().AsTime(), time.Now().Add(time.Hour))
			eventually.Receive(t, ctx.Done(), "end of the lost job's context")
			p.complains("abc123", "lost")
			eventually.NoError(t, func() error {
				if s := w.Status(); s.Running != 0 {
					return fmt.Errorf("status: %+v", s)
				}
				return nil
			})
			if s := w.Status(); s.Done != 0 || s.Dead != 0 {
				t.Errorf("status: got %+v, want nothing ended here", s)
			}
			if p.waiting() != 1 || len(p.letters()) != 0 {
				t.Errorf("%d messages, %d letters, want the message left to the other worker", p.waiting(), len(p.letters()))
			}
			if rec := p.record("abc123"); rec.GetState() != running || rec.GetWorker() != "somebody" {
				t.Errorf("record: got %v, want the other worker's", rec)
			}
			// The redelivery finds the other worker alive, and its record is left alone.
			eventually.NoError(t, func() error {
				if n := p.consumer().Delivered.Consumer; n < 2 {
					return fmt.Errorf("%d deliveries", n)
				}
				return nil
			})
			if len(calls) != 0 {
				t.Error("the handler was called for a job that another worker holds")
			}
		})
	}
}

// A lost record that is noticed only when the page is stored.
func TestJobLostAtTheEnd(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	p.tune(never, 4)
	mine := p.trigger("abc123")
	w := p.work()
	c := w.next()
	p.writeRecord("abc123", mine.GetJobId(), running, mine.GetRequestedAt().AsTime(), time.Now().Add(time.Hour))
	c.answer <- nil
	p.complains("abc123", "lost")
	if rec := p.record("abc123"); rec.GetState() != running || p.waiting() != 1 {
		t.Errorf("record %v and %d messages, want both left to the other worker", rec, p.waiting())
	}
}

// The answer to a heartbeat's write gets lost in an outage: the worker holds a
// record at a revision that it does not know.
func TestOwnWriteIsNotALoss(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	p.tune(never, 4)
	p.trigger("abc123")
	w := p.work()
	c := w.next()
	p.write(wandnats.JobKey("magic-wands", "abc123"), p.record("abc123"))
	c.answer <- nil
	p.reaches("abc123", ready)
	p.empties()
	w.idle()
}
