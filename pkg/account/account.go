package account

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel"

	"github.com/wandstore/wandstore/pkg/telemetry"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// ErrBusy: the account had no room for the call for as long as the call may wait.
var ErrBusy = errors.New("the model's account is busy")

// errClosed: the account was closed while a call waited.
var errClosed = errors.New("the model's account is closed")

// Config is what is set of an account.
type Config struct {
	// Worker is the name of this process, unique among those that share the account.
	Worker string
	// URL and Key identify the account: the provider's address and the API key.
	URL, Key string
	// Concurrency, CallsAMinute and TokensAMinute are the account's limits; 0 is one that is
	// not known.
	Concurrency, CallsAMinute, TokensAMinute int
	// Patience is how long a call may wait; 0 is a day, after which daily limits begin anew.
	Patience time.Duration
	// Minute is the time that CallsAMinute and TokensAMinute are meant for; 0 is a
	// minute.
	Minute time.Duration
	// Now is the clock, one for all that share the account; nil is time.Now.
	Now func() time.Time
	Log *slog.Logger

	writeTimeout time.Duration // of a write, for which calls wait; 0 is the usual one
}

func (c Config) withDefaults() Config {
	if c.Patience == 0 {
		c.Patience = 24 * time.Hour
	}
	if c.Minute == 0 {
		c.Minute = time.Minute
	}
	if c.writeTimeout == 0 {
		c.writeTimeout = writeTimeout
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// key returns the account's key in the bucket. It does not tell the API key, which is too
// long to be guessed.
func (c Config) key() string {
	sum := sha256.Sum256([]byte(c.URL + "\n" + c.Key))
	return hex.EncodeToString(sum[:8])
}

// Account is this process's part of the model's account. It is safe for concurrent use.
type Account struct {
	cfg     Config
	key     string
	now     func() time.Time
	metrics *metrics
	wake    chan struct{}
	closed  chan struct{}
	stopped chan struct{}

	mu sync.Mutex
	// shared is the bucket; nil until NATS was reached.
	shared jetstream.KeyValue
	// known is the newest record that this process knows of, with its own changes, and
	// revision the revision that it was heard or written at.
	known    record
	revision uint64
	// While this process writes, what it hears waits: it may be what it writes.
	writing       bool
	later         record
	laterRevision uint64
	// mine is what this process uses.
	calls, starting int
	// waiting are the calls that wait, in their order; turns orders them.
	waiting []*waiter
	turns   turns
	// unwritten are the changes that the bucket does not have yet.
	unwritten []change
	// renewed is when this process last wrote its entry, failed when it last tried in vain.
	renewed, failed time.Time
	// yielding is since when it lets other generators, whose calls are older, go first.
	yielding time.Time
}

// change is a change of the record. It may be made to several versions of the record.
type change func(r record)

// maxUnwritten bounds the changes that are kept while NATS does not answer.
const maxUnwritten = 1000

// New returns an account, which is not shared until Share. Close ends it.
func New(cfg Config) *Account {
	cfg = cfg.withDefaults()
	a := &Account{
		cfg: cfg, now: cfg.Now, metrics: newMetrics(),
		wake: make(chan struct{}, 1), closed: make(chan struct{}), stopped: make(chan struct{}),
		known: record{&wandstorev1.Account{}},
	}
	a.key = a.cfg.key()
	go a.run()
	return a
}

// Close ends the account. It gives back what this process uses, which takes up to 1 s.
func (a *Account) Close() {
	close(a.closed)
	<-a.stopped
}

// Ask is a call that is to be made.
type Ask struct {
	// Tokens is how many tokens the provider counts for it: those of the prompt and the most
	// of the answer.
	Tokens int
	// Needs is how long the call may take. It does not wait past the time when ctx leaves less.
	Needs time.Duration
}

// waiter is a call that waits.
type waiter struct {
	ask     Ask
	shop    string
	since   time.Time
	granted chan struct{}
	call    *Call
}

// Call is a call that may be made now.
type Call struct {
	account *Account
	ask     Ask
	shop    string
	rules   rules
	begun   time.Time

	mu sync.Mutex
	// starting says that it is counted as neither admitted nor refused.
	starting, sent, admitted, ended bool
	presumed                        *time.Timer
}

// presumeAfter is how long a call takes to be refused, at the most. After it, it counts as
// admitted for what may begin.
const presumeAfter = 5 * time.Second

const (
	// hookAfter is how long a call waits before its job is told.
	hookAfter = time.Second
	// leastWait is how long a call waits at least, so that one without time to wait can
	// still begin at once.
	leastWait = 250 * time.Millisecond
)

// Begin waits until the account has room for a call. It returns ErrBusy if it has none for
// Config.Patience; the error of Job.Check; or ctx's. The Call has to be ended. The wait has a
// span of its own.
func (a *Account) Begin(ctx context.Context, ask Ask) (*Call, error) {
	ctx, span := otel.Tracer(scope).Start(ctx, "wait for account")
	call, err := a.begin(ctx, ask)
	telemetry.End(span, err)
	return call, err
}

func (a *Account) begin(ctx context.Context, ask Ask) (*Call, error) {
	job, _ := ctx.Value(jobKey{}).(Job)
	began := a.now()
	if job.Since.IsZero() {
		job.Since = began
	}
	w := &waiter{ask: ask, shop: job.Shop, since: job.Since, granted: make(chan struct{})}
	a.enqueue(w)

	patience := a.cfg.Patience
	if deadline, ok := ctx.Deadline(); ok {
		patience = min(patience, max(time.Until(deadline)-ask.Needs, leastWait))
	}
	tired := time.NewTimer(patience)
	defer tired.Stop()
	tick := time.NewTicker(hookAfter)
	defer tick.Stop()
	var done func()
	defer func() {
		if done != nil {
			done()
		}
	}()
	for {
		var err error
		select {
		case <-w.granted:
			a.metrics.waited(ctx, a.now().Sub(began))
			return w.call, nil
		case <-tick.C:
			if done == nil && job.Waits != nil {
				done = job.Waits(a.Rate())
			}
			if job.Check != nil {
				err = job.Check()
			}
		case <-tired.C:
			err = ErrBusy
		case <-a.stopped:
			err = errClosed
		case <-ctx.Done():
			err = ctx.Err()
		}
		if err != nil {
			a.giveUp(w)
			return nil, err
		}
	}
}

func (a *Account) enqueue(w *waiter) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting = append(a.waiting, w)
	a.turns.arrived(w.shop)
	a.turns.order(a.waiting)
	a.stir()
}

// giveUp removes a waiter. If its call has just been granted, that is given back.
func (a *Account) giveUp(w *waiter) {
	a.mu.Lock()
	at := slices.Index(a.waiting, w)
	if at >= 0 {
		a.waiting = slices.Delete(a.waiting, at, at+1)
		a.turns.order(a.waiting)
		a.stir()
	}
	a.mu.Unlock()
	if at < 0 {
		<-w.granted
		w.call.End()
	}
}

// stir has the account looked at again.
func (a *Account) stir() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// note makes a change of the record known. a.mu is held.
func (a *Account) note(c change) {
	c(a.known)
	a.keep(c)
}

// keep keeps a change for the bucket. a.mu is held.
func (a *Account) keep(c change) {
	if len(a.unwritten) < maxUnwritten {
		a.unwritten = append(a.unwritten, c)
	}
	a.stir()
}

// Rate estimates how many calls a minute the account allows; 0 is unknown.
func (a *Account) Rate() float64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.known.rate(a.known.rules(a.cfg))
}

// Sending tells that the call is sent to the provider; again, that it is tried again. On nil
// it does nothing.
func (c *Call) Sending() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	again := c.sent
	c.sent = true
	a := c.account
	a.mu.Lock()
	defer a.mu.Unlock()
	if again && !c.ended {
		now := a.now()
		a.note(func(r record) { r.begin(c.rules, now, c.ask.Tokens) })
	}
}

// Admitted tells that the provider has taken the call, with the headers of its answer. On nil
// it does nothing.
func (c *Call) Admitted(header http.Header) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.admitted || c.ended {
		return
	}
	c.admitted = true
	a := c.account
	a.mu.Lock()
	defer a.mu.Unlock()
	c.started()
	now := a.now()
	told := ReadHeaders(header, now)
	a.note(func(r record) { r.admitted(a.cfg, now, c.ask.Tokens, told) })
	a.metrics.answered(outcomeAdmitted)
}

// presume counts a call as admitted that was not refused for presumeAfter.
func (c *Call) presume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.account
	a.mu.Lock()
	defer a.mu.Unlock()
	if c.starting {
		c.started()
		a.note(func(record) {})
	}
}

// started says that the call need not be counted as starting any more. c.mu and the
// account's are held.
func (c *Call) started() {
	c.presumed.Stop()
	if c.starting {
		c.starting = false
		c.account.starting--
	}
	c.account.sync()
}

// Refused ends a call that the provider has refused for rate.
func (c *Call) Refused(why Refusal) {
	c.finish(func(a *Account, now time.Time) {
		a.note(func(r record) { r.refused(a.cfg, now, c.begun, why) })
		a.metrics.answered(why.Limit.String())
		a.cfg.Log.Info("the model's account refuses a call for rate", "limit", why.Limit.String(), "value", why.Value, "after", why.After)
	})
}

// End ends a call. One that was not sent has used nothing of the account.
func (c *Call) End() {
	c.finish(func(a *Account, now time.Time) {
		took, sent, admitted := now.Sub(c.begun), c.sent, c.admitted
		a.note(func(r record) {
			switch {
			case !sent:
				r.cancel(c.rules, c.ask.Tokens)
			case admitted:
				r.ended(took)
			}
		})
	})
}

// finish ends the call once.
func (c *Call) finish(note func(a *Account, now time.Time)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	c.ended = true
	a := c.account
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls--
	a.turns.ended(c.shop)
	a.turns.order(a.waiting)
	c.started()
	note(a, a.now())
	a.stir()
}

// sync puts this process's entry into the record it knows. a.mu is held.
func (a *Account) sync() { a.known.put(a.entry(a.now())) }
