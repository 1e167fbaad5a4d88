package jobqueue_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/jobqueue"
)

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
	c := w.next()
	// Held up until the record in between was seen.
	if _, err := p.js.PauseConsumer(t.Context(), wandnats.StreamGeneration, member, time.Now().Add(never)); err != nil {
		t.Fatal(err)
	}
	c.answer <- errors.New("the model hiccups")
	rec := p.reaches("abc123", queued)
	if rec.GetAttempt() != 1 {
		t.Errorf("record in between: got %v", rec)
	}
	if c := p.complains("abc123", "handed back"); c.GetDetail() != "the model hiccups" || c.GetAttempt() != 1 {
		t.Errorf("breadcrumb: got %v", c)
	}
	if _, err := p.js.ResumeConsumer(t.Context(), wandnats.StreamGeneration, member); err != nil {
		t.Fatal(err)
	}
	c = w.next()
	if c.job.Attempt != 2 {
		t.Errorf("attempt: got %d, want 2", c.job.Attempt)
	}
	c.answer <- nil
	p.reaches("abc123", ready)
	p.empties()
	w.idle()
}

func TestJobDies(t *testing.T) {
	t.Parallel()
	terminal := fmt.Errorf("no such store: %w", jobqueue.ErrTerminal)
	for _, c := range []struct {
		name     string
		err      error
		attempts int
	}{
		{"with its last delivery", errors.New("the model is down"), 2},
		{"at once, when nothing can help", terminal, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := one()
			s.MaxQueueDepth = 1
			p := newPool(t, s)
			p.tune(never, 2)
			// A space is no part of protojson: only a copy to the byte keeps it.
			payload := fmt.Appendf(nil, `{ "jobId":"job","storeSlug":"magic-wands","shopperId":"abc123","requestedAt":%q }`, time.Now().UTC().Format(time.RFC3339Nano))
			const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
			ack, err := p.js.PublishMsg(t.Context(), &nats.Msg{
				Subject: wandnats.GenerateSubject(member), Data: payload, Header: nats.Header{"traceparent": {traceparent}},
			})
			if err != nil {
				t.Fatal(err)
			}
			w := p.work()
			for range c.attempts {
				w.next().answer <- c.err
			}
			l := p.dies()
			if l.GetReason() != c.err.Error() || l.GetAttempts() != uint32(c.attempts) || l.GetPayload() != string(payload) || l.GetRawPayload() != nil ||
				l.GetJobId() != "job" || l.GetPoolMember() != member || l.GetStreamSeq() != ack.Sequence || l.GetTraceparent() != traceparent ||
				l.header.Get("traceparent") != traceparent || time.Since(l.GetDiedAt().AsTime()) > eventually.Patience {
				t.Errorf("letter: got %v, %v", l.DeadLetter, l.header)
			}
			p.empties()
			p.trigger("another") // in the place of the dead one
			rec := p.reaches("abc123", failed)
			if rec.GetReason() != c.err.Error() {
				t.Errorf("record: got %v", rec)
			}
			if owned := rec.GetDeadline().AsTime().Sub(rec.GetUpdatedAt().AsTime()); owned != time.Minute {
				t.Errorf("a failed record is owned for %v, want a minute", owned)
			}
			if breadcrumb := p.complains("abc123", "dead"); breadcrumb.GetDetail() != c.err.Error() {
				t.Errorf("breadcrumb: got %v", breadcrumb)
			}
			eventually.NoError(t, func() error {
				if n := w.Status().Dead; n != 1 {
					return fmt.Errorf("dead jobs: got %d, want 1", n)
				}
				return nil
			})
		})
	}
}

func TestPoisonBecomesADeadLetter(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC().Format(time.RFC3339Nano)
	job := func(id, store, shopper, at string) string {
		return fmt.Sprintf(`{"jobId":%q,"storeSlug":%q,"shopperId":%q,"requestedAt":%q}`, id, store, shopper, at)
	}
	long := strings.Repeat("x", 65)
	for name, payload := range map[string]string{
		"nothing":             "",
		"not JSON":            "wand",
		"an array":            "[]",
		"an empty object":     "{}",
		"not UTF-8":           "\xff\xfe{}",
		"not UTF-8 within":    job("job", "magic-wands", "\xff", now) + "\xff",
		"control characters":  strings.Repeat("\x01", 60<<10),
		"shopper ..":          job("job", "magic-wands", "..", now),
		"shopper *":           job("job", "magic-wands", "*", now),
		"shopper >":           job("job", "magic-wands", ">", now),
		"shopper with a dot":  job("job", "magic-wands", "a.b", now),
		"shopper too long":    job("job", "magic-wands", long, now),
		"shopper empty":       job("job", "magic-wands", "", now),
		"store ..":            job("job", "..", "abc123", now),
		"store >":             job("job", ">", "abc123", now),
		"job id empty":        job("", "magic-wands", "abc123", now),
		"job id with a break": job("job\r\nNats-Msg-Id: x", "magic-wands", "abc123", now),
		"job id too long":     job(long, "magic-wands", "abc123", now),
		"no time":             `{"jobId":"job","storeSlug":"magic-wands","shopperId":"abc123"}`,
		"a time that is none": job("job", "magic-wands", "abc123", "tomorrow"),
	} {
		t.Run(name, func(t *testing.T) {
			p := newPool(t, one())
			p.tune(never, 4)
			if _, err := p.js.PublishMsg(t.Context(), &nats.Msg{
				// Hostile too: what it is copied into must be UTF-8.
				Header:  nats.Header{"traceparent": {"\xff"}},
				Subject: wandnats.GenerateSubject(member), Data: []byte(payload),
			}); err != nil {
				t.Fatal(err)
			}
			w := p.work()
			l := p.dies()
			got := l.GetPayload()
			if raw := l.GetRawPayload(); raw != nil {
				got += string(raw)
			}
			if got != payload {
				t.Errorf("payload: got %q", got)
			}
			if strings.HasPrefix(name, "not UTF-8") != (l.GetRawPayload() != nil) && name != "control characters" {
				t.Errorf("payload as text %q, as bytes %q", l.GetPayload(), l.GetRawPayload())
			}
			if l.GetAttempts() != 1 || l.GetReason() == "" {
				t.Errorf("letter: got %v", l.DeadLetter)
			}
			p.empties()
			w.idle()
			if keys, err := p.jobs.Keys(t.Context()); !errors.Is(err, jetstream.ErrNoKeysFound) {
				t.Errorf("keys in the jobs' bucket: got %v, %v, want none", keys, err)
			}
		})
	}
}

// An ack that did not arrive makes a redelivery of a job that is done.
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

// A job that makes the handler panic dies; the process and the next job live.
func TestPanicKillsOnlyItsJob(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	p.trigger("abc123")
	p.workWith(func(_ context.Context, job *jobqueue.Job) (jobqueue.Result, error) {
		if job.Key.Shopper() == "abc123" {
			panic("no wand of that name")
		}
		return result, nil
	})
	if l := p.dies(); !strings.Contains(l.GetReason(), "panicked") || strings.Contains(l.GetReason(), "no wand") || l.GetAttempts() != 1 {
		t.Errorf("letter: got %v", l.DeadLetter)
	}
	p.reaches("abc123", failed)
	p.trigger("abc124")
	p.reaches("abc124", ready)
	p.empties()
}
