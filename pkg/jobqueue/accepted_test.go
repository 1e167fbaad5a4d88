package jobqueue_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// flood triggers the jobs of so many shoppers, "shopper-0" and so on, 32 at a time.
func (p *pool) flood(shoppers int) {
	p.t.Helper()
	names := make(chan string)
	var callers sync.WaitGroup
	for range 32 {
		callers.Go(func() {
			for name := range names {
				if ticket, err := p.queue.Trigger(p.t.Context(), jobqueue.Request{Key: key(p.t, name), Origin: "visit"}); err != nil || !ticket.Triggered {
					p.t.Errorf("%s: got %+v, %v", name, ticket, err)
				}
			}
		})
	}
	for n := range shoppers {
		names <- fmt.Sprintf("shopper-%d", n)
	}
	close(names)
	callers.Wait()
}

// Of each job of a flood it is told that it is queued, in its record and in its trail, in batches
// where the stream takes them, and what a worker wrote meanwhile stays.
func TestJobsOfAFloodAreQueued(t *testing.T) {
	t.Parallel()
	for name, batches := range map[string]bool{"in batches": true, "into a stream of an earlier release": false} {
		for _, worked := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, with a worker %t", name, worked), func(t *testing.T) {
				t.Parallel()
				s := settings()
				s.MaxQueueDepth = 300
				p := newPool(t, s)
				p.takesBatches(batches)
				first := queued
				if worked {
					// The other members have none.
					p.workWith(func(context.Context, *jobqueue.Job) (jobqueue.Result, error) { return result, nil })
					first = ready
				}
				const shoppers = 400
				p.flood(shoppers)
				for n := range shoppers {
					name := fmt.Sprintf("shopper-%d", n)
					state := queued
					if jobqueue.SelectMember(name, s.PoolSize) == 0 {
						state = first
					}
					p.reaches(name, state)
					eventually.True(t, "the breadcrumb of "+name, func() bool {
						breadcrumbs, _, err := jobqueue.ReadTrail(t.Context(), p.jobs, key(t, name))
						return err == nil && slices.ContainsFunc(breadcrumbs, func(c *wandstorev1.Breadcrumb) bool { return c.GetStep() == "published" })
					})
				}
			})
		}
	}
}
