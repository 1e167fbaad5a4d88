package jobqueue

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"

	wandnats "github.com/wandstore/wandstore/nats"
)

// ConsumerConfig is what a member's consumer needs.
type ConsumerConfig struct {
	// Member is its name, "pool-3".
	Member string
	// Worker is this process's name in job records, for operators.
	Worker string
	// Concurrency is how many jobs this process runs at a time. Over all processes, the
	// server limits the member to its max_ack_pending.
	Concurrency int
	// JobTimeout bounds one delivery of a job, without the time that it waits (Job.Wait).
	// Past it the handler's context ends.
	// Without it, a hung handler would keep its job by heartbeats without end.
	JobTimeout time.Duration
	// Label is a shop's name in metrics, one of a few; nil is none.
	Label func(shop string) string
	// MaxWait is how long a job is kept that nobody asks for again. Its page is not made
	// after that. 0 is wandnats.DefaultJobMaxWait.
	MaxWait time.Duration
	// Grace is how long running jobs may continue after the context of Run has ended.
	// Past it they go back into the queue, which uses up no delivery.
	Grace time.Duration
}

// Consumer runs one member's jobs.
type Consumer struct {
	cfg     ConsumerConfig
	js      jetstream.JetStream
	records records
	trail   *Trail
	handle  Handler
	metrics *metrics
	log     *slog.Logger
	tracer  trace.Tracer
	outage  *outage

	// deliveries are those that send heartbeats, as keys.
	deliveries sync.Map
	// stopPull ends the pull that there is.
	stopPull atomic.Pointer[context.CancelCauseFunc]

	running    atomic.Int64
	waiting    atomic.Int64
	unstored   atomic.Int64
	done       atomic.Int64
	dead       atomic.Int64
	lastActive atomic.Int64 // Unix nanoseconds
}

// NewConsumer returns a Consumer that runs one member's jobs with handle. jobs is the
// bucket GENERATION_QUEUE.
func NewConsumer(js jetstream.JetStream, jobs jetstream.KeyValue, cfg ConsumerConfig, trail *Trail, handle Handler, log *slog.Logger) *Consumer {
	if cfg.MaxWait == 0 {
		cfg.MaxWait = wandnats.DefaultJobMaxWait
	}
	c := &Consumer{
		cfg: cfg, js: js, records: records{jobs, trail.now}, trail: trail, handle: handle, metrics: newMetrics(cfg.Label),
		log:    log.With("member", cfg.Member),
		tracer: otel.Tracer(scope),
		outage: newOutage(js.Conn()),
	}
	c.touch()
	return c
}

// Status is what a member does in this process.
type Status struct {
	// Running is how many jobs it works on now, Waiting how many of them wait for the
	// model's account, WaitingForStore how many for a store to answer.
	Running, Waiting, WaitingForStore int
	// Done and Dead count the jobs that ended here.
	Done, Dead int64
	// LastActive is when the member last had a job, or when it started.
	LastActive time.Time
}

// Status returns what the member does now and has done.
func (c *Consumer) Status() Status {
	return Status{
		Running:         int(c.running.Load()),
		Waiting:         int(c.waiting.Load()),
		WaitingForStore: int(c.unstored.Load()),
		Done:            c.done.Load(),
		Dead:            c.dead.Load(),
		LastActive:      time.Unix(0, c.lastActive.Load()),
	}
}

// Member is the member's name.
func (c *Consumer) Member() string { return c.cfg.Member }

func (c *Consumer) touch() { c.lastActive.Store(time.Now().UnixNano()) }

// restartAfter is the pause before a worker consumes again after an error.
const restartAfter = time.Second

// Run consumes until ctx ends. Then it takes no more jobs, lets the running ones
// continue for Grace, hands back those that are still running, and returns nil.
// While NATS is unavailable it tries again every second.
func (c *Consumer) Run(ctx context.Context) error {
	c.metrics.zeroDeadLetters(ctx, c.cfg.Member)
	c.touch()
	// Jobs outlive ctx by Grace, and their settling outlives both.
	jobs, stopJobs := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stopJobs(nil)
	release := context.AfterFunc(ctx, func() {
		time.AfterFunc(c.cfg.Grace, func() { stopJobs(errShutdown) })
	})
	defer release()

	var running sync.WaitGroup
	slots := make(chan struct{}, c.cfg.Concurrency)
	for ctx.Err() == nil {
		err := c.work(ctx, jobs, slots, &running)
		if ctx.Err() != nil {
			break
		}
		c.log.Warn("consuming again in a moment", "error", err)
		select {
		case <-time.After(restartAfter):
		case <-ctx.Done():
		}
	}
	running.Wait()
	return nil
}

// work takes messages until ctx ends or the pull breaks, one for each free slot. The jobs go
// on when it returns.
func (c *Consumer) work(ctx, jobs context.Context, slots chan struct{}, running *sync.WaitGroup) error {
	cons, err := c.js.Consumer(ctx, wandnats.StreamGeneration, c.cfg.Member)
	if err != nil {
		return fmt.Errorf("look up consumer: %w", err)
	}
	// Who begins knows nothing of what was before.
	c.outage.seen()
	// Who is stopped listens on for what was asked for.
	pulls, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	c.stopPull.Store(&stop)
	defer c.stopPull.Store(nil)
	defer context.AfterFunc(ctx, func() { time.AfterFunc(listenOn, func() { stop(nil) }) })()
	connected := c.js.Conn().StatusChanged(nats.CONNECTED)
	defer c.js.Conn().RemoveStatusListener(connected)
	pull := puller{cons, connected}
	limits := newLimits(cons)
	for {
		// No message is asked for without a free slot. The ack wait of one that waits in the
		// client runs too, and no heartbeat extends it.
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		msg, err := pull.next(pulls)
		if err != nil {
			<-slots
			return fmt.Errorf("pull: %w", err)
		}
		if ctx.Err() != nil {
			c.putBack(ctx, msg)
			<-slots
			return ctx.Err() // it was asked for before the end, and is the last
		}
		running.Go(func() {
			defer func() { <-slots }()
			c.process(ctx, jobs, msg, limits.get(ctx))
		})
	}
}

// limits is a consumer's configuration on the server, asked for at most once in limitsFor.
type limits struct {
	cons jetstream.Consumer

	mu    sync.Mutex
	asked time.Time
}

// limitsFor is how long an operator's change of a consumer may be unknown to its workers.
const limitsFor = time.Second

func newLimits(cons jetstream.Consumer) *limits { return &limits{cons: cons, asked: time.Now()} }

// get returns the ack wait and the maximum of deliveries. An operator may have changed them
// since the consumer was looked up. A last delivery that is not recognised as one would
// become a dead letter without its reason.
func (l *limits) get(ctx context.Context) jetstream.ConsumerConfig {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.asked) > limitsFor {
		// Info keeps what it was told as CachedInfo. Without an answer the last one counts.
		_, _ = l.cons.Info(ctx)
		l.asked = time.Now()
	}
	return l.cons.CachedInfo().Config
}
