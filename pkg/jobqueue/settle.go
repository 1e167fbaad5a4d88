package jobqueue

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/types/known/timestamppb"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/telemetry"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

func (c *Consumer) ready(ctx context.Context, d *delivery, r Result) (string, error) {
	// It comes before the record: what follows the record could be written after the
	// shopper's breadcrumbs were removed.
	c.trail.Debug(ctx, d.job.Key, c.breadcrumb(d, "ready", r.Source))
	err := settle(ctx, func(ctx context.Context) error {
		err := c.hold(ctx, d, func(h held) *wandstorev1.JobRecord {
			rec := h.in(wandstorev1.JobState_JOB_STATE_READY, c.records.now(), readyFor)
			rec.Persona, rec.Source, rec.Reason = r.Persona, r.Source, truncate(r.Reason)
			rec.GeneratedAt = timestamppb.New(r.GeneratedAt)
			return rec
		})
		if err != nil {
			return err
		}
		return d.msg.DoubleAck(ctx)
	})
	if errors.Is(err, ErrCancelled) {
		return c.cancelled(ctx, d)
	}
	if errors.Is(err, errLost) {
		return c.lost(ctx, d, err)
	}
	if err != nil {
		// The page is stored. The redelivery finds it and settles the message.
		c.log.WarnContext(ctx, "job done but not settled", "job", d.job.GetJobId(), "error", err)
		return outcomeRetry, telemetry.Typed("queue", err)
	}
	c.done.Add(1)
	return outcomeReady, nil
}

// cancelled settles the message of a cancelled job. It removes the breadcrumbs, because a
// job is cancelled when its shopper's data is erased, and some were written meanwhile.
func (c *Consumer) cancelled(ctx context.Context, d *delivery) (string, error) {
	return outcomeCancelled, settle(ctx, func(ctx context.Context) error {
		return errors.Join(d.msg.DoubleAck(ctx), RemoveTrail(ctx, c.records.kv, d.job.Key))
	})
}

// expired settles the message of a job that nobody has asked for for so long, without a page:
// it would be paid for, and nobody waits for it. The next visit finds no record and asks anew.
func (c *Consumer) expired(ctx context.Context, d *delivery, found held) (string, error) {
	c.log.InfoContext(ctx, "job dropped: nobody has asked for its page again", "job", d.job.GetJobId(), "waited", d.waited.String())
	c.trail.Debug(ctx, d.job.Key, c.breadcrumb(d, "expired", "not asked for within "+c.cfg.MaxWait.String()))
	return outcomeExpired, settle(ctx, func(ctx context.Context) error {
		if found.GetJobId() == d.job.GetJobId() {
			if err := c.records.drop(ctx, d.job.Key, found); err != nil {
				// A visit in this moment wants the page.
				return errors.Join(err, d.msg.Nak())
			}
		}
		return d.msg.DoubleAck(ctx)
	})
}

// lost ends a delivery whose record belongs to another worker. It does not settle the
// message. The other worker settles it, or the redelivery finds that a newer job has the
// record.
func (c *Consumer) lost(ctx context.Context, d *delivery, why error) (string, error) {
	c.trail.Error(ctx, d.job.Key, c.breadcrumb(d, "lost", why.Error()))
	return outcomeLost, why
}

// handBack returns the message and the record to the queue, for another delivery after
// delay. A message that was lost with its stream is published anew, since nobody would deliver it.
// The error it returns wraps why.
func (c *Consumer) handBack(ctx context.Context, d *delivery, delay time.Duration, why error) error {
	c.log.WarnContext(ctx, "job handed back", "job", d.job.GetJobId(), "attempt", d.attempt, "delay", delay, "error", why)
	err := settle(ctx, func(ctx context.Context) error {
		seq, anew, err := c.afterLoss(ctx, d)
		if err != nil {
			return err
		}
		if d.held.revision != 0 {
			err := c.holdQueued(ctx, d, seq)
			if errors.Is(err, errLost) {
				return err
			}
			if err != nil {
				c.log.WarnContext(ctx, "record not handed back", "job", d.job.GetJobId(), "error", err)
			}
		}
		if anew {
			return nil
		}
		return d.msg.NakWithDelay(delay)
	})
	c.trail.Error(ctx, d.job.Key, c.breadcrumb(d, "handed back", why.Error()))
	return errors.Join(why, err)
}

// holdQueued writes that the job waits as the message of that sequence. Errors are those of hold.
func (c *Consumer) holdQueued(ctx context.Context, d *delivery, seq uint64) error {
	return c.hold(ctx, d, func(h held) *wandstorev1.JobRecord {
		rec := h.in(wandstorev1.JobState_JOB_STATE_QUEUED, c.records.now(), c.cfg.MaxWait)
		rec.StreamSeq = seq
		return rec
	})
}

// afterLoss publishes a delivery's message anew if NATS has lost it, and tells so. It returns the
// sequence that the message has then.
func (c *Consumer) afterLoss(ctx context.Context, d *delivery) (seq uint64, anew bool, err error) {
	if !c.isGone(ctx, d) {
		return d.seq, false, nil
	}
	if d.held.revision != 0 {
		// Whoever has taken the job over may have settled the message.
		if _, err := c.stillHeld(ctx, d); err != nil {
			return 0, false, err
		}
	}
	ack, err := c.republish(ctx, d.msg, "lost-"+d.job.GetJobId())
	if err != nil {
		return 0, false, err
	}
	return ack.Sequence, true, nil
}

// isGone reports whether the message is not in its stream: NATS has lost the one that it was in. Where NATS does not tell, it counts as there.
func (c *Consumer) isGone(ctx context.Context, d *delivery) bool {
	stream, err := c.js.Stream(ctx, wandnats.StreamGeneration)
	if err != nil {
		return false
	}
	m, err := stream.GetMsg(ctx, d.seq)
	if err != nil {
		return errors.Is(err, jetstream.ErrMsgNotFound)
	}
	return !bytes.Equal(m.Data, d.msg.Data()) // sequences began anew
}

// requeue publishes the message anew and removes it: its worker ends before its job, which is
// no failure of the job, so the delivery must not count. It is the last in its member's queue
// then. If the member refuses it, it is handed back or given up like any other. A crash
// between the two leaves two messages of one job, of which the record lets one be worked on.
func (c *Consumer) requeue(ctx context.Context, d *delivery, why error) (string, error) {
	err := settle(ctx, func(ctx context.Context) error {
		ack, err := c.republish(ctx, d.msg, again(d.seq))
		if err != nil {
			return err
		}
		if err := c.holdQueued(ctx, d, ack.Sequence); err != nil {
			c.log.WarnContext(ctx, "record not handed back", "job", d.job.GetJobId(), "error", err)
		}
		return d.msg.DoubleAck(ctx)
	})
	switch {
	case full(err) && d.last:
		return c.giveUp(ctx, d, why)
	case full(err):
		return outcomeHandedBack, c.handBack(ctx, d, 0, why)
	}
	c.trail.Error(ctx, d.job.Key, c.breadcrumb(d, "handed back", why.Error()))
	return outcomeHandedBack, errors.Join(why, err)
}

// again is the id of a message that is published anew, made of the old one's sequence.
func again(seq uint64) string { return "again-" + strconv.FormatUint(seq, 10) }

// republish publishes a message anew by an id, so that a second try makes no second message.
func (c *Consumer) republish(ctx context.Context, old jetstream.Msg, id string) (*jetstream.PubAck, error) {
	msg := &nats.Msg{Subject: old.Subject(), Header: nats.Header{}, Data: old.Data()}
	if tp := old.Headers().Get("traceparent"); tp != "" {
		msg.Header.Set("traceparent", tp)
	}
	return c.js.PublishMsg(ctx, msg, jetstream.WithMsgID(id), jetstream.WithExpectStream(wandnats.StreamGeneration))
}

// putBack returns a message to the queue that arrived when its worker was stopped already. If
// the queue is full the delivery counts.
func (c *Consumer) putBack(ctx context.Context, msg jetstream.Msg) {
	err := settle(ctx, func(ctx context.Context) error {
		meta, err := msg.Metadata()
		if err != nil {
			return err
		}
		if _, err := c.republish(ctx, msg, again(meta.Sequence.Stream)); err != nil {
			return err
		}
		return msg.DoubleAck(ctx)
	})
	if err != nil {
		_ = msg.Nak()
	}
}

// giveUp makes a dead letter of the message and removes it.
func (c *Consumer) giveUp(ctx context.Context, d *delivery, why error) (string, error) {
	c.log.ErrorContext(ctx, "job is dead", "seq", d.seq, "attempt", d.attempt, "error", why)
	err := settle(ctx, func(ctx context.Context) error {
		letter := deadLetter{
			member: c.cfg.Member, reason: why.Error(), attempts: d.attempt,
			seq: d.seq, payload: d.msg.Data(), header: d.msg.Headers(),
		}
		if d.job != nil {
			letter.jobID = d.job.GetJobId()
		}
		if err := letter.publish(ctx, c.js, c.records.now()); err != nil {
			// The message stays until its letter is published. When its deliveries are used
			// up, the sweep finds it.
			return errors.Join(err, d.msg.NakWithDelay(backoff(d.attempt)))
		}
		if d.job != nil {
			c.fail(ctx, d, why)
		}
		return d.msg.TermWithReason("dead letter")
	})
	if err != nil {
		return outcomeRetry, errors.Join(why, err)
	}
	c.dead.Add(1)
	c.metrics.deadLettered(ctx, c.cfg.Member, deadFailed)
	return outcomeDead, why
}

// fail writes to the record and the trail that the job has failed.
func (c *Consumer) fail(ctx context.Context, d *delivery, why error) {
	if d.held.revision != 0 {
		err := c.hold(ctx, d, func(h held) *wandstorev1.JobRecord {
			rec := h.in(wandstorev1.JobState_JOB_STATE_FAILED, c.records.now(), failedFor)
			rec.Reason = truncate(why.Error())
			return rec
		})
		if err != nil && !errors.Is(err, errLost) {
			c.log.WarnContext(ctx, "record not failed", "job", d.job.GetJobId(), "error", err)
		}
	}
	c.trail.Error(ctx, d.job.Key, c.breadcrumb(d, "dead", why.Error()))
}

// settleTimeout bounds the settling of a delivery.
const settleTimeout = 5 * time.Second

// settle runs f with a context that outlives ctx, because the outcome of a job must be
// written even when the process is ending.
func settle(ctx context.Context, f func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	return f(ctx)
}

// backoff is the pause before delivery attempt+1: 1, 2, 4, … s, of which half is random.
// A message in its pause counts as pending, so its member takes no other job meanwhile.
// Therefore the pauses are short.
func backoff(attempt int) time.Duration {
	full := time.Second << min(attempt-1, 4)
	return full/2 + rand.N(full/2)
}
