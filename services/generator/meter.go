package generator

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"

	"github.com/wandstore/wandstore/pkg/control"
	"github.com/wandstore/wandstore/pkg/spend"
	"github.com/wandstore/wandstore/pkg/telemetry"
	"github.com/wandstore/wandstore/services/generator/internal/kimi"
)

// meter permits the tries of the model by the operators' switches and the budget, and
// books what they cost. It is a kimi.Meter.
type meter struct {
	control *control.Switch
	// ledger is nil until NATS has been reached.
	ledger atomic.Pointer[spend.Ledger]
	prices spend.Prices
	model  string
	cost   metric.Float64Counter
	tokens metric.Int64Counter
}

func newMeter(cfg Config, c *control.Switch) *meter {
	p := otel.GetMeterProvider()
	return &meter{
		control: c, prices: cfg.Prices(), model: cfg.KimiModel,
		cost: telemetry.ModelCost.FloatCounter(p, scope), tokens: telemetry.ModelTokensBilled.Counter(p, scope),
	}
}

var errNoLedger = errors.New("NATS has not been reached")

// Begin implements kimi.Meter. Errors: control.ErrOff, spend.ErrBudget, spend.ErrUnknown.
func (m *meter) Begin(ctx context.Context, call kimi.Call, most spend.Tokens) (func(context.Context, spend.Tokens, string), error) {
	if err := m.control.Check(call.Shop); err != nil {
		return nil, err
	}
	ledger := m.ledger.Load()
	if ledger == nil {
		return nil, errors.Join(spend.ErrUnknown, errNoLedger)
	}
	reserved, err := ledger.Reserve(ctx, m.spending(call), m.prices.Most(most))
	if err != nil {
		return nil, err
	}
	// It may have been switched off while NATS was asked.
	if err := m.control.Check(call.Shop); err != nil {
		reserved.Release(ctx)
		return nil, err
	}
	return func(ctx context.Context, used spend.Tokens, outcome string) {
		if outcome == kimi.NotSent {
			reserved.Release(ctx)
			return
		}
		cost := m.prices.Cost(used)
		m.count(ctx, call, used, outcome, cost)
		reserved.Settle(ctx, spend.Used{Tokens: used, Cost: cost, Outcome: outcome})
	}, nil
}

// Page books that an answer became a page. It is a designer.Books.
func (m *meter) Page(ctx context.Context, call kimi.Call) {
	if ledger := m.ledger.Load(); ledger != nil {
		ledger.Page(ctx, m.spending(call))
	}
}

func (m *meter) spending(call kimi.Call) spend.Call {
	return spend.Call{Shop: call.Shop, Model: m.model, Persona: call.Persona}
}

// count tells the metrics. The shop is no attribute, as there may be thousands.
func (m *meter) count(ctx context.Context, call kimi.Call, used spend.Tokens, outcome string, cost spend.Micros) {
	set := []attribute.KeyValue{semconv.GenAIRequestModel(m.model), telemetry.Persona.String(call.Persona), telemetry.Outcome.String(outcome)}
	m.cost.Add(ctx, cost.USD(), metric.WithAttributes(set...))
	for _, t := range []struct {
		kind attribute.KeyValue
		n    int
	}{
		{semconv.GenAITokenTypeInput, used.Prompt},
		{semconv.GenAITokenTypeKey.String("cached"), used.Cached},
		{semconv.GenAITokenTypeOutput, used.Completion},
	} {
		m.tokens.Add(ctx, int64(t.n), metric.WithAttributes(append(slices.Clone(set), t.kind)...))
	}
}

// Prices are the model's.
func (c Config) Prices() spend.Prices {
	return spend.Prices{Input: c.InputPrice, Cached: c.CachedPrice, Write: c.CacheWritePrice, Output: c.OutputPrice}
}

// holdMargin is how much longer than a call its reservation lasts.
const holdMargin = time.Minute

// spending is what may be spent.
func (c Config) spending() spend.Config {
	share := c.ShopShare
	if share == 0 {
		share = 1 // a Config that was not read from the environment
	}
	return spend.Config{Budget: spend.FromUSD(c.DailyBudget), ShopShare: share, Hold: c.llmTimeout() + holdMargin}
}
