package generator

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/telemetry"
)

const scope = "github.com/wandstore/wandstore/services/generator"

// observeWithin bounds asking NATS for the members' queues: a scrape has 10 s.
const observeWithin = 2 * time.Second

// observe has the pool's states collected until stop is called. Every generator
// tells of the members that it serves, so that a queue is told of as long as
// anybody works on it.
func (g *generator) observe(p *pool) (stop func()) {
	provider := otel.GetMeterProvider()
	stopBreaker := telemetry.BreakerOpen.Gauge(provider, scope, func(_ context.Context, see func(float64, ...attribute.KeyValue)) error {
		see(telemetry.BreakerValue(g.model.BreakerState()), telemetry.Breaker.String("kimi"))
		return nil
	})
	stopDepth := telemetry.QueueDepth.Gauge(provider, scope, func(ctx context.Context, see func(float64, ...attribute.KeyValue)) error {
		return g.eachMember(ctx, p, func(member attribute.KeyValue, waiting uint64, running int) {
			see(float64(waiting)+float64(running), member)
		})
	})
	stopRunning := telemetry.QueueRunning.Gauge(provider, scope, func(ctx context.Context, see func(float64, ...attribute.KeyValue)) error {
		return g.eachMember(ctx, p, func(member attribute.KeyValue, _ uint64, running int) { see(float64(running), member) })
	})
	return func() { stopBreaker(); stopDepth(); stopRunning() }
}

// eachMember asks NATS how each member's queue stands. A member that it does not
// tell of in time has no value then, rather than an old one.
func (g *generator) eachMember(ctx context.Context, p *pool, see func(member attribute.KeyValue, waiting uint64, running int)) error {
	ctx, cancel := context.WithTimeout(ctx, observeWithin)
	defer cancel()
	var failed []error
	for _, name := range p.names() {
		consumer, err := g.js.Consumer(ctx, wandnats.StreamGeneration, name)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		info := consumer.CachedInfo()
		see(telemetry.Member.String(name), info.NumPending, info.NumAckPending)
	}
	return errors.Join(failed...)
}
