package jobqueue

import (
	"context"
	"errors"
	"time"

	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// inProgress begins the message's ack wait anew. It is called after each write of
// the record's deadline, so that whoever gets a redelivery finds that past.
func (c *Consumer) inProgress(ctx context.Context, d *delivery) {
	if err := d.msg.InProgress(); err != nil {
		c.log.WarnContext(ctx, "heartbeat not sent", "job", d.job.GetJobId(), "error", err)
	}
}

// hold writes the record in another state, by change; errLost if it is not ours any
// more, errCancelled if it is nobody's.
func (c *Consumer) hold(ctx context.Context, d *delivery, change func(held) *wandstorev1.JobRecord) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	rec := change(d.held)
	h, err := c.records.put(ctx, d.job.Key, d.held, rec)
	if conflict(err) {
		// A write whose answer was lost in an outage may have been done: then the record
		// is still this delivery's, at a revision that we do not know.
		found, getErr := c.records.get(ctx, d.job.Key)
		if getErr == nil && found.cancels(d.job) {
			return errCancelled
		}
		if getErr != nil || found.GetState() != wandstorev1.JobState_JOB_STATE_RUNNING ||
			found.GetJobId() != d.held.GetJobId() || found.GetWorker() != d.held.GetWorker() || found.GetAttempt() != d.held.GetAttempt() {
			return errLost
		}
		h, err = c.records.put(ctx, d.job.Key, found, rec)
	}
	if conflict(err) {
		return errLost
	}
	if err == nil {
		d.held = h
	}
	return err
}

// keepAlive extends the record's deadline and the ack wait together.
func (c *Consumer) keepAlive(ctx context.Context, d *delivery, ackWait time.Duration, lost context.CancelCauseFunc) {
	tick := time.NewTicker(ackWait / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		// The end of the job does not cut a write off in the middle.
		err := settle(ctx, func(ctx context.Context) error {
			return c.beat(ctx, d, ackWait)
		})
		switch {
		case errors.Is(err, errLost):
			lost(err)
			return
		case err != nil:
			// NATS is away; if it stays so the job is redelivered, if not the next beat holds it.
			continue
		}
	}
}

// beat is one heartbeat.
func (c *Consumer) beat(ctx context.Context, d *delivery, ackWait time.Duration) error {
	err := c.hold(ctx, d, func(h held) *wandstorev1.JobRecord {
		return h.in(wandstorev1.JobState_JOB_STATE_RUNNING, time.Now(), ackWait)
	})
	if err == nil {
		c.inProgress(ctx, d)
	}
	return err
}
