package jobqueue_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/wandstore/wandstore/pkg/jobqueue"
)

// BenchmarkTrigger is what a visit without a page costs the edge: claim, publish,
// record.
func BenchmarkTrigger(b *testing.B) {
	s := settings()
	s.MaxQueueDepth = 1_000_000
	p := newPool(b, s)
	for i := 0; b.Loop(); i++ {
		visit(b, p, i)
	}
}

// BenchmarkPublishedToHandled is the queue's share of the time from a visit to
// its page.
func BenchmarkPublishedToHandled(b *testing.B) {
	p := newPool(b, one())
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
