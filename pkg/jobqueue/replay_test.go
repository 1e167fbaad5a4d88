package jobqueue_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/jobqueue"
)

// kill makes a dead letter of a new job.
func (p *pool) kill() letter {
	p.t.Helper()
	const shopper = "abc123"
	p.trigger(shopper)
	w := p.work()
	w.next().answer <- jobqueue.ErrTerminal
	p.reaches(shopper, failed)
	p.empties()
	w.stop()
	w.ends()
	return p.dies()
}

func TestReplay(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	l := p.kill()
	before := p.record("abc123")
	replayed, err := p.queue.Replay(t.Context(), l.seq)
	if err != nil || replayed.JobID != l.GetJobId() || replayed.Member != member {
		t.Fatalf("got %+v, %v", replayed, err)
	}
	stream, info := p.stream(wandnats.StreamGeneration)
	if info.State.Msgs != 1 {
		t.Fatalf("%d messages, want the job back although its id was seen a moment ago", info.State.Msgs)
	}
	m, err := stream.GetMsg(t.Context(), info.State.LastSeq)
	if err != nil || string(m.Data) != l.GetPayload() || m.Header.Get("Nats-Msg-Id") == l.GetJobId() {
		t.Errorf("message: got %v, %v, want the same payload under a new id", m, err)
	}
	if len(p.letters()) != 0 {
		t.Error("the letter is still there")
	}
	rec := p.record("abc123")
	if rec.GetState() != queued || rec.GetJobId() != l.GetJobId() || rec.GetReason() != "" || rec.GetStreamSeq() != info.State.LastSeq ||
		!proto.Equal(rec.GetRequestedAt(), before.GetRequestedAt()) {
		t.Errorf("record: got %v", rec)
	}
	w := p.work()
	w.next().answer <- nil
	p.reaches("abc123", ready)
	p.empties()
	if _, err := p.queue.Replay(t.Context(), l.seq); !errors.Is(err, jobqueue.ErrNoLetter) {
		t.Errorf("again: got %v, want ErrNoLetter", err)
	}
}

func TestReplayOfAJobWithoutRecord(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	l := p.kill()
	if err := p.jobs.Purge(t.Context(), wandnats.JobKey("magic-wands", "abc123")); err != nil {
		t.Fatal(err)
	}
	if _, err := p.queue.Replay(t.Context(), l.seq); err != nil {
		t.Fatal(err)
	}
	if rec := p.record("abc123"); rec.GetState() != queued || rec.GetJobId() != l.GetJobId() {
		t.Errorf("record: got %v", rec)
	}
}

// A shopper has got another job meanwhile: its record stays, and the old job is
// dropped.
func TestReplayOfAReplacedJob(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	l := p.kill()
	p.writeRecord("abc123", "newer", ready, time.Now(), time.Now())
	if _, err := p.queue.Replay(t.Context(), l.seq); err != nil {
		t.Fatal(err)
	}
	w := p.work()
	p.empties()
	w.idle()
	if rec := p.record("abc123"); rec.GetJobId() != "newer" || rec.GetState() != ready {
		t.Errorf("record: got %v", rec)
	}
}

func TestReplayOfNothing(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	for _, seq := range []uint64{0, 1, 1 << 63} {
		if _, err := p.queue.Replay(t.Context(), seq); !errors.Is(err, jobqueue.ErrNoLetter) {
			t.Errorf("letter %d: got %v, want ErrNoLetter", seq, err)
		}
	}
}

func TestReplayOfPoison(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	for _, payload := range []string{
		"wand", "\xff", `{"jobId":"job","storeSlug":"magic-wands","shopperId":"..","requestedAt":"2026-05-01T12:00:00Z"}`,
		`{"jobId":"job","storeSlug":"magic-wands","shopperId":"abc123"}`,
		`{"storeSlug":"magic-wands","shopperId":"abc123","requestedAt":"2026-05-01T12:00:00Z"}`,
	} {
		if _, err := p.js.Publish(t.Context(), wandnats.GenerateSubject(member), []byte(payload)); err != nil {
			t.Fatal(err)
		}
	}
	w := p.work()
	p.empties()
	w.stop()
	w.ends()
	all := p.letters()
	if len(all) != 5 {
		t.Fatalf("%d letters, want 5", len(all))
	}
	for _, l := range all {
		if _, err := p.queue.Replay(t.Context(), l.seq); !errors.Is(err, jobqueue.ErrTerminal) {
			t.Errorf("%v: got %v, want ErrTerminal", l.DeadLetter, err)
		}
	}
	if p.waiting() != 0 || len(p.letters()) != 5 {
		t.Errorf("%d messages and %d letters, want the letters where they were", p.waiting(), len(p.letters()))
	}
}

func TestReplayIntoAFullPool(t *testing.T) {
	t.Parallel()
	s := one()
	s.MaxQueueDepth = 1
	p := newPool(t, s)
	l := p.kill()
	p.trigger("another")
	if _, err := p.queue.Replay(t.Context(), l.seq); !errors.Is(err, jobqueue.ErrPoolFull) {
		t.Errorf("got %v, want ErrPoolFull", err)
	}
	if n := len(p.letters()); n != 1 {
		t.Errorf("%d letters, want it kept", n)
	}
	if rec := p.record("abc123"); rec.GetState() != failed {
		t.Errorf("record: got %v", rec)
	}
}

// Two operators have the same idea.
func TestConcurrentReplays(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	l := p.kill()
	queues := []*jobqueue.Queue{p.queue, p.another().queue}
	var replayed atomic.Int64
	var group sync.WaitGroup
	begin := make(chan struct{})
	for i := range 8 {
		group.Go(func() {
			<-begin
			_, err := queues[i%2].Replay(t.Context(), l.seq)
			switch {
			case err == nil:
				replayed.Add(1)
			case !errors.Is(err, jobqueue.ErrNoLetter):
				t.Errorf("Replay: %v", err)
			}
		})
	}
	close(begin)
	group.Wait()
	if replayed.Load() == 0 || p.waiting() != 1 || len(p.letters()) != 0 {
		t.Errorf("%d replayed, %d messages, %d letters, want one message", replayed.Load(), p.waiting(), len(p.letters()))
	}
}
