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

// never is an ack wait longer than any test.
const never = 10 * time.Minute

func TestJobBecomesReady(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	queuedRec := p.trigger("abc123")
	w := p.work()
	c := w.next()
	if c.job.GetJobId() != queuedRec.GetJobId() || c.job.Key != key(t, "abc123") || c.job.Member != member || c.job.Attempt != 1 {
		t.Errorf("job: got %+v", c.job)
	}
	rec := p.record("abc123")
	if rec.GetState() != running || rec.GetWorker() != "worker" || rec.GetAttempt() != 1 || rec.GetPoolMember() != member ||
		rec.GetStreamSeq() != queuedRec.GetStreamSeq() || time.Until(rec.GetDeadline().AsTime()) > 30*time.Second {
		t.Errorf("running record: got %v", rec)
	}
	if s := w.Status(); s.Running != 1 || s.Done != 0 {
		t.Errorf("status while running: %+v", s)
	}
	c.answer <- nil
	p.empties()
	rec = p.reaches("abc123", ready)
	if rec.GetJobId() != queuedRec.GetJobId() || rec.GetPersona() != "explorer" || rec.GetSource() != "llm" || !rec.GetGeneratedAt().AsTime().Equal(generatedAt) {
		t.Errorf("ready record: got %v", rec)
	}
	if left := time.Until(rec.GetDeadline().AsTime()); left > 10*time.Second {
		t.Errorf("a ready record is owned for %v, want 10 s at most", left)
	}
	eventually.NoError(t, func() error {
		if s := w.Status(); s.Running != 0 || s.Done != 1 || s.Dead != 0 {
			return fmt.Errorf("status: %+v", s)
		}
		return nil
	})
	if len(p.letters()) != 0 {
		t.Error("a job that went well left a dead letter")
	}
}

func TestFailedJobIsTriedAgain(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	p.trigger("abc123")
	w := p.work()
	w.next().answer <- errors.New("the model hiccups")
	rec := p.reaches("abc123", queued)
	if rec.GetAttempt() != 1 {
		t.Errorf("record in between: got %v", rec)
	}
	if c := p.awaitError("abc123", "handed back"); c.GetDetail() != "the model hiccups" || c.GetAttempt() != 1 {
		t.Errorf("breadcrumb: got %v", c)
	}
	c := w.next()
	if c.job.Attempt != 2 {
		t.Errorf("attempt: got %d, want 2", c.job.Attempt)
	}
	c.answer <- nil
	p.reaches("abc123", ready)
	p.empties()
	w.idle()
}

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

// A record expires with its bucket's TTL. The job stays.
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

// If an ack is lost, a finished job is redelivered.
func TestReadyJobIsNotMadeAgain(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	mine := p.trigger("abc123")
	p.writeRecord("abc123", mine.GetJobId(), ready, mine.GetRequestedAt().AsTime(), time.Now().Add(-time.Minute))
	w := p.work()
	p.empties()
	w.idle()
	if rec := p.record("abc123"); rec.GetState() != ready {
		t.Errorf("record: got %v", rec)
	}
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
		// The server's counts: what is delivered, and what it holds back although both
		// workers pull.
		if n := len(under) + len(one.calls) + len(two.calls); n > most {
			t.Errorf("%d run at a time, want %d at most", n, most)
		}
		if info := p.consumer(); info.NumAckPending > most || int(info.NumPending) != left-len(under) {
			t.Errorf("%d jobs left: %d under way and %d held back", left, info.NumAckPending, info.NumPending)
		}
		under[0].answer <- nil
		under = under[1:]
	}
	p.empties()
}

// A worker may be older than the service that makes the jobs.
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
