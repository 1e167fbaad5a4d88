package jobqueue_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// never is an ack wait that no test waits for.
const never = 10 * time.Minute

func TestNewerRecord(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, c := range []struct {
		name    string
		state   wandstorev1.JobState
		by      time.Duration
		handled bool
	}{
		{"queued", queued, time.Second, false},
		{"running", running, time.Second, false},
		{"ready", ready, time.Second, false},
		{"failed: its job did not end in a page", failed, time.Second, true},
		{"publishing: it may never be accepted", publishing, time.Second, true},
		{"older", ready, -time.Second, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPool(t, one())
			mine := p.trigger("abc123")
			p.writeRecord("abc123", "theirs", c.state, mine.GetRequestedAt().AsTime().Add(c.by), now.Add(-time.Second))
			w := p.work()
			if c.handled {
				w.next().answer <- nil
				if rec := p.reaches("abc123", ready); rec.GetJobId() != mine.GetJobId() {
					t.Errorf("record: got %v", rec)
				}
				p.empties()
				return
			}
			p.empties()
			w.idle()
			if rec := p.record("abc123"); rec.GetJobId() != "theirs" || rec.GetState() != c.state {
				t.Errorf("record: got %v, want it left alone", rec)
			}
			if len(p.letters()) != 0 {
				t.Error("a job that was replaced left a dead letter")
			}
		})
	}
}

// The record lapses with its bucket's age; the job does not.
func TestJobWithoutRecord(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	mine := p.trigger("abc123")
	if err := p.jobs.Purge(t.Context(), wandnats.JobKey("magic-wands", "abc123")); err != nil {
		t.Fatal(err)
	}
	p.work().next().answer <- nil
	rec := p.reaches("abc123", ready)
	if rec.GetJobId() != mine.GetJobId() || !proto.Equal(rec.GetRequestedAt(), mine.GetRequestedAt()) || rec.GetShopperId() != "abc123" {
		t.Errorf("record: got %v", rec)
	}
	p.empties()
}

func TestMemberRunsNoMoreThanItsConcurrency(t *testing.T) {
	t.Parallel()
	const jobs, most = 6, 2
	s := one()
	s.Concurrency = most
	p := newPool(t, s)
	for i := range jobs {
		p.trigger(fmt.Sprintf("shopper-%d", i))
	}
	twice := func(c *jobqueue.ConsumerConfig) { c.Concurrency = most }
	one, two := p.work(twice), p.another().work(twice)
	under := []call{}
	take := func() {
		t.Helper()
		select {
		case c := <-one.calls:
			under = append(under, c)
		case c := <-two.calls:
			under = append(under, c)
		case <-time.After(eventually.Patience):
			t.Fatal("no call of a handler")
		}
	}
	for left := jobs; left > 0; left-- {
		for len(under) < min(most, left) {
			take()
		}
		// The server's own count: what is delivered, and what it holds back although
		// both workers ask.
		if n := len(under) + len(one.calls) + len(two.calls); n > most {
			t.Errorf("%d run at a time, want %d at most", n, most)
		}
		eventually.NoError(t, func() error {
			info := p.consumer()
			if info.NumAckPending > most {
				t.Errorf("%d jobs left: %d under way", left, info.NumAckPending)
			}
			// A job is counted a moment after its publish was acknowledged.
			if int(info.NumPending) != left-len(under) {
				return fmt.Errorf("%d jobs left: %d held back", left, info.NumPending)
			}
			return nil
		})
		under[0].answer <- nil
		under = under[1:]
	}
	p.empties()
}

func TestRestartOfNATSInMidJob(t *testing.T) {
	t.Parallel()
	p := newPoolOnOwnServer(t, one())
	p.tune(time.Minute, 4)
	p.trigger("abc123")
	w := p.work()
	c := w.next()
	p.server.Restart()
	// The client may still take its old connection for alive.
	eventually.NoError(t, func() error {
		if p.nc.Stats().Reconnects == 0 || !p.nc.IsConnected() {
			return errors.New("not reconnected")
		}
		return nil
	})
	c.answer <- nil
	p.reaches("abc123", ready)
	p.empties()
	w.idle()
	// The pull is heard again, too.
	p.trigger("abc124")
	w.next().answer <- nil
	p.reaches("abc124", ready)
}

// The job is done while NATS is away: its page is stored, nobody can be told.
func TestJobEndsWhileNATSIsAway(t *testing.T) {
	t.Parallel()
	p := newPoolOnOwnServer(t, one())
	p.tune(2*time.Second, 4)
	p.trigger("abc123")
	// As the services connect: what is published in an outage fails.
	away := p.another()
	w := away.work()
	c := w.next()
	p.server.Stop()
	c.answer <- nil
	eventually.NoError(t, func() error {
		if s := w.Status(); s.Running != 0 {
			return fmt.Errorf("status: %+v", s)
		}
		return nil
	})
	p.server.Restart()
	w.next().answer <- nil
	p.reaches("abc123", ready)
	p.empties()
}

// A service may be older than the one that makes the jobs.
func TestJobOfANewerService(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	b, err := wire.Marshal(&wandstorev1.GenerationJob{
		JobId: "job", StoreSlug: "magic-wands", ShopperId: "abc123", RequestedAt: timestamppb.Now(),
	})
	if err != nil {
		t.Fatal(err)
	}
	payload := strings.Replace(string(b), "{", `{"fromTheFuture": {"x": [1]}, `, 1)
	if _, err := p.js.Publish(t.Context(), wandnats.GenerateSubject(member), []byte(payload)); err != nil {
		t.Fatal(err)
	}
	p.work().next().answer <- nil
	p.reaches("abc123", ready)
}
