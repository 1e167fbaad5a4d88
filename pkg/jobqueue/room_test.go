package jobqueue_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/jobqueue"
)

// fullPool is a pool of one member that has the jobs of first-0 and first-1 and no more room,
// which "refused" has noticed.
func fullPool(t testing.TB) *pool {
	t.Helper()
	s := one()
	s.MaxQueueDepth = 2
	p := newPool(t, s)
	for i := range s.MaxQueueDepth {
		name := fmt.Sprintf("first-%d", i)
		p.trigger(name)
		p.reaches(name, queued)
	}
	p.refuses("refused", nil)
	p.complains("refused", "refused")
	return p
}

// refuses requires that there is no room for a shopper's job.
func (p *pool) refuses(shopper string, hasRoom func(string) bool) {
	p.t.Helper()
	ticket, err := p.queue.Trigger(p.t.Context(), jobqueue.Request{Key: key(p.t, shopper), HasRoom: hasRoom})
	if !errors.Is(err, jobqueue.ErrPoolFull) {
		p.t.Errorf("%s: got %+v, %v, want ErrPoolFull", shopper, ticket, err)
	}
}

// written is how many messages the bucket of the job records has ever taken.
func (p *pool) written() uint64 {
	p.t.Helper()
	_, info := p.stream("KV_" + wandnats.BucketJobs)
	return info.State.LastSeq
}

// A flood of visits to a full pool leaves nothing in the bucket, which would be full itself in
// the end.
func TestFullPoolRefusesWithoutAWrite(t *testing.T) {
	t.Parallel()
	p := fullPool(t)
	before := p.written()
	for i := range 50 {
		p.refuses(fmt.Sprintf("late-%d", i), nil)
	}
	// Who has a job is told so.
	ticket, err := p.queue.Trigger(t.Context(), jobqueue.Request{Key: key(t, "first-1")})
	if err != nil || ticket.Triggered || ticket.Record.GetState() != queued {
		t.Errorf("the job that waits: got %+v, %v", ticket, err)
	}
	if after := p.written(); after != before {
		t.Errorf("%d writes", after-before)
	}
}

func TestNobodyWithRoomIsNoWrite(t *testing.T) {
	t.Parallel()
	p := newPool(t, settings())
	p.refuses("newcomer", func(string) bool { return false })
	if n := p.written(); n != 0 {
		t.Errorf("%d writes", n)
	}
	// It says nothing of the others' room.
	p.trigger("regular")
}

// A place of a full pool that gets free is filled at once, and by one only.
func TestFreePlaceOfAFullPool(t *testing.T) {
	t.Parallel()
	p := fullPool(t)
	stream, info := p.stream(wandnats.StreamGeneration)
	if err := stream.DeleteMsg(t.Context(), info.State.FirstSeq); err != nil {
		t.Fatal(err)
	}
	var triggered atomic.Int64
	var callers sync.WaitGroup
	for i := range 100 {
		callers.Go(func() {
			ticket, err := p.queue.Trigger(t.Context(), jobqueue.Request{Key: key(t, fmt.Sprintf("late-%d", i))})
			switch {
			case err == nil && ticket.Triggered:
				triggered.Add(1)
			case !errors.Is(err, jobqueue.ErrPoolFull):
				t.Errorf("got %+v, %v, want ErrPoolFull", ticket, err)
			}
		})
	}
	callers.Wait()
	if triggered.Load() != 1 || p.waiting() != 2 {
		t.Errorf("%d jobs made for one place, %d wait", triggered.Load(), p.waiting())
	}
}

// A raised limit counts at once, though the process that asks was started with another.
func TestRoomIsTheServers(t *testing.T) {
	t.Parallel()
	p := fullPool(t)
	_, info := p.stream(wandnats.StreamGeneration)
	info.Config.MaxMsgsPerSubject++
	if _, err := p.js.UpdateStream(t.Context(), info.Config); err != nil {
		t.Fatal(err)
	}
	p.trigger("late")
	p.refuses("later", nil)
}
