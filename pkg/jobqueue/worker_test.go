package jobqueue_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/jobqueue"
)

var generatedAt = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// result is what a successful handler says.
var result = jobqueue.Result{Persona: "explorer", Source: "llm", GeneratedAt: generatedAt}

// worker is a process that serves one member.
type worker struct {
	*jobqueue.Consumer
	t     testing.TB
	calls chan call
	ended chan struct{}
	stop  context.CancelFunc
}

// work starts a worker on the member of a pool of one. Its handler waits to be
// answered, or for its context's end.
func (p *pool) work(tune ...func(*jobqueue.ConsumerConfig)) *worker {
	p.t.Helper()
	calls := make(chan call, 1000)
	w := p.workWith(func(ctx context.Context, job *jobqueue.Job) (jobqueue.Result, error) {
		answer := make(chan error, 1)
		calls <- call{job, ctx, answer}
		select {
		case err := <-answer:
			return result, err
		case <-ctx.Done():
			return jobqueue.Result{}, ctx.Err()
		}
	}, tune...)
	w.calls = calls
	return w
}

func (p *pool) workWith(handle jobqueue.Handler, tune ...func(*jobqueue.ConsumerConfig)) *worker {
	p.t.Helper()
	cfg := jobqueue.ConsumerConfig{
		Member: member, Worker: "worker", Concurrency: 1, JobTimeout: never, Grace: time.Millisecond,
	}
	for _, f := range tune {
		f(&cfg)
	}
	c := jobqueue.NewConsumer(p.js, p.jobs, cfg, p.trail, handle, p.log)
	ctx, stop := context.WithCancel(context.Background())
	w := &worker{Consumer: c, t: p.t, ended: make(chan struct{}), stop: stop}
	go func() {
		defer close(w.ended)
		if err := c.Run(ctx); err != nil {
			p.t.Errorf("Run: got %v, want nil after its context's end", err)
		}
	}()
	p.t.Cleanup(func() {
		stop()
		w.ends()
	})
	return w
}

// ends waits until Run has returned.
func (w *worker) ends() {
	w.t.Helper()
	eventually.Receive(w.t, w.ended, "the worker's end")
}

// next waits for the handler's next call.
func (w *worker) next() call {
	w.t.Helper()
	return eventually.Receive(w.t, w.calls, "a call of the handler")
}

// idle fails if there was a call that nobody asked for.
func (w *worker) idle() {
	w.t.Helper()
	select {
	case c := <-w.calls:
		w.t.Errorf("the handler was called once more: %v, attempt %d", c.job.GenerationJob, c.job.Attempt)
	default:
	}
}

func named(name string) func(*jobqueue.ConsumerConfig) {
	return func(c *jobqueue.ConsumerConfig) { c.Worker = name }
}

// sweep runs a sweeper until the test's end.
func (p *pool) sweep() {
	p.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	s := jobqueue.NewSweeper(p.nc, p.js, p.jobs, p.trail, nil, slog.New(slog.DiscardHandler))
	ended.Go(func() {
		if err := s.Run(ctx); err != nil {
			p.t.Errorf("Run: got %v, want nil after its context's end", err)
		}
	})
	p.t.Cleanup(func() {
		stop()
		ended.Wait()
	})
}
