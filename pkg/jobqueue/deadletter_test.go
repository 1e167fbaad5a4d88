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
	"github.com/wandstore/wandstore/pkg/jobqueue"
)

func TestFailedJobBecomesDeadLetter(t *testing.T) {
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
			// protojson would not keep the spaces, so they show that the payload is copied.
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
			l := p.firstLetter()
			if l.GetReason() != c.err.Error() || l.GetAttempts() != uint32(c.attempts) || l.GetPayload() != string(payload) || l.GetRawPayload() != nil ||
				l.GetJobId() != "job" || l.GetPoolMember() != member || l.GetStreamSeq() != ack.Sequence || l.GetTraceparent() != traceparent ||
				l.header.Get("traceparent") != traceparent || time.Since(l.GetDiedAt().AsTime()) > time.Minute {
				t.Errorf("letter: got %v, %v", l.DeadLetter, l.header)
			}
			p.empties()
			p.trigger("another") // the dead letter's place in the queue is free
			rec := p.reaches("abc123", failed)
			if rec.GetReason() != c.err.Error() {
				t.Errorf("record: got %v", rec)
			}
			if left := time.Until(rec.GetDeadline().AsTime()); left > time.Minute || left < 30*time.Second {
				t.Errorf("a failed record is owned for %v, want about a minute", left)
			}
			if breadcrumb := p.awaitError("abc123", "dead"); breadcrumb.GetDetail() != c.err.Error() {
				t.Errorf("breadcrumb: got %v", breadcrumb)
			}
			if n := w.Status().Dead; n != 1 {
				t.Errorf("dead jobs: got %d, want 1", n)
			}
		})
	}
}

func TestPoisonBecomesDeadLetter(t *testing.T) {
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
				// The header is hostile too: the letter's field must be UTF-8.
				Header:  nats.Header{"traceparent": {"\xff"}},
				Subject: wandnats.GenerateSubject(member), Data: []byte(payload),
			}); err != nil {
				t.Fatal(err)
			}
			w := p.work()
			l := p.firstLetter()
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

// A job whose handler panics becomes a dead letter. The process goes on with the next job.
func TestPanicEndsOnlyItsJob(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	p.trigger("abc123")
	p.workWith(func(_ context.Context, job *jobqueue.Job) (jobqueue.Result, error) {
		if job.Key.Shopper() == "abc123" {
			panic("no wand of that name")
		}
		return result, nil
	})
	if l := p.firstLetter(); !strings.Contains(l.GetReason(), "panicked") || strings.Contains(l.GetReason(), "no wand") || l.GetAttempts() != 1 {
		t.Errorf("letter: got %v", l.DeadLetter)
	}
	p.reaches("abc123", failed)
	p.trigger("abc124")
	p.reaches("abc124", ready)
	p.empties()
}

// A job can be handed back only if it has another delivery left.
func TestStopOnTheLastDeliveryIsADeadLetter(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	p.tune(never, 1)
	p.trigger("abc123")
	w := p.work(func(c *jobqueue.ConsumerConfig) { c.Grace = 50 * time.Millisecond })
	w.next()
	w.stop()
	w.ends()
	if l := p.firstLetter(); !strings.Contains(l.GetReason(), "shutting down") {
		t.Errorf("letter: got %v", l.DeadLetter)
	}
	p.empties()
}
