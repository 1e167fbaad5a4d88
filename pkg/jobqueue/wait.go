package jobqueue

import (
	"context"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// timeout calls a function once so much time has passed, without the time in which it was
// paused.
type timeout struct {
	timer *time.Timer
	left  time.Duration
	since time.Time
}

func newTimeout(d time.Duration, expired func()) *timeout {
	return &timeout{timer: time.AfterFunc(d, expired), left: d, since: time.Now()}
}

func (t *timeout) pause() {
	if t.timer.Stop() {
		t.left -= time.Since(t.since)
	}
}

func (t *timeout) resume() {
	t.since = time.Now()
	t.timer.Reset(max(t.left, 0))
}

// wait has the job wait until the returned function is called: for the model's account or,
// if w is nil, for a store.
func (c *Consumer) wait(d *delivery, t *timeout, cancel context.CancelCauseFunc, w *wandstorev1.AccountWait) (done func()) {
	t.pause()
	// A waiting job would still wait at the end of the grace period.
	release := context.AfterFunc(d.stop, func() { cancel(errWaiting) })
	waiting := &c.unstored
	if w != nil {
		w.Since = timestamppb.New(c.records.now())
		d.tell(w)
		waiting = &c.waiting
	}
	waiting.Add(1)
	return sync.OnceFunc(func() {
		waiting.Add(-1)
		if w != nil {
			d.tell(nil)
		}
		release()
		t.resume()
	})
}

// tell has the next heartbeat, which comes at once, write that the job waits, or that it does
// not.
func (d *delivery) tell(w *wandstorev1.AccountWait) {
	d.waits.Store(w)
	d.beatNow()
}
