package generator

import (
	"context"

	"go.opentelemetry.io/otel"

	"github.com/wandstore/wandstore/pkg/streamstate"
	"github.com/wandstore/wandstore/pkg/telemetry"
)

const scope = "github.com/wandstore/wandstore/services/generator"

// observe registers the gauges of the pool. stop unregisters them. Each generator reports
// the queues of its own members.
func (p *parts) observe(opened *pool) (stop func()) {
	streams := streamstate.Observe(p.js, p.cfg.Pool, opened.names(), streamstate.Asked, scope)
	own := telemetry.Observe(otel.GetMeterProvider(), scope, func(ctx context.Context, see telemetry.See) error {
		unstored := 0
		for _, m := range opened.Members {
			unstored += m.Status().WaitingForStore
		}
		see(telemetry.JobsWaitingForStore, float64(unstored))
		see(telemetry.BreakerOpen, telemetry.BreakerValue(p.model.BreakerState()), telemetry.Breaker.String("kimi"))
		see(telemetry.ShopsStopped, float64(len(p.model.StoppedShops())))
		p.account.See(see)
		see(telemetry.StreamsLost, float64(len(p.keeper.Faults())))
		see(telemetry.ClockAhead, p.clock.Ahead().Seconds())
		return streamstate.Paused(ctx, p.js, see)
	}, telemetry.QueuePaused, telemetry.JobsWaitingForStore, telemetry.AccountWaiting, telemetry.AccountUnderWay, telemetry.AccountLimit, telemetry.BreakerOpen, telemetry.ShopsStopped, telemetry.StreamsLost, telemetry.ClockAhead)
	return func() { streams(); own() }
}
