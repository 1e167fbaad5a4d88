package jobqueue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/types/known/timestamppb"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/telemetry"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// Job is what a handler is given.
type Job struct {
	*wandstorev1.GenerationJob
	// Key is the job's page, its ids checked.
	Key pagekey.Key
	// Member is the pool member that has it.
	Member string
	// Attempt is the delivery, from 1.
	Attempt int

	confirm func(ctx context.Context) error
}

// Confirm fails if the job was cancelled: a handler asks before it stores the page, and
// returns the error. That NATS does not answer is no reason to throw a page away.
func (j *Job) Confirm(ctx context.Context) error { return j.confirm(ctx) }

// Result is the page that a handler has stored.
type Result struct {
	// Persona is whom it addresses.
	Persona string
	// Source is who designed it.
	Source string
	// GeneratedAt is when it was made.
	GeneratedAt time.Time
	// Reason says why the template served, if it did; no personal data.
	Reason string
}

// Handler makes a job's page and stores it. A nil error means stored, for good;
// one that wraps ErrTerminal, that trying again is useless; any other, that it
// may be tried again. It may be called again for a job whose page it has stored,
// in full or in part. When its context ends it has to return.
type Handler func(ctx context.Context, job *Job) (Result, error)

// ConsumerConfig is what a member's consumer needs.
type ConsumerConfig struct {
	// Member is its name, "pool-3".
	Member string
	// Worker names this process in job records, for operators.
	Worker string
	// Concurrency is how many jobs this process runs at a time. The server holds
	// the member to its max_ack_pending over all processes.
	Concurrency int
	// JobTimeout bounds one delivery of a job; a handler still busy then is told to
	// stop. Without the bound a hung handler would be kept alive by its heartbeats.
	JobTimeout time.Duration
	// Grace is how long running jobs may go on after Run was told to stop. Past it
	// they are handed back.
	Grace time.Duration
}

// Consumer works off one member's jobs.
type Consumer struct {
	cfg     ConsumerConfig
	js      jetstream.JetStream
	records records
	trail   *Trail
	handle  Handler
	metrics *metrics
	log     *slog.Logger
	tracer  trace.Tracer

	running    atomic.Int64
	done       atomic.Int64
	dead       atomic.Int64
	lastActive atomic.Int64 // Unix nanoseconds
}

// NewConsumer consumes one member's jobs with handle; jobs is the bucket
// GENERATION_QUEUE.
func NewConsumer(js jetstream.JetStream, jobs jetstream.KeyValue, cfg ConsumerConfig, trail *Trail, handle Handler, log *slog.Logger) *Consumer {
	c := &Consumer{
		cfg: cfg, js: js, records: records{jobs}, trail: trail, handle: handle, metrics: newMetrics(),
		log:    log.With("member", cfg.Member),
		tracer: otel.Tracer(scope),
	}
	c.touch()
	return c
}

// Status is how a member stands in this process.
type Status struct {
	// Running is how many jobs it works on now.
	Running int
	// Done and Dead count the jobs that ended here.
	Done, Dead int64
	// LastActive is when it last had a job, or started.
	LastActive time.Time
}

// Status tells how the member stands.
func (c *Consumer) Status() Status {
	return Status{
		Running:    int(c.running.Load()),
		Done:       c.done.Load(),
		Dead:       c.dead.Load(),
		LastActive: time.Unix(0, c.lastActive.Load()),
	}
}

// Member is the member's name.
func (c *Consumer) Member() string { return c.cfg.Member }

func (c *Consumer) touch() { c.lastActive.Store(time.Now().UnixNano()) }

// restartAfter spaces attempts to consume while the server does not let us.
const restartAfter = time.Second

// Run consumes until ctx ends. Then it takes no more jobs, lets the running ones
// go on for the grace, hands back those that are left, and returns nil. While
// NATS is away it waits.
func (c *Consumer) Run(ctx context.Context) error {
	c.metrics.mayDie(ctx, c.cfg.Member)
	// Jobs outlive ctx by the grace, their settling even that.
	jobs, stopJobs := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stopJobs(nil)
	release := context.AfterFunc(ctx, func() {
		time.AfterFunc(c.cfg.Grace, func() { stopJobs(errShutdown) })
	})
	defer release()

	// Each worker begins anew by itself: one whose pull breaks must not keep the
	// others from their next job, nor wait for the one that they are at.
	var workers sync.WaitGroup
	for range c.cfg.Concurrency {
		workers.Go(func() {
			for ctx.Err() == nil {
				err := c.work(ctx, jobs)
				if ctx.Err() != nil {
					return
				}
				c.log.Warn("consuming again in a moment", "error", err)
				select {
				case <-time.After(restartAfter):
				case <-ctx.Done():
				}
			}
		})
	}
	workers.Wait()
	return nil
}

// work takes one message at a time until ctx ends or the pull breaks.
func (c *Consumer) work(ctx, jobs context.Context) error {
	cons, err := c.js.Consumer(ctx, wandnats.StreamGeneration, c.cfg.Member)
	if err != nil {
		return fmt.Errorf("look up consumer: %w", err)
	}
	// One message a pull, and no pull while one is worked on: a message in a client's
	// buffer would lapse there unseen.
	pull, err := cons.Messages(jetstream.PullMaxMessages(1), jetstream.PullExpiry(30*time.Second), jetstream.PullHeartbeat(5*time.Second))
	if err != nil {
		return fmt.Errorf("pull: %w", err)
	}
	defer pull.Stop()
	defer context.AfterFunc(ctx, pull.Drain)()
	for {
		msg, err := pull.Next()
		if err != nil {
			return fmt.Errorf("pull: %w", err)
		}
		if ctx.Err() != nil {
			// It was on its way when we stopped: another worker may have it at once.
			_ = msg.Nak()
			continue
		}
		c.process(jobs, msg, limitsOf(ctx, cons))
	}
}

// limitsOf are the consumer's ack wait and deliveries as they are now: an operator
// may have changed them since it was looked up, and a last delivery that is not
// known as one would die without its reason.
func limitsOf(ctx context.Context, cons jetstream.Consumer) jetstream.ConsumerConfig {
	if info, err := cons.Info(ctx); err == nil {
		return info.Config
	}
	return cons.CachedInfo().Config
}

// delivery is one delivery of one message on its way through process.
type delivery struct {
	msg     jetstream.Msg
	seq     uint64
	attempt int
	last    bool
	job     *Job

	// mu lets one at a time write the record.
	mu   sync.Mutex
	held held
}

func (c *Consumer) process(ctx context.Context, msg jetstream.Msg, limits jetstream.ConsumerConfig) {
	c.running.Add(1)
	c.touch()
	defer func() { c.running.Add(-1); c.touch() }()

	meta, err := msg.Metadata()
	if err != nil {
		// Not a JetStream message: there is nothing to settle.
		c.log.Error("message without metadata", "error", err)
		return
	}
	d := &delivery{
		msg: msg, seq: meta.Sequence.Stream, attempt: int(meta.NumDelivered),
		last: limits.MaxDeliver > 0 && int(meta.NumDelivered) >= limits.MaxDeliver,
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
	outcomeDead       = "dead"
)

// deliver takes a message through the table of the package's doc.
func (c *Consumer) deliver(ctx context.Context, d *delivery, ackWait time.Duration) (string, error) {
	job, err := parse(d.msg.Data())
	if err != nil {
		return c.bury(ctx, d, fmt.Errorf("%w: %w", ErrTerminal, err))
	}
	job.Member, job.Attempt = c.cfg.Member, d.attempt
	d.job = job
	trace.SpanFromContext(ctx).SetAttributes(
		semconv.MessagingMessageID(job.GetJobId()), telemetry.JobID.String(job.GetJobId()), telemetry.Store.String(job.Key.Store()))

	if outcome, err := c.take(ctx, d, ackWait); outcome != "" {
		return outcome, err
	}
	c.trail.Debug(ctx, job.Key, c.crumb(d, "started", ""))
	result, err := c.run(ctx, d, ackWait)
	switch {
	case err == nil:
		return c.ready(ctx, d, result)
	case errors.Is(err, errCancelled):
		return c.cancelled(ctx, d)
	case errors.Is(err, errLost):
		return c.lost(ctx, d, err)
	case errors.Is(err, ErrTerminal), d.last:
		return c.bury(ctx, d, err)
	case errors.Is(err, errShutdown):
		return outcomeHandedBack, c.handBack(ctx, d, 0, err)
	default:
		return outcomeRetry, c.handBack(ctx, d, backoff(d.attempt), err)
	}
}

// take makes the record ours. An empty outcome means that it is.
func (c *Consumer) take(ctx context.Context, d *delivery, ackWait time.Duration) (string, error) {
	now := time.Now()
	found, err := c.records.get(ctx, d.job.Key)
	switch {
	case errors.Is(err, ErrNoRecord):
		// It lapsed while the job waited.
		found.JobRecord = &wandstorev1.JobRecord{}
	case err != nil:
		return outcomeRetry, c.handBack(ctx, d, backoff(d.attempt), err)
	case found.cancels(d.job):
		return c.cancelled(ctx, d)
	case found.GetJobId() == d.job.GetJobId():
		switch {
		case found.GetState() == wandstorev1.JobState_JOB_STATE_READY:
			// Its page is stored; only the ack did not arrive.
			return outcomeReady, settle(ctx, d.msg.DoubleAck)
		case found.GetState() == wandstorev1.JobState_JOB_STATE_RUNNING && owned(found.JobRecord, now):
			// A redelivery while its first worker is still alive.
			err := settle(ctx, func(context.Context) error {
				return d.msg.NakWithDelay(found.GetDeadline().AsTime().Sub(now) + time.Second)
			})
			return outcomeBusy, err
		}
	case found.replaces(d.job):
		c.trail.Debug(ctx, d.job.Key, c.crumb(d, "superseded", "by job "+found.GetJobId()))
		return outcomeSuperseded, settle(ctx, d.msg.DoubleAck)
	}
	rec := found.in(wandstorev1.JobState_JOB_STATE_RUNNING, now, ackWait)
	rec.JobId, rec.RequestedAt = d.job.GetJobId(), d.job.GetRequestedAt()
	rec.StoreSlug, rec.ShopperId = d.job.Key.Store(), d.job.Key.Shopper()
	rec.PoolMember, rec.StreamSeq, rec.Worker = c.cfg.Member, d.seq, c.cfg.Worker
	rec.Attempt = uint32(d.attempt)
	rec.Traceparent = telemetry.Traceparent(ctx)
	rec.Persona, rec.Source, rec.GeneratedAt, rec.Reason = "", "", nil, ""
	d.held, err = c.records.put(ctx, d.job.Key, found, rec)
	if err != nil {
		d.held = held{}
		if wandnats.IsConflict(err) && ctx.Err() == nil {
			// Most often to the edge noting "queued". Whoever was faster got further, so
			// this ends.
			return c.take(ctx, d, ackWait)
		}
		return outcomeRetry, c.handBack(ctx, d, backoff(d.attempt), err)
	}
	c.inProgress(ctx, d)
	return "", nil
}

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
	if wandnats.IsConflict(err) {
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
	if wandnats.IsConflict(err) {
		return errLost
	}
	if err == nil {
		d.held = h
	}
	return err
}

// run calls the handler, keeping message and record alive meanwhile.
func (c *Consumer) run(ctx context.Context, d *delivery, ackWait time.Duration) (Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ctx, stop := context.WithTimeoutCause(ctx, c.cfg.JobTimeout, fmt.Errorf("not done within %s", c.cfg.JobTimeout))
	defer stop()

	alive := make(chan struct{})
	beats, stopBeats := context.WithCancel(ctx)
	d.job.confirm = func(ctx context.Context) error {
		if err := c.beat(ctx, d, ackWait); errors.Is(err, errCancelled) {
			return err
		}
		return nil
	}
	go func() {
		defer close(alive)
		c.keepAlive(beats, d, ackWait, cancel)
	}()
	result, err := c.handled(ctx, d.job)
	stopBeats()
	<-alive
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = fmt.Errorf("%w (%w)", cause, err)
	}
	return result, err
}

// handled is the handler's word. A panic is one too: the job that causes it must
// not take the other members' jobs down with the process, again at each delivery.
func (c *Consumer) handled(ctx context.Context, job *Job) (r Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			c.log.ErrorContext(ctx, "handler panicked", "job", job.GetJobId(), "panic", p, "stack", string(debug.Stack()))
			r, err = Result{}, fmt.Errorf("%w: the handler panicked", ErrTerminal)
		}
	}()
	return c.handle(ctx, job)
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

func (c *Consumer) ready(ctx context.Context, d *delivery, r Result) (string, error) {
	err := settle(ctx, func(ctx context.Context) error {
		err := c.hold(ctx, d, func(h held) *wandstorev1.JobRecord {
			rec := h.in(wandstorev1.JobState_JOB_STATE_READY, time.Now(), readyFor)
			rec.Persona, rec.Source, rec.Reason = r.Persona, r.Source, cut(r.Reason)
			rec.GeneratedAt = timestamppb.New(r.GeneratedAt)
			return rec
		})
		if err != nil {
			return err
		}
		return d.msg.DoubleAck(ctx)
	})
	if errors.Is(err, errCancelled) {
		return c.cancelled(ctx, d)
	}
	if errors.Is(err, errLost) {
		return c.lost(ctx, d, err)
	}
	if err != nil {
		// The page is stored; the redelivery finds it and settles.
		c.log.WarnContext(ctx, "job done but not settled", "job", d.job.GetJobId(), "error", err)
		return outcomeRetry, err
	}
	c.done.Add(1)
	c.trail.Debug(ctx, d.job.Key, c.crumb(d, "ready", r.Source))
	return outcomeReady, nil
}

// cancelled settles a message whose page nobody wants. It leaves no breadcrumb: the
// shopper is to be forgotten.
func (c *Consumer) cancelled(ctx context.Context, d *delivery) (string, error) {
	return outcomeCancelled, settle(ctx, d.msg.DoubleAck)
}

// lost leaves the message alone: it is the other worker's now, and so is its
// settling. If a newer job has the record, the redelivery finds that out.
func (c *Consumer) lost(ctx context.Context, d *delivery, why error) (string, error) {
	c.trail.Error(ctx, d.job.Key, c.crumb(d, "lost", why.Error()))
	return outcomeLost, why
}

// handBack gives the message back for another delivery, and the record with it.
// It returns why.
func (c *Consumer) handBack(ctx context.Context, d *delivery, delay time.Duration, why error) error {
	c.log.WarnContext(ctx, "job handed back", "job", d.job.GetJobId(), "attempt", d.attempt, "delay", delay, "error", why)
	err := settle(ctx, func(ctx context.Context) error {
		if d.held.revision != 0 {
			err := c.hold(ctx, d, func(h held) *wandstorev1.JobRecord {
				return h.in(wandstorev1.JobState_JOB_STATE_QUEUED, time.Now(), queuedFor)
			})
			if errors.Is(err, errLost) {
				return err
			}
			if err != nil {
				c.log.WarnContext(ctx, "record not handed back", "job", d.job.GetJobId(), "error", err)
			}
		}
		return d.msg.NakWithDelay(delay)
	})
	c.trail.Error(ctx, d.job.Key, c.crumb(d, "handed back", why.Error()))
	return errors.Join(why, err)
}

// bury makes a dead letter of the message and removes it.
func (c *Consumer) bury(ctx context.Context, d *delivery, why error) (string, error) {
	c.log.ErrorContext(ctx, "job is dead", "seq", d.seq, "attempt", d.attempt, "error", why)
	err := settle(ctx, func(ctx context.Context) error {
		letter := deadLetter{
			member: c.cfg.Member, reason: why.Error(), attempts: d.attempt,
			seq: d.seq, payload: d.msg.Data(), header: d.msg.Headers(),
		}
		if d.job != nil {
			letter.jobID = d.job.GetJobId()
		}
		if err := letter.publish(ctx, c.js); err != nil {
			// Not removed without its letter: the sweep finds it when its deliveries are used.
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
	c.metrics.died(ctx, c.cfg.Member, deadFailed)
	return outcomeDead, why
}

// fail notes on the record and the trail that the job has failed.
func (c *Consumer) fail(ctx context.Context, d *delivery, why error) {
	if d.held.revision != 0 {
		err := c.hold(ctx, d, func(h held) *wandstorev1.JobRecord {
			rec := h.in(wandstorev1.JobState_JOB_STATE_FAILED, time.Now(), failedFor)
			rec.Reason = cut(why.Error())
			return rec
		})
		if err != nil && !errors.Is(err, errLost) {
			c.log.WarnContext(ctx, "record not failed", "job", d.job.GetJobId(), "error", err)
		}
	}
	c.trail.Error(ctx, d.job.Key, c.crumb(d, "dead", why.Error()))
}

func (c *Consumer) crumb(d *delivery, step, detail string) Crumb {
	return Crumb{Step: step, JobID: d.job.GetJobId(), Member: c.cfg.Member, Attempt: d.attempt, Detail: detail}
}

// settleTimeout bounds the settling of a delivery.
const settleTimeout = 5 * time.Second

// settle runs f on a context that outlives cancellation: what has been done must
// be told, above all when the process is ending.
func settle(ctx context.Context, f func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	return f(ctx)
}

// backoff is the pause before delivery attempt+1: 1, 2, 4 … s, half of it random.
// A message that waits still counts as pending, so its member waits with it: the
// pauses are short.
func backoff(attempt int) time.Duration {
	full := time.Second << min(attempt-1, 4)
	return full/2 + rand.N(full/2)
}

// parse reads a payload's job and checks its ids.
func parse(payload []byte) (*Job, error) {
	g := &wandstorev1.GenerationJob{}
	if err := wire.Unmarshal(payload, g); err != nil {
		return nil, fmt.Errorf("payload: %w", err)
	}
	key, err := pagekey.New(g.GetStoreSlug(), g.GetShopperId())
	if err != nil {
		return nil, fmt.Errorf("payload: %w", err)
	}
	// A job's id is of the form of a shopper's.
	if !pagekey.ValidShopper(g.GetJobId()) {
		return nil, errors.New("payload: no job id, or not of A-Z, a-z, 0-9, _ and -")
	}
	if !g.GetRequestedAt().IsValid() {
		return nil, errors.New("payload: no time of request")
	}
	return &Job{GenerationJob: g, Key: key}, nil
}
