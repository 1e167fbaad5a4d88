package jobqueue

import (
	"context"
	"errors"
	"time"

	wandnats "github.com/wandstore/wandstore/nats"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// inProgress restarts the message's ack wait. It is called after each write of the
// record's deadline, so that a redelivery always comes after that deadline.
func (c *Consumer) inProgress(ctx context.Context, d *delivery) {
	if err := d.msg.InProgress(); err != nil {
		c.log.WarnContext(ctx, "heartbeat not sent", "job", d.job.GetJobId(), "error", err)
	}
}

// hold writes the record that change returns, also where the record was lost. It returns
// errLost if the record belongs to another worker, and ErrCancelled if the job was cancelled.
func (c *Consumer) hold(ctx context.Context, d *delivery, change func(held) *wandstorev1.JobRecord) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	rec := change(d.held)
	h, err := c.records.put(ctx, d.job.Key, d.held, rec)
	if wandnats.IsConflict(err) {
		// A write whose answer was lost in an outage may have succeeded. Then the record is
		// still this delivery's, at a revision that it does not know.
		found, getErr := c.records.get(ctx, d.job.Key)
		switch {
		case errors.Is(getErr, ErrNoRecord):
			// The bucket was lost. Nobody else has the job, or there would be a record.
			found = held{}
		case getErr == nil && found.cancels(d.job):
			return ErrCancelled
		case getErr != nil || found.GetState() != wandstorev1.JobState_JOB_STATE_RUNNING ||
			found.GetJobId() != d.held.GetJobId() || found.GetWorker() != d.held.GetWorker() || found.GetAttempt() != d.held.GetAttempt():
			return errLost
		}
		h, err = c.records.put(ctx, d.job.Key, found, rec)
	}
	if wandnats.IsConflict(err) {
		return errLost
	}
	if err == nil {
		d.held = h
	}
	return err
}

// Recover has the consumer begin anew once what NATS had lost is there again. It beats, and
// pulls anew: a pull that went to a consumer that is gone gets no answer.
func (c *Consumer) Recover() {
	if stop := c.stopPull.Load(); stop != nil {
		(*stop)()
	}
	c.Beat()
}

// Beat sends a heartbeat of each running job at once, and again every second until its record
// is written: whoever finds no record makes the job again.
func (c *Consumer) Beat() {
	c.deliveries.Range(func(d, _ any) bool {
		if d, ok := d.(*delivery); ok {
			d.beatNow()
		}
		return true
	})
}

// beatNow has keepAlive send a heartbeat at once.
func (d *delivery) beatNow() {
	select {
	case d.changed <- struct{}{}:
	default:
	}
}

// beatAgain is the pause after a heartbeat that failed: a cluster that elects a leader takes
// some seconds of those that the others allow.
const beatAgain = time.Second

// keepAlive sends heartbeats until ctx ends or the job is lost.
func (c *Consumer) keepAlive(ctx context.Context, d *delivery, ackWait time.Duration, lost context.CancelCauseFunc) {
	c.deliveries.Store(d, nil)
	defer c.deliveries.Delete(d)
	tick := time.NewTicker(ackWait / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-d.changed:
		}
		// A write that has started is finished even if the job ends meanwhile.
		err := settle(ctx, func(ctx context.Context) error {
			return c.beat(ctx, d, ackWait)
		})
		switch {
		case errors.Is(err, errLost):
			lost(err)
			return
		case err != nil:
			// NATS is unavailable. One of the next heartbeats succeeds, or the job is redelivered.
			tick.Reset(min(beatAgain, ackWait/3))
		default:
			tick.Reset(ackWait / 3)
		}
	}
}

// beat sends one heartbeat: it extends the record's deadline and the ack wait together.
func (c *Consumer) beat(ctx context.Context, d *delivery, ackWait time.Duration) error {
	err := c.hold(ctx, d, func(h held) *wandstorev1.JobRecord {
		rec := h.in(wandstorev1.JobState_JOB_STATE_RUNNING, c.records.now(), ackWait)
		rec.AccountWait = d.waits.Load()
		return rec
	})
	if err == nil {
		c.inProgress(ctx, d)
	}
	return err
}
