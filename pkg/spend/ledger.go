package spend

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	wandnats "github.com/wandstore/wandstore/nats"
)

// One sentinel for each reason that a reservation is refused for.
var (
	// ErrBudget: the day's budget, or the shop's part of it, has no room for the call.
	ErrBudget = errors.New("the day's budget for the model is spent")
	// ErrUnknown: what was spent today could not be read or written.
	ErrUnknown = errors.New("what the model has cost today is unknown")
)

// Micros is an amount of money, in millionths of a US dollar.
type Micros int64

// FromUSD is the amount in whole Micros, rounded down.
func FromUSD(dollars float64) Micros { return Micros(math.Floor(dollars * 1e6)) }

// USD is the amount in US dollars.
func (m Micros) USD() float64 { return float64(m) / 1e6 }

// Config is what may be spent.
type Config struct {
	// Budget is the most that the model may cost on one UTC day; 0 is no limit.
	Budget Micros
	// ShopShare is the part of Budget that one shop may use, above 0 and at most 1.
	ShopShare float64
	// Hold is how long a reservation lasts: longer than the longest call.
	Hold time.Duration
	// Now is the clock that the day and reservations go by, which is one for all that share
	// the budget; nil is time.Now.
	Now func() time.Time
}

const (
	// bookTimeout bounds one booking: a job waits for it.
	bookTimeout = 5 * time.Second
	// refreshEvery is how often Run writes the limit and retries what failed.
	refreshEvery = time.Minute
	// maxLate bounds the settlements that are kept while NATS is unavailable.
	maxLate = 10_000
)

// Ledger reserves and books what the model costs. It is safe for concurrent use, and
// shares the budget with the ledgers of other processes.
type Ledger struct {
	cfg Config
	kv  jetstream.KeyValue
	log *slog.Logger
	now func() time.Time
	// timeout bounds one booking.
	timeout time.Duration

	mu   sync.Mutex
	late []settlement
	// queues are those of the records that are being written, by their keys.
	queues map[string]*queue
	// known has the records that this ledger wrote last, by their keys.
	known map[string]known
}

// NewLedger makes a ledger in the bucket SPEND.
func NewLedger(spend jetstream.KeyValue, cfg Config, log *slog.Logger) *Ledger {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Ledger{cfg: cfg, kv: spend, log: log, now: cfg.Now, timeout: bookTimeout, queues: map[string]*queue{}, known: map[string]known{}}
}

// account is a record that a reservation is in.
type account struct {
	key   string
	limit Micros
	// detailed is an account that tells what calls were for: a shop's.
	detailed bool
	// made says that the reservation was written to it for certain.
	made bool
}

// shopLimit is the most that one shop may use; 0 is no limit but the day's.
func (l *Ledger) shopLimit() Micros {
	if l.cfg.Budget == 0 || l.cfg.ShopShare >= 1 {
		return 0
	}
	return max(Micros(float64(l.cfg.Budget)*l.cfg.ShopShare), 1)
}

// Call is what a call of the model is made for.
type Call struct {
	// Shop is the slug of the shop that pays for it.
	Shop string
	// Model is the id of the model that is asked.
	Model string
	// Persona is whom the page addresses.
	Persona string
}

// Used is what a call used.
type Used struct {
	Tokens

	Cost Micros
	// Outcome is what became of the call, in a word of a small set: OutcomeAnswered, or
	// why it failed.
	Outcome string
}

// OutcomeAnswered is the outcome of a call that the model has answered.
const OutcomeAnswered = "answered"

// Reservation is the money for one call of the model. End it once, with Settle or
// Release.
type Reservation struct {
	ledger   *Ledger
	id       string
	call     Call
	accounts []account
}

// Reserve reserves the most that a call can cost. Errors: ErrBudget if
// there is no room; ErrUnknown, only with a budget, if NATS does not tell.
func (l *Ledger) Reserve(ctx context.Context, call Call, most Micros) (*Reservation, error) {
	now := l.now()
	r := &Reservation{ledger: l, id: nuid.Next(), call: call, accounts: []account{
		l.shopAccount(wandnats.ShopSpendKey(now, call.Shop)),
		{key: wandnats.SpendKey(now), limit: l.cfg.Budget},
	}}
	bounded, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	for i := range r.accounts {
		room, err := l.reserve(bounded, r.accounts[i], r.id, most)
		switch {
		case err != nil && l.cfg.Budget == 0:
			l.log.WarnContext(ctx, "a call of the model is not reserved", "error", err)
		case err != nil:
			r.Release(ctx)
			return nil, fmt.Errorf("%w: %w", ErrUnknown, err)
		case !room:
			r.Release(ctx)
			if i == 0 {
				return nil, fmt.Errorf("%w: the shop's share of it", ErrBudget)
			}
			return nil, ErrBudget
		default:
			r.accounts[i].made = true
		}
	}
	return r, nil
}

func (l *Ledger) shopAccount(key string) account {
	return account{key: key, limit: l.shopLimit(), detailed: true}
}

func (l *Ledger) reserve(ctx context.Context, a account, id string, most Micros) (room bool, err error) {
	return l.update(ctx, a, func(r record, now time.Time) bool { return r.reserve(id, most, now.Add(l.cfg.Hold)) })
}

// Release ends a reservation whose call was not made.
func (r *Reservation) Release(ctx context.Context) { r.Settle(ctx, Used{}) }

// Settle ends a reservation with what its call used. It does not wait until that is written,
// as Flush does: the whole reservation counts until then. What this ledger reserves after it
// finds the rest free. What cannot be written is tried again by Run.
func (r *Reservation) Settle(ctx context.Context, used Used) {
	l := r.ledger
	for _, a := range r.accounts {
		s := settlement{account: a, id: r.id, call: r.call, used: used}
		l.changeLater(ctx, a, func(booked record) { booked.settle(s) }, func(err error) {
			l.log.WarnContext(ctx, "a call of the model is not booked yet", "error", err)
			l.postpone(s)
		})
	}
}

// settlement is the end of a reservation in one account.
type settlement struct {
	account

	id   string
	call Call
	used Used
}

func (l *Ledger) settle(ctx context.Context, s settlement) error {
	return l.change(ctx, s.account, func(r record) { r.settle(s) })
}

// Page books that the answer to a call became a page, without waiting for it. It is best
// effort.
func (l *Ledger) Page(ctx context.Context, call Call) {
	l.changeLater(ctx, l.shopAccount(wandnats.ShopSpendKey(l.now(), call.Shop)), func(r record) {
		r.use(call, OutcomeAnswered).Pages++
	}, func(err error) { l.log.WarnContext(ctx, "a page is not booked", "error", err) })
}

// postpone keeps a settlement for Run. What there is no room for is not lost if it was
// reserved: the reservation expires and counts as spent.
func (l *Ledger) postpone(s settlement) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.late) < maxLate {
		l.late = append(l.late, s)
	}
}

// Run settles what could not be settled at its time and writes the limit into the day's
// records, at once and each minute, until ctx ends. It returns nil.
func (l *Ledger) Run(ctx context.Context) error {
	tick := time.NewTicker(refreshEvery)
	defer tick.Stop()
	for {
		if err := l.refresh(ctx); err != nil && ctx.Err() == nil {
			l.log.WarnContext(ctx, "the records of what the model costs are not refreshed", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (l *Ledger) refresh(ctx context.Context) error {
	l.mu.Lock()
	late := l.late
	l.late = nil
	l.mu.Unlock()
	var failed []error
	for _, s := range late {
		if err := l.bounded(ctx, func(ctx context.Context) error { return l.settle(ctx, s) }); err != nil {
			l.postpone(s)
			failed = append(failed, err)
		}
	}
	now := l.now()
	accounts := []account{{key: wandnats.SpendKey(now), limit: l.cfg.Budget}}
	err := l.bounded(ctx, wandnats.Watch{
		Bucket: l.kv, Keys: wandnats.ShopSpendKey(now, ">"),
		Entry: func(entry jetstream.KeyValueEntry) {
			accounts = append(accounts, l.shopAccount(entry.Key()))
		},
	}.Read)
	failed = append(failed, err)
	for _, a := range accounts {
		failed = append(failed, l.bounded(ctx, func(ctx context.Context) error { return l.change(ctx, a, func(record) {}) }))
	}
	return errors.Join(failed...)
}

func (l *Ledger) bounded(ctx context.Context, do func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	return do(ctx)
}
