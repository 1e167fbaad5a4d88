package jobqueue_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

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
	if c.job.Attempt != 1 {
		t.Errorf("attempt: got %d, want 1: no delivery is used up", c.job.Attempt)
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
	p.pulled()
	begun := time.Now()
	w.stop()
	w.ends()
	if took := time.Since(begun); took > 20*time.Second { // a pull lasts 30 s
		t.Errorf("an idle worker took %v to stop", took)
	}
}

// The end of a worker is no failure of its job, even on the job's last delivery.
func TestStopOnTheLastDelivery(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	p.tune(never, 1)
	p.trigger("abc123")
	w := p.work(func(c *jobqueue.ConsumerConfig) { c.Grace = 50 * time.Millisecond })
	w.next()
	w.stop()
	w.ends()
	c := p.another().work().next()
	if c.job.Attempt != 1 {
		t.Errorf("attempt: got %d, want 1", c.job.Attempt)
	}
	c.answer <- nil
	p.reaches("abc123", ready)
	p.empties()
}

// The server has chosen a job for a worker, and sends it when it has stored what came with it.
// Meanwhile the worker is stopped.
func TestStopWhileAJobIsOnItsWay(t *testing.T) {
	t.Parallel()
	p := newDurablePool(t, settings())
	stopped := make(chan struct{})
	// If it gets there all the same, it is done.
	w := p.workWith(func(context.Context, *jobqueue.Job) (jobqueue.Result, error) {
		<-stopped
		return result, nil
	}, func(c *jobqueue.ConsumerConfig) { c.Grace = never })
	p.pulled()
	job, err := wire.Marshal(&wandstorev1.GenerationJob{JobId: "job", StoreSlug: "magic-wands", ShopperId: "abc123", RequestedAt: timestamppb.Now()})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		to := member
		if i > 0 {
			to = p.settings.Members()[1]
		}
		if err := p.nc.Publish(wandnats.GenerateSubject(to), job); err != nil {
			t.Fatal(err)
		}
	}
	eventually.True(t, "the job is sent", func() bool { return p.consumer().NumAckPending == 1 })
	w.stop()
	close(stopped)
	w.ends()
	if n := p.consumer().NumAckPending; n != 0 {
		t.Error("nobody has the job, and it counts as delivered")
	}
	eventually.True(t, "all jobs wait, or are done", func() bool { return p.waiting()+uint64(w.Status().Done) == 50 })
}
