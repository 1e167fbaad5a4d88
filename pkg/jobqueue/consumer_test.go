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
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/faulttest"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// never is an ack wait that no test waits for.
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
	if c := p.complains("abc123", "handed back"); c.GetDetail() != "the model hiccups" || c.GetAttempt() != 1 {
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
				l.header.Get("traceparent") != traceparent || time.Since(l.GetDiedAt().AsTime()) > time.Minute {
				t.Errorf("letter: got %v, %v", l.DeadLetter, l.header)
			}
			p.empties()
			p.trigger("another") // in the place of the dead one
			rec := p.reaches("abc123", failed)
			if rec.GetReason() != c.err.Error() {
				t.Errorf("record: got %v", rec)
			}
			if left := time.Until(rec.GetDeadline().AsTime()); left > time.Minute || left < 30*time.Second {
				t.Errorf("a failed record is owned for %v, want about a minute", left)
			}
			if breadcrumb := p.complains("abc123", "dead"); breadcrumb.GetDetail() != c.err.Error() {
				t.Errorf("breadcrumb: got %v", breadcrumb)
			}
			if n := w.Status().Dead; n != 1 {
				t.Errorf("dead jobs: got %d, want 1", n)
			}
		})
	}
}

func TestPoisonIsBuried(t *testing.T) {
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

func TestHeartbeatsKeepALongJob(t *testing.T) {
	t.Parallel()
	const ackWait = time.Second
	p := newPool(t, one())
	p.tune(ackWait, 4)
	p.trigger("abc123")
	w := p.work()
	c := w.next()
	begun := time.Now()
	p.another().work(named("bystander"))
	eventually.NoError(t, func() error {
		if took := time.Since(begun); took < 3*ackWait {
			return fmt.Errorf("only %v of the job have passed", took)
		}
		return nil
	})
	if rec := p.record("abc123"); rec.GetState() != running || !rec.GetDeadline().AsTime().After(time.Now()) || rec.GetWorker() != "worker" {
		t.Errorf("record: got %v, want its deadline moved on", rec)
	}
	if c.ctx.Err() != nil {
		t.Errorf("the job's context: %v", context.Cause(c.ctx))
	}
	c.answer <- nil
	p.reaches("abc123", ready)
	p.empties()
	if info := p.consumer(); info.Delivered.Consumer != 1 {
		t.Errorf("deliveries: got %d, want exactly one", info.Delivered.Consumer)
	}
}

func TestJobTimeoutEndsAHungHandler(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	p.tune(never, 4)
	p.trigger("abc123")
	w := p.work(func(c *jobqueue.ConsumerConfig) { c.JobTimeout = 100 * time.Millisecond })
	eventually.Receive(t, w.next().ctx.Done(), "end of the job's context")
	if c := p.complains("abc123", "handed back"); !strings.HasPrefix(c.GetDetail(), "not done within 100ms") {
		t.Errorf("breadcrumb: got %v", c)
	}
	w.next().answer <- nil
	p.reaches("abc123", ready)
}

func TestJobOfAKilledWorker(t *testing.T) {
	t.Parallel()
	const ackWait = time.Second
	p := newPool(t, one())
	p.tune(ackWait, 4)
	// It is far away: its record is written well after the delivery, and must not
	// outlive the ack wait for that.
	proxy := faulttest.NewProxy(t, p.account.Addr())
	doomed := p.by(p.account.URLVia(proxy.Addr()))
	w := doomed.work(named("doomed"))
	eventually.NoError(t, func() error {
		if info := p.consumer(); info.NumWaiting != 1 {
			return fmt.Errorf("%d pulls wait", info.NumWaiting)
		}
		return nil
	})
	proxy.Latency(100 * time.Millisecond)
	p.trigger("abc123")
	c := w.next()
	other := p.work(named("other"))
	killed := time.Now()
	doomed.nc.Close()

	again := other.next()
	if took := time.Since(killed); took > 10*ackWait {
		t.Errorf("taken over after %v, want about the ack wait of %v", took, ackWait)
	}
	if again.job.Attempt != 2 || again.job.GetJobId() != c.job.GetJobId() {
		t.Errorf("got %v, attempt %d, want the same job's second", again.job.GenerationJob, again.job.Attempt)
	}
	if rec := p.record("abc123"); rec.GetWorker() != "other" || rec.GetAttempt() != 2 {
		t.Errorf("record: got %v", rec)
	}
	again.answer <- nil
	p.reaches("abc123", ready)
	p.empties()
}

// A worker that was cut off comes back and finds its job with another.
func TestJobLostToAnother(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"before it failed":       errors.New("the model hiccups"),
		"before it was given up": jobqueue.ErrTerminal,
		"before it was done":     nil,
	} {
		t.Run(name, func(t *testing.T) {
			p := newPool(t, one())
			p.tune(time.Second, 4)
			mine := p.trigger("abc123")
			calls := make(chan context.Context, 10)
			w := p.workWith(func(ctx context.Context, _ *jobqueue.Job) (jobqueue.Result, error) {
				calls <- ctx
				<-ctx.Done()
				return result, err
			})
			ctx := eventually.Receive(t, calls, "a call of the handler")
			p.writeRecord("abc123", mine.GetJobId(), running, mine.GetRequestedAt().AsTime(), time.Now().Add(time.Hour))
			eventually.Receive(t, ctx.Done(), "end of the lost job's context")
			p.complains("abc123", "lost")
			eventually.NoError(t, func() error {
				if s := w.Status(); s.Running != 0 {
					return fmt.Errorf("status: %+v", s)
				}
				return nil
			})
			if s := w.Status(); s.Done != 0 || s.Dead != 0 {
				t.Errorf("status: got %+v, want nothing ended here", s)
			}
			if p.waiting() != 1 || len(p.letters()) != 0 {
				t.Errorf("%d messages, %d letters, want the message left to the other worker", p.waiting(), len(p.letters()))
			}
			if rec := p.record("abc123"); rec.GetState() != running || rec.GetWorker() != "somebody" {
				t.Errorf("record: got %v, want the other worker's", rec)
			}
			// The redelivery finds the other worker alive, and its record is left alone.
			eventually.NoError(t, func() error {
				if n := p.consumer().Delivered.Consumer; n < 2 {
					return fmt.Errorf("%d deliveries", n)
				}
				return nil
			})
			if len(calls) != 0 {
				t.Error("the handler was called for a job that another worker holds")
			}
		})
	}
}

// A lost record that is noticed only when the page is stored.
func TestJobLostAtTheEnd(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	p.tune(never, 4)
	mine := p.trigger("abc123")
	w := p.work()
	c := w.next()
	p.writeRecord("abc123", mine.GetJobId(), running, mine.GetRequestedAt().AsTime(), time.Now().Add(time.Hour))
	c.answer <- nil
	p.complains("abc123", "lost")
	if rec := p.record("abc123"); rec.GetState() != running || p.waiting() != 1 {
		t.Errorf("record %v and %d messages, want both left to the other worker", rec, p.waiting())
	}
}

// The answer to a heartbeat's write gets lost in an outage: the worker holds a
// record at a revision that it does not know.
func TestOwnWriteIsNotALoss(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	p.tune(never, 4)
	p.trigger("abc123")
	w := p.work()
	c := w.next()
	p.write(wandnats.JobKey("magic-wands", "abc123"), p.record("abc123"))
	c.answer <- nil
	p.reaches("abc123", ready)
	p.empties()
	w.idle()
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
		if info := p.consumer(); info.NumAckPending > most || int(info.NumPending) != left-len(under) {
			t.Errorf("%d jobs left: %d under way and %d held back", left, info.NumAckPending, info.NumPending)
		}
		under[0].answer <- nil
		under = under[1:]
	}
	p.empties()
}

func TestStopLetsARunningJobFinish(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	p.tune(time.Second, 4)
	p.trigger("abc123")
	p.trigger("abc124")
	w := p.work(func(c *jobqueue.ConsumerConfig) { c.Grace = time.Minute })
	c := w.next()
	w.stop()
	// It is kept alive after that.
	before := p.record("abc123").GetDeadline().AsTime()
	eventually.NoError(t, func() error {
		if rec := p.record("abc123"); !rec.GetDeadline().AsTime().After(before) {
			return fmt.Errorf("no heartbeat: %v", rec)
		}
		return nil
	})
	if c.ctx.Err() != nil {
		t.Errorf("the running job's context ended with the stop: %v", context.Cause(c.ctx))
	}
	c.answer <- nil
	w.ends()
	if rec := p.record("abc123"); rec.GetState() != ready {
		t.Errorf("record: got %v, want the job done", rec)
	}
	// The next job was not begun, and is not held up.
	w.idle()
	if p.waiting() != 1 {
		t.Errorf("%d messages, want one", p.waiting())
	}
	if again := p.another().work().next(); again.job.GetShopperId() != "abc124" {
		t.Errorf("got %v", again.job)
	} else {
		again.answer <- nil
	}
	p.empties()
}

func TestStopHandsBackPastTheGrace(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	p.tune(never, 4)
	p.trigger("abc123")
	leaving := p.another().work(named("leaving"), func(c *jobqueue.ConsumerConfig) { c.Grace = 50 * time.Millisecond })
	leaving.next()
	other := p.work(named("other"))
	leaving.stop()
	leaving.ends()
	// At once: the ack wait is longer than this test may take.
	c := other.next()
	if c.job.Attempt != 2 {
		t.Errorf("attempt: got %d, want 2", c.job.Attempt)
	}
	if rec := p.record("abc123"); rec.GetState() != running || rec.GetWorker() != "other" {
		t.Errorf("record: got %v", rec)
	}
	if breadcrumb := p.complains("abc123", "handed back"); !strings.Contains(breadcrumb.GetDetail(), "shutting down") {
		t.Errorf("breadcrumb: got %v", breadcrumb)
	}
	c.answer <- nil
	p.reaches("abc123", ready)
	p.empties()
}

func TestStopOfAnIdleWorker(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	w := p.work(func(c *jobqueue.ConsumerConfig) { c.Grace = never })
	eventually.NoError(t, func() error {
		if info := p.consumer(); info.NumWaiting != 1 {
			return fmt.Errorf("%d pulls wait", info.NumWaiting)
		}
		return nil
	})
	begun := time.Now()
	w.stop()
	w.ends()
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("an idle worker took %v to stop", took)
	}
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
	away := p.failingFast()
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

// failingFast is another process, whose publishes fail while it has no server.
func (p *pool) failingFast() *pool {
	p.t.Helper()
	nc, err := nats.Connect(p.account.URL(), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond), nats.ReconnectBufSize(-1))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		p.t.Fatal(err)
	}
	jobs, err := js.KeyValue(p.t.Context(), wandnats.BucketJobs)
	if err != nil {
		p.t.Fatal(err)
	}
	trail := jobqueue.NewTrail(js, "test")
	return &pool{p.t, p.account, p.server, nc, js, jobs, trail, jobqueue.NewQueue(js, jobs, p.settings.PoolSize, trail), p.settings}
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

// What is handed back has to have another delivery to go to.
func TestStopOnTheLastDeliveryIsADeadLetter(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	p.tune(never, 1)
	p.trigger("abc123")
	w := p.work(func(c *jobqueue.ConsumerConfig) { c.Grace = 50 * time.Millisecond })
	w.next()
	w.stop()
	w.ends()
	if l := p.dies(); !strings.Contains(l.GetReason(), "shutting down") {
		t.Errorf("letter: got %v", l.DeadLetter)
	}
	p.empties()
}
