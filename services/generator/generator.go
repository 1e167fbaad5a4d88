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

// Shops are the shops of this moment.
type Shops interface {
	All() []*catalogue.Shop
	// Faults are the documents and sources that cannot be used, each with why.
	Faults() map[string]string
}

// Model is the model's circuit breaker: "closed" is well.
type Model interface{ BreakerState() string }

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

// Eraser forgets shoppers.
type Eraser interface {
	// Forget removes all that is kept of the shopper, in those shops and in every other
	// that their session names.
	Forget(ctx context.Context, shopper string, shops []string) error
}

// Deps are the parts that a generator is made of. Run makes the real ones.
type Deps struct {
	Shops Shops
	Model Model
	// Pool gives what needs NATS and the object store, or nil until both were reached.
	Pool func() *Pool
	// Connected reports whether NATS is connected at this moment.
	Connected func() bool
	// Worker names this process, for operators.
	Worker string
	Log    *slog.Logger
}

// Pool is the members that a generator serves, and what their jobs need.
type Pool struct {
	Members  []Member
	Maker    PageMaker
	Designer pagemaker.Designer
	Replayer Replayer
	Eraser   Eraser
	Exporter Exporter
}

// order asks for a page that the model designs, or the template when it fails.
func (p *Pool) order(key pagekey.Key, jobID string, requestedAt time.Time, preferences map[string]string) pagemaker.Order {
	return pagemaker.Order{
		Key: key, JobID: jobID, RequestedAt: requestedAt, Preferences: preferences, Persona: preferences["persona"],
		Designer: p.Designer, Source: pagestore.SourceLLM, Template: true,
	}
}

// Generator answers for the pool over HTTP and NATS. Make it with New.
type Generator struct {
	cfg  Config
	deps Deps
	log  *slog.Logger
	// direct counts the calls of POST /generate under way.
	direct limit
}

// New makes a generator.
func New(cfg Config, deps Deps) *Generator {
	return &Generator{cfg: cfg, deps: deps, log: deps.Log}
}
