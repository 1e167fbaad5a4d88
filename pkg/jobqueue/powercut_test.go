package jobqueue_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/natstest"
)

// What a power cut leaves is a store that was never closed, as it is at some moment. Every job
// that was acknowledged before waits in it, or its record says that it is ready.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	s := settings()
	p := newDurablePool(t, s)
	w := p.work() // of pool-0; the jobs of the other members wait
	var mu sync.Mutex
	acked := map[string]uint64{} // shoppers, and their jobs' sequences
	var producers sync.WaitGroup
	stop := make(chan struct{})
	for n := range 4 {
		producers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				shopper := fmt.Sprintf("shopper-%d-%d", n, i)
				ticket, err := p.queue.Trigger(t.Context(), jobqueue.Request{Key: key(t, shopper), Origin: "visit"})
				if errors.Is(err, jobqueue.ErrPoolFull) {
					return
				}
				if err != nil {
					t.Errorf("trigger: %v", err)
					return
				}
				mu.Lock()
				acked[shopper] = ticket.Record.GetStreamSeq()
				mu.Unlock()
			}
		})
	}
	go func() {
		for c := range w.calls {
			c.answer <- nil
		}
	}()
	defer func() { close(stop); producers.Wait(); w.stop(); w.ends(); close(w.calls) }()
	before := 0
	for range 4 {
		// At any moment, but after more jobs.
		more := before + 20 + rand.IntN(50)
		eventually.True(t, "jobs are acknowledged", func() bool { mu.Lock(); defer mu.Unlock(); return len(acked) >= more })
		mu.Lock()
		jobs := maps.Clone(acked)
		mu.Unlock()
		before = len(jobs)
		// The queue is copied before the records: a job leaves it when its record is ready.
		survives(t, p.server.PowerCut(), s, jobs)
	}
}

// survives looks for the jobs: each waits, or its record says that it was done.
func survives(t *testing.T, after *natstest.Server, s wandnats.Settings, jobs map[string]uint64) {
	t.Helper()
	defer after.Stop()
	p := newPoolIn(t, after.Account, s)
	stream, _ := p.stream(wandnats.StreamGeneration)
	for shopper, seq := range jobs {
		if _, err := stream.GetMsg(t.Context(), seq); err == nil {
			continue
		}
		if rec, err := p.queue.Record(t.Context(), key(t, shopper)); err != nil || rec.GetState() != ready {
			t.Errorf("the job of %s is lost: %v, %v", shopper, rec, err)
		}
	}
	if ticket, err := p.queue.Trigger(t.Context(), jobqueue.Request{Key: key(t, "after"), Origin: "visit"}); err != nil || !ticket.Triggered {
		t.Errorf("a job after the cut: %+v, %v", ticket, err)
	}
}
