package jobqueue_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/jobqueue"
)

const lapse = 200 * time.Millisecond

// drop takes every delivery of the waiting jobs and lets it lapse, like a worker that is
// killed before it writes anything.
func (p *pool) drop(jobs, deliveries int) {
	p.t.Helper()
	c, err := p.js.Consumer(p.t.Context(), wandnats.StreamGeneration, member)
	if err != nil {
		p.t.Fatal(err)
	}
	for got := 0; got < jobs*deliveries; {
		batch, err := c.Fetch(1, jetstream.FetchMaxWait(5*time.Second))
		if err != nil {
			p.t.Fatal(err)
		}
		for range batch.Messages() {
			got++
		}
	}
	// The server checks the last delivery only at the next pull.
	eventually.NoError(p.t, func() error {
		batch, err := c.Fetch(1, jetstream.FetchMaxWait(lapse))
		if err != nil {
			return err
		}
		for m := range batch.Messages() {
			p.t.Errorf("a delivery more: %q", m.Data())
		}
		if info := p.consumer(); info.NumAckPending != 0 {
			return fmt.Errorf("%d deliveries have not lapsed", info.NumAckPending)
		}
		return nil
	})
}

func TestJobThatKillsItsWorkersBecomesDeadLetter(t *testing.T) {
	t.Parallel()
	s := one()
	s.MaxQueueDepth = 1
	p := newPool(t, s)
	p.tune(time.Second, 2)
	p.sweep()
	mine := p.trigger("abc123")
	for range 2 {
		doomed := p.another()
		doomed.work(named("doomed")).next()
		doomed.nc.Close()
	}
	// The server checks a last delivery only at the next pull.
	survivor := p.work(named("survivor"))
	l := p.firstLetter()
	if !strings.Contains(l.GetReason(), "lapsed") || l.GetAttempts() != 2 || l.GetJobId() != mine.GetJobId() ||
		l.GetPoolMember() != member || l.GetStreamSeq() != mine.GetStreamSeq() || !strings.Contains(l.GetPayload(), "abc123") {
		t.Errorf("letter: got %v", l.DeadLetter)
	}
	p.empties()
	if rec := p.reaches("abc123", failed); rec.GetReason() != l.GetReason() {
		t.Errorf("record: got %v", rec)
	}
	p.awaitError("abc123", "dead")
	survivor.idle()
	p.trigger("another") // the dead letter's place in the queue is free
	if c := survivor.next(); c.job.GetShopperId() != "another" {
		t.Errorf("got %v", c.job)
	}
}

// No sweeper was subscribed when the server published the advisories. Two sweepers find
// the messages at the same time.
func TestMissedAdvisories(t *testing.T) {
	t.Parallel()
	const jobs = 5
	p := newPool(t, one())
	p.tune(lapse, 2)
	for i := range jobs {
		p.trigger(fmt.Sprintf("shopper-%d", i))
	}
	p.drop(jobs, 2)
	if p.waiting() != jobs || len(p.letters()) != 0 {
		t.Fatalf("%d messages and %d letters before the sweep", p.waiting(), len(p.letters()))
	}
	p.tune(never, 2)
	live := p.trigger("live")
	p.sweep()
	p.another().sweep()
	eventually.NoError(t, func() error {
		if n := p.waiting(); n != 1 {
			return fmt.Errorf("%d messages", n)
		}
		return nil
	})
	if n := len(p.letters()); n != jobs {
		t.Errorf("%d letters, want one for each of %d", n, jobs)
	}
	for i := range jobs {
		p.reaches(fmt.Sprintf("shopper-%d", i), failed)
	}
	if c := p.work().next(); c.job.GetJobId() != live.GetJobId() {
		t.Errorf("got %v, want the job that was not dead", c.job)
	}
}

func TestPoisonThatKillsItsWorkersBecomesDeadLetter(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	p.tune(lapse, 1)
	payload := strings.Repeat("\x01", 60<<10)
	if _, err := p.js.Publish(t.Context(), wandnats.GenerateSubject(member), []byte(payload)); err != nil {
		t.Fatal(err)
	}
	p.drop(1, 1)
	p.sweep()
	if l := p.firstLetter(); l.GetPayload()+string(l.GetRawPayload()) != payload {
		t.Errorf("letter: got %q, %q", l.GetPayload(), l.GetRawPayload())
	}
	p.empties()
}

// The sweep makes no dead letters of jobs that are ready, replaced or held. The dead job
// comes last in the queue, so its letter shows that the sweep has passed the others.
func TestSweepLeavesOtherJobs(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	p.tune(lapse, 1)
	done, replaced, held := p.trigger("done"), p.trigger("replaced"), p.trigger("held")
	p.trigger("dead")
	p.drop(4, 1)
	asked := done.GetRequestedAt().AsTime()
	p.writeRecord("done", done.GetJobId(), ready, asked, time.Now().Add(-time.Minute))
	p.writeRecord("replaced", "newer", queued, replaced.GetRequestedAt().AsTime().Add(time.Second), time.Now().Add(time.Hour))
	p.writeRecord("held", held.GetJobId(), running, asked, time.Now().Add(time.Hour))
	p.sweep()
	p.reaches("dead", failed)
	eventually.NoError(t, func() error {
		if n := p.waiting(); n != 1 {
			return fmt.Errorf("%d messages, want the held one only", n)
		}
		return nil
	})
	if all := p.letters(); len(all) != 1 || !strings.Contains(all[0].GetPayload(), `"dead"`) {
		t.Errorf("letters: got %v, want the dead job's only", all)
	}
	stream, _ := p.stream(wandnats.StreamGeneration)
	if _, err := stream.GetMsg(t.Context(), held.GetStreamSeq()); err != nil {
		t.Errorf("the held job: %v", err)
	}
	if rec := p.record("held"); rec.GetState() != running {
		t.Errorf("record of the held job: got %v", rec)
	}
	if rec := p.record("done"); rec.GetState() != ready {
		t.Errorf("record of the job that is done: got %v", rec)
	}
}

// A job is handed back after its last delivery, so no worker gets it again.
func TestLastDeliveryHandedBackBecomesDeadLetter(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	p.tune(never, 1)
	p.sweep()
	p.trigger("abc123")
	leaving := p.work(func(c *jobqueue.ConsumerConfig) { c.Grace = 0 })
	leaving.next()
	leaving.stop()
	leaving.ends()
	other := p.another().work()
	p.firstLetter()
	p.empties()
	p.reaches("abc123", failed)
	other.idle()
}
