package jobqueue_test

import (
	"errors"
	"testing"
	"time"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/jobqueue"
)

// loses has NATS lose a stream, which is made anew.
func (p *pool) loses(stream string) {
	p.t.Helper()
	if err := p.js.DeleteStream(p.t.Context(), stream); err != nil {
		p.t.Fatal(err)
	}
	if err := wandnats.Ensure(p.t.Context(), p.js, p.settings); err != nil {
		p.t.Fatal(err)
	}
}

// The claims of jobs that were lost with their stream are given up, others are not.
func TestReleaseLost(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	p.tune(never, 4)
	p.trigger("abc123")
	w := p.work()
	c := w.next()
	p.trigger("abc124")
	p.loses(wandnats.StreamGeneration)
	p.trigger("abc125")
	for _, want := range []int{1, 0} {
		if n, err := jobqueue.ReleaseLost(t.Context(), p.js, p.jobs); err != nil || n != want {
			t.Errorf("released %d, %v; want %d", n, err, want)
		}
	}
	if _, err := p.queue.Record(t.Context(), key(t, "abc124")); !errors.Is(err, jobqueue.ErrNoRecord) {
		t.Errorf("the lost job: %v, want no record", err)
	}
	if rec := p.record("abc123"); rec.GetState() != running {
		t.Errorf("the job that runs: %v", rec)
	}
	if rec := p.record("abc125"); rec.GetState() == publishing {
		t.Errorf("the new job: %v", rec)
	}
	// Its page is stored, though its message is gone.
	c.answer <- nil
	p.reaches("abc123", ready)
}

// A running job whose record was lost writes it anew, and does so at once if it is told.
func TestRecordOfARunningJobIsLost(t *testing.T) {
	t.Parallel()
	for name, beat := range map[string]bool{"told to": true, "at its end": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPool(t, one())
			p.tune(time.Hour, 4)
			p.trigger("abc123")
			w := p.work()
			c := w.next()
			p.loses("KV_" + wandnats.BucketJobs)
			if beat {
				w.Recover()
				p.reaches("abc123", running)
			}
			c.answer <- nil
			if rec := p.reaches("abc123", ready); rec.GetJobId() != c.job.GetJobId() {
				t.Errorf("record: got %v", rec)
			}
			p.empties()
		})
	}
}

// A page that is being made is not made again, though an edge that knew nothing of it has
// asked for it: the worker takes the record back.
func TestARunningJobTakesItsRecordBack(t *testing.T) {
	t.Parallel()
	settings := one()
	settings.Concurrency = 2
	p := newPool(t, settings)
	p.tune(time.Hour, 4)
	p.trigger("abc123")
	w := p.work(func(c *jobqueue.ConsumerConfig) { c.Concurrency = 2 })
	c := w.next()
	p.loses("KV_" + wandnats.BucketJobs)
	if _, err := p.js.PauseConsumer(t.Context(), wandnats.StreamGeneration, member, time.Now().Add(never)); err != nil {
		t.Fatal(err)
	}
	p.another().trigger("abc123")
	w.Beat()
	p.reaches("abc123", running)
	if _, err := p.js.ResumeConsumer(t.Context(), wandnats.StreamGeneration, member); err != nil {
		t.Fatal(err)
	}
	eventually.True(t, "the second job is superseded", func() bool { return p.waiting() == 1 })
	w.idle()
	c.answer <- nil
	if rec := p.reaches("abc123", ready); rec.GetJobId() != c.job.GetJobId() {
		t.Errorf("record: got %v, want the first job's", rec)
	}
	p.empties()
}

// A job that fails although its message was lost is tried again: a record that said it was queued
// would have its shopper wait for hours.
func TestAFailedJobWhoseMessageIsLostIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, jobs := range map[string]int{"alone": 1, "another message has its sequence": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPool(t, one())
			p.tune(never, 4)
			p.trigger("abc123")
			w := p.work()
			c := w.next()
			p.loses(wandnats.StreamGeneration)
			p.tune(never, 4)
			if jobs > 1 {
				p.trigger("abc124")
			}
			w.Recover()
			c.answer <- errors.New("the model hiccups")
			p.complains("abc123", "handed back")
			for range jobs {
				next := w.next()
				if next.job.Key.Shopper() == "abc123" && next.job.GetJobId() != c.job.GetJobId() {
					t.Errorf("got %v, want the same job", next.job.GenerationJob)
				}
				next.answer <- nil
			}
			p.reaches("abc123", ready)
			p.empties()
		})
	}
}

// Nothing is asked for by what is known of a bucket that was made anew: its workers have yet
// to write what they make.
func TestNoJobOfABucketThatBeganAnew(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	for _, shopper := range []string{"abc123", "abc124", "abc125"} {
		p.trigger(shopper)
	}
	newest, err := p.jobs.Get(t.Context(), wandnats.JobKey("magic-wands", "abc125"))
	if err != nil {
		t.Fatal(err)
	}
	watcher := p.another().queue
	watcher.Saw(newest.Revision())
	p.loses("KV_" + wandnats.BucketJobs)
	for who, queue := range map[string]*jobqueue.Queue{"who wrote records": p.queue, "who saw them": watcher} {
		if _, err := queue.Trigger(t.Context(), jobqueue.Request{Key: key(t, "abc123"), Origin: "visit"}); !errors.Is(err, wandnats.ErrLost) {
			t.Errorf("%s: %v, want ErrLost", who, err)
		}
		if _, err := queue.Record(t.Context(), key(t, "abc123")); !errors.Is(err, jobqueue.ErrNoRecord) {
			t.Errorf("the claim of %s: %v, want no record", who, err)
		}
	}
	if n := p.waiting(); n != 3 {
		t.Errorf("%d jobs wait, want the three that did", n)
	}
}
