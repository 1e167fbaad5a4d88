package jobqueue

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/trace"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/telemetry"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// delivery is one delivery of one message, from its pull to its settling.
type delivery struct {
	msg     jetstream.Msg
	seq     uint64
	attempt int
	last    bool
	// at is when it was delivered, and waited how long the message was in the queue.
	at     time.Time
	waited time.Duration
	job    *Job
	// stop ends when the worker is to take no more jobs.
	stop context.Context //nolint:containedctx // it lives as long as the delivery
	// waits is set while the job waits for the model's account. changed receives when a
	// heartbeat is due at once.
	waits   atomic.Pointer[wandstorev1.AccountWait]
	changed chan struct{}

	// mu serialises writes of the record.
	mu   sync.Mutex
	held held
}

func (c *Consumer) process(stop, ctx context.Context, msg jetstream.Msg, limits jetstream.ConsumerConfig) {
	c.running.Add(1)
	c.touch()
	defer func() { c.running.Add(-1); c.touch() }()

	meta, err := msg.Metadata()
	if err != nil {
		// It is not a JetStream message, so there is nothing to settle.
		c.log.Error("message without metadata", "error", err)
		return
	}
	now := c.records.now()
	d := &delivery{
		msg: msg, seq: meta.Sequence.Stream, attempt: int(meta.NumDelivered), stop: stop, changed: make(chan struct{}, 1),
		last: limits.MaxDeliver > 0 && int(meta.NumDelivered) >= limits.MaxDeliver,
		at:   now, waited: now.Sub(meta.Timestamp),
	}
	subject := wandnats.GenerateSubject(c.cfg.Member)
	ctx, span := c.tracer.Start(telemetry.Extract(ctx, msg.Headers()), "process "+subject,
		trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(
			semconv.MessagingSystemKey.String("nats"),
			semconv.MessagingOperationTypeProcess,
			semconv.MessagingOperationName("process"),
			semconv.MessagingDestinationName(subject),
			semconv.MessagingConsumerGroupName(c.cfg.Member),
			telemetry.Member.String(c.cfg.Member),
			telemetry.Attempt.Int(d.attempt),
		))
	start := time.Now()
	c.metrics.delivered(ctx, c.cfg.Member, d.attempt > 1)
	outcome, err := c.deliver(ctx, d, limits.AckWait)
	span.SetAttributes(telemetry.Outcome.String(outcome))
	c.metrics.ended(ctx, c.cfg.Member, outcome, d.attempt, time.Since(start))
	if outcome == outcomeRetry || outcome == outcomeDead {
		shop := ""
		if d.job != nil {
			shop = d.job.Key.Shop()
		}
		c.metrics.failed(ctx, shop, outcome, err)
	}
	telemetry.End(span, err)
}

// Outcomes of a delivery.
const (
	outcomeReady      = "ready"
	outcomeSuperseded = "superseded"
	outcomeBusy       = "busy"
	outcomeRetry      = "retry"
	outcomeHandedBack = "handed_back"
	outcomeLost       = "lost"
	outcomeCancelled  = "cancelled"
	outcomeExpired    = "expired"
	outcomeDead       = "dead"
)

// deliver runs the job of a message and settles it, by the table of the package's
// documentation. It returns the outcome.
func (c *Consumer) deliver(ctx context.Context, d *delivery, ackWait time.Duration) (string, error) {
	job, err := parse(d.msg.Data())
	if err != nil {
		return c.giveUp(ctx, d, telemetry.Typed("unreadable", fmt.Errorf("%w: %w", ErrTerminal, err)))
	}
	job.Member, job.Attempt = c.cfg.Member, d.attempt
	d.job = job
	trace.SpanFromContext(ctx).SetAttributes(
		semconv.MessagingMessageID(job.GetJobId()), telemetry.JobID.String(job.GetJobId()), telemetry.Store.String(job.Key.Shop()))

	if outcome, err := c.take(ctx, d, ackWait); outcome != "" {
		return outcome, err
	}
	c.trail.Debug(ctx, job.Key, c.breadcrumb(d, "started", ""))
	result, err := c.run(ctx, d, ackWait)
	switch {
	case err == nil:
		return c.ready(ctx, d, result)
	case errors.Is(err, ErrCancelled):
		return c.cancelled(ctx, d)
	case errors.Is(err, errLost):
		return c.lost(ctx, d, err)
	case errors.Is(err, errShutdown):
		return c.requeue(ctx, d, err)
	case errors.Is(err, ErrTerminal), d.last:
		return c.giveUp(ctx, d, err)
	default:
		return outcomeRetry, c.handBack(ctx, d, backoff(d.attempt), err)
	}
}

// take makes the record this worker's. An empty outcome means that it succeeded; any
// other says how the message was settled instead.
func (c *Consumer) take(ctx context.Context, d *delivery, ackWait time.Duration) (string, error) {
	now := c.records.now()
	found, err := c.records.get(ctx, d.job.Key)
	if left := c.outage.mayLive(found.JobRecord); left > 0 && !owned(found.JobRecord, now) {
		return c.takeLater(ctx, d, ackWait, left)
	}
	switch {
	case errors.Is(err, ErrNoRecord):
		// The record expired while the job waited, or was lost.
		found.JobRecord = &wandstorev1.JobRecord{}
	case err != nil:
		return outcomeRetry, c.handBack(ctx, d, backoff(d.attempt), telemetry.Typed("queue", err))
	case found.cancels(d.job):
		return c.cancelled(ctx, d)
	case found.GetJobId() == d.job.GetJobId():
		switch {
		case found.GetState() == wandstorev1.JobState_JOB_STATE_READY:
			// The page is stored, but the ack did not arrive.
			return outcomeReady, settle(ctx, d.msg.DoubleAck)
		case found.GetState() == wandstorev1.JobState_JOB_STATE_RUNNING && owned(found.JobRecord, now):
			// A redelivery while its first worker is still alive.
			err := settle(ctx, func(context.Context) error {
				return d.msg.NakWithDelay(found.GetDeadline().AsTime().Sub(now) + time.Second)
			})
			return outcomeBusy, err
		}
	case found.replaces(d.job), found.GetState() == wandstorev1.JobState_JOB_STATE_RUNNING && owned(found.JobRecord, now):
		// One that runs was not to be seen when this job was made: its record had been lost.
		c.trail.Debug(ctx, d.job.Key, c.breadcrumb(d, "superseded", "by job "+found.GetJobId()))
		return outcomeSuperseded, settle(ctx, d.msg.DoubleAck)
	}
	if c.unwanted(d, found) {
		return c.expired(ctx, d, found)
	}
	rec := found.in(wandstorev1.JobState_JOB_STATE_RUNNING, now, ackWait)
	rec.JobId, rec.RequestedAt = d.job.GetJobId(), d.job.GetRequestedAt()
	rec.StoreSlug, rec.ShopperId = d.job.Key.Shop(), d.job.Key.Shopper()
	rec.PoolMember, rec.StreamSeq, rec.Worker = c.cfg.Member, d.seq, c.cfg.Worker
	rec.Attempt = uint32(d.attempt)
	rec.Traceparent = telemetry.Traceparent(ctx)
	rec.Persona, rec.Source, rec.GeneratedAt, rec.Reason = "", "", nil, ""
	d.held, err = c.records.put(ctx, d.job.Key, found, rec)
	if err != nil {
		if wandnats.IsConflict(err) && ctx.Err() == nil {
			// Mostly because the edge writes "queued" at the same time. Each loss means
			// that another writer made progress, so the recursion ends.
			return c.take(ctx, d, ackWait)
		}
		// It may be written all the same, and would be a record of nobody until its deadline.
		d.held = held{JobRecord: rec, revision: found.revision}
		return outcomeRetry, c.handBack(ctx, d, backoff(d.attempt), telemetry.Typed("queue", err))
	}
	c.inProgress(ctx, d)
	return "", nil
}

// takeLater is take once the worker that may live has had some more time to write.
func (c *Consumer) takeLater(ctx context.Context, d *delivery, ackWait, left time.Duration) (string, error) {
	c.inProgress(ctx, d)
	select {
	case <-time.After(min(left, ackWait/3)):
		return c.take(ctx, d, ackWait)
	case <-ctx.Done():
		return outcomeHandedBack, settle(ctx, func(context.Context) error { return d.msg.Nak() })
	}
}

// unwanted reports whether nobody has asked for the job's page for MaxWait. A record that
// waits was written when the shopper asked, or at a later visit.
func (c *Consumer) unwanted(d *delivery, found held) bool {
	asked := found.GetJobId() == d.job.GetJobId() && d.at.Sub(found.created) <= c.cfg.MaxWait
	return d.waited > c.cfg.MaxWait && !asked
}

// run calls the handler. Until it returns, heartbeats extend the deadlines of message
// and record.
func (c *Consumer) run(ctx context.Context, d *delivery, ackWait time.Duration) (Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timeout := newTimeout(c.cfg.JobTimeout, func() { cancel(telemetry.Typed("timeout", fmt.Errorf("not done within %s", c.cfg.JobTimeout))) })
	defer timeout.pause()
	d.job.wait = func(w *wandstorev1.AccountWait) func() { return c.wait(d, timeout, cancel, w) }

	alive := make(chan struct{})
	beats, stopBeats := context.WithCancel(ctx)
	d.job.confirm = func(ctx context.Context) error {
		// A read, though a replica may not know yet what was cancelled in this moment: a write
		// would be a flush of the disk for each job, and the record's last one finds it out.
		if found, err := c.records.get(ctx, d.job.Key); err == nil && found.cancels(d.job) {
			return ErrCancelled
		}
		return nil
	}
	go func() {
		defer close(alive)
		c.keepAlive(beats, d, ackWait, cancel)
	}()
	result, err := c.callHandler(ctx, d.job)
	stopBeats()
	<-alive
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = fmt.Errorf("%w (%w)", cause, err)
	}
	return result, err
}

// callHandler calls the handler and turns a panic into a terminal error. Otherwise a job
// that causes a panic would end the process, with the jobs of all its members, at each
// of its deliveries.
func (c *Consumer) callHandler(ctx context.Context, job *Job) (r Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			c.log.ErrorContext(ctx, "handler panicked", "job", job.GetJobId(), "panic", p, "stack", string(debug.Stack()))
			r, err = Result{}, telemetry.Typed("panic", fmt.Errorf("%w: the handler panicked", ErrTerminal))
		}
	}()
	return c.handle(ctx, job)
}

func (c *Consumer) breadcrumb(d *delivery, step, detail string) Breadcrumb {
	return Breadcrumb{Step: step, JobID: d.job.GetJobId(), Member: c.cfg.Member, Attempt: d.attempt, Detail: detail}
}
