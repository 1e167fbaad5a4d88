package jobqueue_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/jobqueue"
)

// No page is made for whom nobody has asked for so long; the next visit asks anew.
func TestUnwantedJobIsNotPaidFor(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	first := p.trigger("abc123")
	w := p.workWith(func(context.Context, *jobqueue.Job) (jobqueue.Result, error) {
		t.Error("its page was made")
		return jobqueue.Result{}, nil
	}, func(c *jobqueue.ConsumerConfig) { c.MaxWait = time.Nanosecond })
	p.empties()
	eventually.True(t, "the record is gone", func() bool {
		_, err := p.queue.Record(t.Context(), key(t, "abc123"))
		return errors.Is(err, jobqueue.ErrNoRecord)
	})
	w.stop()
	w.ends()
	if again := p.trigger("abc123"); again.GetJobId() == first.GetJobId() {
		t.Error("a later visit got the job that was dropped")
	}
}

// A job keeps its place for as long as its shopper comes back.
func TestVisitsKeepAJob(t *testing.T) {
	t.Parallel()
	settings := one()
	settings.JobMaxWait = 4 * time.Hour
	p := newPool(t, settings)
	first := p.trigger("abc123")
	for _, tt := range []struct {
		ago  time.Duration
		kept bool
	}{{30 * time.Minute, false}, {3 * time.Hour, true}} {
		rec := p.record("abc123")
		rec.UpdatedAt = timestamppb.New(time.Now().Add(-tt.ago))
		rec.Deadline = timestamppb.New(rec.GetUpdatedAt().AsTime().Add(settings.JobMaxWait))
		p.write(wandnats.JobKey("magic-wands", "abc123"), rec)
		ticket, err := p.queue.Trigger(t.Context(), jobqueue.Request{Key: key(t, "abc123"), Origin: "visit"})
		if err != nil || ticket.Triggered || ticket.Record.GetJobId() != first.GetJobId() {
			t.Fatalf("a visit after %s made another job: %+v, %v", tt.ago, ticket, err)
		}
		left := time.Until(p.record("abc123").GetDeadline().AsTime())
		if kept := left > settings.JobMaxWait-time.Minute; kept != tt.kept {
			t.Errorf("after a visit %s later the job is kept for %s", tt.ago, left)
		}
	}
	if n := p.waiting(); n != 1 {
		t.Errorf("%d messages wait", n)
	}
}
