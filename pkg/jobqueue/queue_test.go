package jobqueue_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

func TestTriggerMakesAJob(t *testing.T) {
	t.Parallel()
	p := newPool(t, settings())
	before := time.Now()
	ticket, err := p.queue.Trigger(t.Context(), jobqueue.Request{
		Key: key(t, "abc123"), Origin: "visit", Preferences: map[string]string{"mood": "dark"},
	})
	if err != nil || !ticket.Triggered {
		t.Fatalf("got %+v, %v", ticket, err)
	}
	stream, info := p.stream(wandnats.StreamGeneration)
	if info.State.Subjects["wandstore.generate.pool-3"] != 1 || info.State.Msgs != 1 {
		t.Fatalf("messages: got %v, want one for pool-3", info.State.Subjects)
	}
	m, err := stream.GetMsg(t.Context(), ticket.Record.GetStreamSeq())
	if err != nil {
		t.Fatal(err)
	}
	job := &wandstorev1.GenerationJob{}
	if err := wire.Unmarshal(m.Data, job); err != nil {
		t.Fatal(err)
	}
	if job.GetJobId() != ticket.Record.GetJobId() || job.GetStoreSlug() != "magic-wands" || job.GetShopperId() != "abc123" ||
		job.GetOrigin() != "visit" || job.GetPreferences()["mood"] != "dark" || job.GetRequestedAt().AsTime().Before(before) {
		t.Errorf("job: got %v", job)
	}
	if id := m.Header.Get("Nats-Msg-Id"); id != job.GetJobId() {
		t.Errorf("message id: got %q, want the job's", id)
	}
	rec := p.reaches("abc123", queued)
	if rec.GetPoolMember() != "pool-3" || rec.GetJobId() != job.GetJobId() || rec.GetStreamSeq() != m.Sequence {
		t.Errorf("record: got %v", rec)
	}
	if left := time.Until(rec.GetDeadline().AsTime()); left < wandnats.DefaultJobMaxWait-10*time.Minute || left > wandnats.DefaultJobMaxWait {
		t.Errorf("a queued record is owned for %v, want about %v", left, wandnats.DefaultJobMaxWait)
	}
}

func TestRecordOfNobody(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	if rec, err := p.queue.Record(t.Context(), key(t, "nobody")); !errors.Is(err, jobqueue.ErrNoRecord) || rec != nil {
		t.Errorf("got %v, %v, want ErrNoRecord", rec, err)
	}
}

// The pool holds what its members hold, and refuses the rest: the promise to
// those who are already in it.
func TestPoolRefusesWhatItCannotHold(t *testing.T) {
	t.Parallel()
	const shoppers, places = 1100, 1000
	p := newPool(t, settings())
	var accepted atomic.Int64
	var mu sync.Mutex
	var refused []string
	shopper := make(chan string)
	var edges sync.WaitGroup
	for range 16 {
		edges.Go(func() {
			for s := range shopper {
				ticket, err := p.queue.Trigger(t.Context(), jobqueue.Request{Key: key(t, s), Origin: "visit"})
				switch {
				case err == nil && ticket.Triggered:
					accepted.Add(1)
				case errors.Is(err, jobqueue.ErrPoolFull):
					mu.Lock()
					refused = append(refused, s)
					mu.Unlock()
				default:
					t.Errorf("trigger for %s: got %+v, %v", s, ticket, err)
				}
			}
		})
	}
	for i := range shoppers {
		shopper <- fmt.Sprintf("shopper-%d", i)
	}
	close(shopper)
	edges.Wait()

	if accepted.Load() != places || len(refused) != shoppers-places {
		t.Errorf("accepted %d and refused %d, want %d and %d", accepted.Load(), len(refused), places, shoppers-places)
	}
	stream, info := p.stream(wandnats.StreamGeneration)
	for n := range 10 {
		if got := info.State.Subjects[wandnats.GenerateSubject(wandnats.Member(n))]; got != 100 {
			t.Errorf("member %d holds %d, want 100", n, got)
		}
	}
	if info.State.FirstSeq != 1 || info.State.Msgs != places || info.State.NumDeleted != 0 {
		t.Errorf("stream: got %+v, want nothing evicted", info.State)
	}
	if _, err := stream.GetMsg(t.Context(), 1); err != nil {
		t.Errorf("the first job: %v", err)
	}
	for _, s := range refused {
		if rec, err := p.queue.Record(t.Context(), key(t, s)); !errors.Is(err, jobqueue.ErrNoRecord) {
			t.Errorf("record of the refused %s: got %v, %v, want none", s, rec, err)
		}
	}
	p.complains(refused[0], "refused")

	// A place that gets free goes to a refused shopper who asks again at once.
	if err := stream.DeleteMsg(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	p.trigger(refused[0])
}

func TestOverflowGoesToTheNextMembersInOrder(t *testing.T) {
	t.Parallel()
	s := settings()
	s.MaxQueueDepth = 3
	p := newPool(t, s)
	var theirs []string
	for i := 0; len(theirs) < 31; i++ {
		if name := fmt.Sprintf("shopper-%d", i); jobqueue.SelectMember(name, 10) == 7 {
			theirs = append(theirs, name)
		}
	}
	for i, shopper := range theirs[:30] {
		want := wandnats.Member((7 + i/3) % 10)
		if rec := p.trigger(shopper); rec.GetPoolMember() != want || p.record(shopper).GetPoolMember() != want {
			t.Errorf("job %d: got it at %s, want %s", i, rec.GetPoolMember(), want)
		}
	}
	_, err := p.queue.Trigger(t.Context(), jobqueue.Request{Key: key(t, theirs[30])})
	if !errors.Is(err, jobqueue.ErrPoolFull) {
		t.Errorf("got %v, want ErrPoolFull", err)
	}
}

func TestOneJobUnderConcurrentTriggers(t *testing.T) {
	t.Parallel()
	p := newPool(t, settings())
	queues := []*jobqueue.Queue{p.queue, p.another().queue}
	const callers = 200
	ids := make([]string, callers)
	var triggered atomic.Int64
	begin := make(chan struct{})
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			<-begin
			ticket, err := queues[i%2].Trigger(t.Context(), jobqueue.Request{Key: key(t, "abc123"), Origin: "visit"})
			if err != nil {
				t.Errorf("Trigger: %v", err)
				return
			}
			ids[i] = ticket.Record.GetJobId()
			if ticket.Triggered {
				triggered.Add(1)
			}
		})
	}
	close(begin)
	group.Wait()
	if triggered.Load() != 1 || p.waiting() != 1 {
		t.Errorf("%d triggered, %d messages, want one", triggered.Load(), p.waiting())
	}
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Fatalf("job ids %q and %q, want all the same", id, ids[0])
		}
	}
}

// A claim that is withdrawn while another caller looks at it is nobody's.
func TestConcurrentTriggersOfAFullPool(t *testing.T) {
	t.Parallel()
	s := one()
	s.MaxQueueDepth = 1
	p := newPool(t, s)
	p.trigger("first")
	queues := []*jobqueue.Queue{p.queue, p.another().queue}
	var group sync.WaitGroup
	for i := range 200 {
		group.Go(func() {
			ticket, err := queues[i%2].Trigger(t.Context(), jobqueue.Request{Key: key(t, "abc123")})
			pending := err == nil && !ticket.Triggered && ticket.Record.GetState() == publishing
			if !pending && !errors.Is(err, jobqueue.ErrPoolFull) {
				t.Errorf("got %+v, %v, want ErrPoolFull or another's claim", ticket, err)
			}
		})
	}
	group.Wait()
	if p.waiting() != 1 {
		t.Errorf("%d messages, want the one from before", p.waiting())
	}
	if rec, err := p.queue.Record(t.Context(), key(t, "abc123")); !errors.Is(err, jobqueue.ErrNoRecord) {
		t.Errorf("record: got %v, %v, want none", rec, err)
	}
}

func TestClaim(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	now := time.Now()
	live, past := now.Add(time.Hour), now.Add(-time.Second)
	for i, c := range []struct {
		name      string
		state     wandstorev1.JobState
		deadline  time.Time
		again     bool
		triggered bool
		instead   string
	}{
		{"publishing", publishing, live, false, false, ""},
		{"publishing, its edge gone", publishing, past, false, true, ""},
		{"queued", queued, live, false, false, ""},
		{"queued for too long", queued, past, false, true, ""},
		{"running", running, live, false, false, ""},
		{"running, its worker gone", running, past, false, true, ""},
		{"just ready", ready, live, false, false, ""},
		{"ready for a while", ready, past, false, true, ""},
		{"just failed", failed, live, false, false, ""},
		{"failed a while ago", failed, past, false, true, ""},
		{"again after ready", ready, live, true, true, ""},
		{"again while publishing", publishing, live, true, false, ""},
		{"again while queued", queued, live, true, false, ""},
		{"again while running", running, live, true, false, ""},
		{"again after failed", failed, live, true, false, ""},
		{"just ready, and to be replaced", ready, live, false, true, "theirs"},
		{"just ready, where an earlier one is to be replaced", ready, live, false, false, "before"},
		{"to be replaced while running", running, live, false, false, "theirs"},
	} {
		t.Run(c.name, func(t *testing.T) {
			shopper := fmt.Sprintf("shopper-%d", i)
			p.writeRecord(shopper, "theirs", c.state, now, c.deadline)
			ticket, err := p.queue.Trigger(t.Context(), jobqueue.Request{Key: key(t, shopper), Force: c.again, Replaces: c.instead})
			if err != nil || ticket.Triggered != c.triggered || (ticket.Record.GetJobId() != "theirs") != c.triggered {
				t.Fatalf("got %+v, %v, want triggered %t", ticket, err, c.triggered)
			}
			if rec := p.record(shopper); rec.GetJobId() != ticket.Record.GetJobId() {
				t.Errorf("record: got %v, want the ticket's job", rec)
			}
		})
	}
}

func TestClaimTakesACorruptRecordOver(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	for i, value := range []string{"", "not JSON", `{"state": []}`, "\xff\xfe", `{"deadline": "tomorrow"}`, "{}"} {
		shopper := fmt.Sprintf("shopper-%d", i)
		if _, err := p.jobs.PutString(t.Context(), wandnats.JobKey("magic-wands", shopper), value); err != nil {
			t.Fatal(err)
		}
		p.trigger(shopper)
		if rec := p.record(shopper); rec.GetState() != queued {
			t.Errorf("over %q: got %v", value, rec)
		}
	}
}

// Without NATS a visit's trigger ends with its deadline, and the shopper is not
// blocked when it is back.
func TestTriggerWithoutNATS(t *testing.T) {
	t.Parallel()
	p := newPoolOnOwnServer(t, one())
	p.server.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := p.queue.Trigger(ctx, jobqueue.Request{Key: key(t, "abc123")})
	if err == nil || errors.Is(err, jobqueue.ErrPoolFull) || errors.Is(err, jobqueue.ErrNoRecord) {
		t.Errorf("got %v, want an error of NATS's", err)
	}
	p.server.Restart()
	eventually.NoError(t, func() error {
		if _, err := p.queue.Trigger(t.Context(), jobqueue.Request{Key: key(t, "abc123")}); err != nil {
			return err
		}
		return nil
	})
	if p.waiting() != 1 {
		t.Errorf("%d messages, want one", p.waiting())
	}
}
