package generator

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/telemetry"
)

const scope = "github.com/wandstore/wandstore/services/generator"

// observeWithin bounds asking NATS for the members' queues: a scrape has 10 s.
const observeWithin = 2 * time.Second

// observe has the pool's states collected until stop is called. Every generator
// tells of the members that it serves, so that a queue is told of as long as
// anybody works on it. A member that NATS does not tell of in time has no value
// then, rather than an old one.
func (g *generator) observe(p *pool) (stop func()) {
	return telemetry.Observe(otel.GetMeterProvider(), scope, func(ctx context.Context, see telemetry.See) error {
		see(telemetry.BreakerOpen, telemetry.BreakerValue(g.model.BreakerState()), telemetry.Breaker.String("kimi"))
		ctx, cancel := context.WithTimeout(ctx, observeWithin)
		defer cancel()
		var failed []error
		for _, name := range p.names() {
			consumer, err := g.js.Consumer(ctx, wandnats.StreamGeneration, name)
			if err != nil {
				failed = append(failed, err)
				continue
			}
			info, member := consumer.CachedInfo(), telemetry.Member.String(name)
			running := float64(info.NumAckPending)
			see(telemetry.QueueDepth, float64(info.NumPending)+running, member)
			see(telemetry.QueueRunning, running, member)
		}
		return errors.Join(failed...)
	}, telemetry.BreakerOpen, telemetry.QueueDepth, telemetry.QueueRunning)
}
