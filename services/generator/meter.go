package generator

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
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
	cost   metric.Float64Counter
	model  metric.MeasurementOption
}

func newMeter(cfg Config, c *control.Switch) *meter {
	return &meter{
		control: c, prices: cfg.prices(),
		cost:  telemetry.ModelCost.FloatCounter(otel.GetMeterProvider(), scope),
		model: metric.WithAttributes(semconv.GenAIRequestModel(cfg.KimiModel)),
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
	reserved, err := ledger.Reserve(ctx, call.Shop, m.prices.Most(most))
	if err != nil {
		return nil, err
	}
	// It may have been switched off while NATS was asked.
	if err := m.control.Check(call.Shop); err != nil {
		reserved.Release(ctx)
		return nil, err
	}
	return func(ctx context.Context, used spend.Tokens, _ string) {
		cost := m.prices.Cost(used)
		m.cost.Add(ctx, cost.USD(), m.model)
		reserved.Settle(ctx, cost)
	}, nil
}

// prices are the model's.
func (c Config) prices() spend.Prices {
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
