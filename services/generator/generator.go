package generator

import (
	"context"
	"log/slog"
	"time"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagemaker"
	"github.com/wandstore/wandstore/pkg/pagestore"
)

// Shops are the shops as they are now.
type Shops interface {
	All() []*catalogue.Shop
	// Faults returns the reasons why documents or sources cannot be used, by their names.
	Faults() map[string]string
}

// Model is the model's circuit breakers.
type Model interface {
	// BreakerState is "closed" while the model is called.
	BreakerState() string
	// StoppedShops is the shops that the model is not called for, while it is for others.
	StoppedShops() []string
}

// Streams are the streams, buckets and consumers on NATS.
type Streams interface {
	// Faults says which are missing, or were lost a while ago, by their names.
	Faults() map[string]string
}

// Member is a pool member in this process.
type Member interface {
	Member() string
	Status() jobqueue.Status
}

// PageMaker makes and stores pages.
type PageMaker interface {
	Make(ctx context.Context, o pagemaker.Order) (pagemaker.Made, error)
}

// Replayer puts dead letters back into the queue.
type Replayer interface {
	Replay(ctx context.Context, sequence uint64) (jobqueue.Replayed, error)
}

// Eraser erases shoppers' data.
type Eraser interface {
	// Forget erases what is stored about the shopper, in the given shops and in those that
	// the session names. The shops are slugs.
	Forget(ctx context.Context, shopper string, shops []string) error
	// ForgetIn erases what is stored about the key's shopper in the key's shop alone.
	ForgetIn(ctx context.Context, key pagekey.Key) error
}

// Clock is the clock that all processes go by.
type Clock interface {
	Now() time.Time
	// Ahead is how far this machine's own clock is ahead of it.
	Ahead() time.Duration
	// Fault says that the own clock is wrong; "" if it is not.
	Fault() string
}

// Deps are the parts that a generator uses. Run makes the real ones.
type Deps struct {
	Shops Shops
	Model Model
	// Pool returns the parts that need NATS and the object store, or nil until both were
	// reached.
	Pool    func() *Pool
	Streams Streams
	// Connected reports whether NATS is connected now.
	Connected func() bool
	Clock     Clock
	// Worker is this process's name for operators.
	Worker string
	Log    *slog.Logger
}

// Pool is the members that a generator serves, and the parts that their jobs need.
type Pool struct {
	Members  []Member
	Maker    PageMaker
	Designer pagemaker.Designer
	Replayer Replayer
	Eraser   Eraser
	Exporter Exporter
	Costs    Costs
}

// order orders a page that the model designs. If the model fails, the template is used.
func (p *Pool) order(key pagekey.Key, jobID string, requestedAt time.Time, preferences map[string]string) pagemaker.Order {
	return pagemaker.Order{
		Key: key, JobID: jobID, RequestedAt: requestedAt, Preferences: preferences, Persona: preferences["persona"],
		Designer: p.Designer, Source: pagestore.SourceLLM, Template: true,
	}
}

// Generator serves the HTTP routes and the micro service. It is made by New.
type Generator struct {
	cfg  Config
	deps Deps
	log  *slog.Logger
	// direct limits the concurrent calls of POST /generate.
	direct limit
}

// New returns a generator.
func New(cfg Config, deps Deps) *Generator {
	return &Generator{cfg: cfg, deps: deps, log: deps.Log}
}
