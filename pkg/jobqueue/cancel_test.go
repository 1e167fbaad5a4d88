package jobqueue_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/jobqueue"
)

func (p *pool) cancel(shopper string) {
	p.t.Helper()
	if err := jobqueue.Cancel(p.t.Context(), p.jobs, key(p.t, shopper), time.Now()); err != nil {
		p.t.Fatal(err)
	}
}

func TestCancelledWhileItWaits(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	p.trigger("abc123")
	p.cancel("abc123")
	called := make(chan struct{}, 1)
	p.workWith(func(context.Context, *jobqueue.Job) (jobqueue.Result, error) {
		called <- struct{}{}
		return result, nil
	})
	p.empties()
	if len(called) != 0 {
		t.Error("the handler was called for a job that was cancelled")
	}
	if rec := p.record("abc123"); rec.GetState() != cancelled || len(p.letters()) != 0 {
		t.Errorf("record %v, %d letters, want it cancelled and no letter", rec, len(p.letters()))
	}
	// The next visit has a job of its own.
	p.trigger("abc123")
	p.reaches("abc123", ready)
}

// The worker learns of it at the next heartbeat, and before it stores the page.
func TestCancelledWhileItRuns(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		ackWait time.Duration
		handle  func(ctx context.Context, job *jobqueue.Job) error
	}{
		"at a heartbeat":      {time.Second, func(ctx context.Context, _ *jobqueue.Job) error { <-ctx.Done(); return context.Cause(ctx) }},
		"before it is stored": {never, func(ctx context.Context, job *jobqueue.Job) error { return job.Confirm(ctx) }},
		"when it is done":     {never, func(context.Context, *jobqueue.Job) error { return nil }},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPool(t, one())
			p.tune(test.ackWait, 4)
			p.trigger("abc123")
			begun, goOn, ended := make(chan struct{}, 4), make(chan struct{}), make(chan error, 4)
			w := p.workWith(func(ctx context.Context, job *jobqueue.Job) (jobqueue.Result, error) {
				if err := job.Confirm(ctx); err != nil {
					ended <- err
					return jobqueue.Result{}, err
				}
				begun <- struct{}{}
				<-goOn
				err := test.handle(ctx, job)
				ended <- err
				return result, err
			})
			eventually.Receive(t, begun, "a call of the handler")
			p.cancel("abc123")
			close(goOn)
			if err := eventually.Receive(t, ended, "the handler's end"); err == nil && name != "when it is done" {
				t.Error("the handler was not told")
			}
			p.empties()
			if rec := p.record("abc123"); rec.GetState() != cancelled || len(p.letters()) != 0 || len(begun) != 0 {
				t.Errorf("record %v, %d letters, %d more calls", rec, len(p.letters()), len(begun))
			}
			if s := w.Status(); s.Done != 0 || s.Dead != 0 {
				t.Errorf("status %+v, want nothing done", s)
			}
		})
	}
}

// NATS that does not answer is no reason to throw away a page that has cost a
// hundred seconds; a job that has ended is none to be cancelled.
func TestConfirmAndCancelWithoutReason(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	p.cancel("nobody")
	p.trigger("abc123")
	confirmed := make(chan error, 1)
	p.workWith(func(ctx context.Context, job *jobqueue.Job) (jobqueue.Result, error) {
		ended, cancel := context.WithCancel(ctx)
		cancel()
		confirmed <- errors.Join(job.Confirm(ended), job.Confirm(ctx))
		return result, nil
	})
	if err := eventually.Receive(t, confirmed, "the confirmation"); err != nil {
		t.Error(err)
	}
	p.reaches("abc123", ready)
	p.cancel("abc123")
	if rec := p.record("abc123"); rec.GetState() != ready {
		t.Errorf("record %v, want it ready as it was", rec)
	}
}
