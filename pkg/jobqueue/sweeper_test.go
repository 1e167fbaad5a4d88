package jobqueue_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
)

const lapse = 200 * time.Millisecond

// drop lets every delivery of what waits lapse, as workers do that are killed
// before they could write anything.
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
	// The server looks at the last delivery when somebody asks for the next.
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

func TestJobThatKillsItsWorkersDies(t *testing.T) {
	t.Parallel()
	s := one()
	s.MaxQueueDepth = 1
	p := newPool(t, s)
	// Long enough for a worker to write its record in, or the job is none's for a while.
	p.tune(3*time.Second, 2)
	p.sweep()
	mine := p.trigger("abc123")
	for range 2 {
		doomed := p.another()
		doomed.work(named("doomed")).next()
		doomed.nc.Close()
	}
	// The server looks at a last delivery when a worker asks for the next job.
	survivor := p.work(named("survivor"))
	l := p.dies()
	if !strings.Contains(l.GetReason(), "lapsed") || l.GetAttempts() != 2 || l.GetJobId() != mine.GetJobId() ||
		l.GetPoolMember() != member || l.GetStreamSeq() != mine.GetStreamSeq() || !strings.Contains(l.GetPayload(), "abc123") {
		t.Errorf("letter: got %v", l.DeadLetter)
	}
	p.empties()
	if rec := p.reaches("abc123", failed); rec.GetReason() != l.GetReason() {
		t.Errorf("record: got %v", rec)
	}
	p.complains("abc123", "dead")
	survivor.idle()
	p.trigger("another") // in the place of the dead one
	if c := survivor.next(); c.job.GetShopperId() != "another" {
		t.Errorf("got %v", c.job)
	}
}

// Nobody was there to hear the server say so; and two who look find it at once.
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

func TestPoisonThatKillsItsWorkersDies(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	p.tune(lapse, 1)
	payload := strings.Repeat("\x01", 60<<10)
	if _, err := p.js.Publish(t.Context(), wandnats.GenerateSubject(member), []byte(payload)); err != nil {
		t.Fatal(err)
	}
	p.drop(1, 1)
	p.sweep()
	if l := p.dies(); l.GetPayload()+string(l.GetRawPayload()) != payload {
		t.Errorf("letter: got %q, %q", l.GetPayload(), l.GetRawPayload())
	}
	p.empties()
}

// What the sweep must not give up, with a dead job behind each to tell when the
// sweep has passed it.
func TestSweepPassesWhatIsNotDead(t *testing.T) {
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

// A job is handed back with its last delivery: nobody takes it, nobody asks.
func TestLastDeliveryHandedBackDies(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	p.tune(never, 1)
	p.sweep()
	p.trigger("abc123")
	consumer, err := p.js.Consumer(t.Context(), wandnats.StreamGeneration, member)
	if err != nil {
		t.Fatal(err)
	}
	msg, err := consumer.Next()
	if err != nil {
		t.Fatal(err)
	}
	if err := msg.Nak(); err != nil {
		t.Fatal(err)
	}
	other := p.another().work()
	p.dies()
	p.empties()
	p.reaches("abc123", failed)
	other.idle()
}
