package jobqueue_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/wandstore/wandstore/pkg/jobqueue"
)

// BenchmarkTrigger is what a visit without a page costs the edge: claim, publish,
// record.
func BenchmarkTrigger(b *testing.B) {
	s := settings()
	s.MaxQueueDepth = 1_000_000
	p := newDurablePool(b, s)
	for i := 0; b.Loop(); i++ {
		visit(b, p, i)
	}
}

// BenchmarkTriggerByMany is the same for many visits at a time.
func BenchmarkTriggerByMany(b *testing.B) {
	s := settings()
	s.MaxQueueDepth = 1_000_000
	p := newDurablePool(b, s)
	var n atomic.Int64
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			visit(b, p, int(n.Add(1)))
		}
	})
}

// BenchmarkFullPool is what a visit without a page costs the edge while the pool is full.
func BenchmarkFullPool(b *testing.B) {
	s := settings()
	s.MaxQueueDepth = 1
	p := newDurablePool(b, s)
	for i := range s.PoolSize + 1 {
		_, _ = p.queue.Trigger(b.Context(), jobqueue.Request{Key: key(b, fmt.Sprintf("first-%d", i))})
	}
	var n atomic.Int64
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := p.queue.Trigger(b.Context(), jobqueue.Request{Key: key(b, fmt.Sprintf("late-%d", n.Add(1)))}); !errors.Is(err, jobqueue.ErrPoolFull) {
				b.Error(err)
				return
			}
		}
	})
}

// BenchmarkWorkOff is a job of a queue whose jobs all wait for a worker, the handler doing
// nothing.
func BenchmarkWorkOff(b *testing.B) {
	s := one()
	s.Concurrency, s.MaxQueueDepth = 10, 1_000_000
	p := newDurablePool(b, s)
	b.StopTimer()
	for i := range b.N {
		visit(b, p, i)
	}
	handled := make(chan struct{}, 10)
	b.StartTimer()
	p.workWith(func(context.Context, *jobqueue.Job) (jobqueue.Result, error) {
		handled <- struct{}{}
		return result, nil
	}, func(c *jobqueue.ConsumerConfig) { c.Concurrency = 10 })
	for range b.N {
		<-handled
	}
	p.empties()
}

// BenchmarkPublishedToHandled is the queue's share of the time from a visit to
// its page.
func BenchmarkPublishedToHandled(b *testing.B) {
	p := newDurablePool(b, one())
	handled := make(chan struct{}, 1)
	p.workWith(func(context.Context, *jobqueue.Job) (jobqueue.Result, error) {
		handled <- struct{}{}
		return result, nil
	})
	for i := 0; b.Loop(); i++ {
		visit(b, p, i)
		<-handled
	}
}

func visit(b *testing.B, p *pool, i int) {
	b.Helper()
	ticket, err := p.queue.Trigger(b.Context(), jobqueue.Request{Key: key(b, fmt.Sprintf("shopper-%d", i)), Origin: "visit"})
	if err != nil || !ticket.Triggered {
		b.Fatalf("got %+v, %v", ticket, err)
	}
}
