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

// holdTries bounds hold: whoever is faster than it makes progress, and who could are the edges
// whose shopper it is.
const holdTries = 10

// hold writes the record that change returns, also where the record was lost. It returns
// errLost if the record belongs to another worker, and ErrCancelled if the job was cancelled.
func (c *Consumer) hold(ctx context.Context, d *delivery, change func(held) *wandstorev1.JobRecord) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	rec, over := change(d.held), d.held
	for range holdTries {
		h, err := c.records.put(ctx, d.job.Key, over, rec)
		if err == nil {
			d.held = h
			return nil
		}
		if !wandnats.IsConflict(err) {
			return err
		}
		if over, err = c.stillHeld(ctx, d); err != nil {
			return err
		}
	}
	return errLost
}

// stillHeld returns the record that a delivery's is to be written over, although it is not the
// one that the delivery wrote at last. Errors are those of hold, and the client's.
func (c *Consumer) stillHeld(ctx context.Context, d *delivery) (held, error) {
	found, err := c.records.get(ctx, d.job.Key)
	switch {
	case errors.Is(err, ErrNoRecord):
		// The bucket was lost. Nobody else has the job, or there would be a record.
		return held{}, nil
	case err != nil:
		return held{}, err
	case found.cancels(d.job):
		return held{}, ErrCancelled
	case found.GetState() == wandstorev1.JobState_JOB_STATE_RUNNING &&
		found.GetJobId() == d.held.GetJobId() && found.GetWorker() == d.held.GetWorker() && found.GetAttempt() == d.held.GetAttempt():
		// A write whose answer was lost in an outage has succeeded.
		return found, nil
	case found.revision < d.held.revision && found.waits():
		// The bucket was lost, and an edge has asked for the page by the new one.
		return found, nil
	default:
		return held{}, errLost
	}
}

// Recover has the consumer begin anew once what NATS had lost is there again. It beats, and
// pulls anew: a pull that went to a consumer that is gone gets no answer.
func (c *Consumer) Recover() {
	if stop := c.stopPull.Load(); stop != nil {
		(*stop)(errRecovered)
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
	switch {
	case err == nil:
		c.inProgress(ctx, d)
	case !errors.Is(err, errLost):
		// A worker that lives keeps its message although NATS takes no records. Where it cannot
		// be reached either, the next heartbeat is soon.
		_ = d.msg.InProgress()
	}
	return err
}
