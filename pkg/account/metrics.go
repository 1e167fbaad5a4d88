package account

import (
	"context"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"

	"github.com/wandstore/wandstore/pkg/telemetry"
)

const scope = "github.com/wandstore/wandstore/pkg/account"

// outcomeAdmitted is a call that the provider took; those that it refused for rate are counted
// by the limit.
const outcomeAdmitted = "admitted"

// metrics are the metrics of an account.
type metrics struct {
	calls metric.Int64Counter
	wait  metric.Float64Histogram
}

func newMetrics() *metrics {
	p := otel.GetMeterProvider()
	m := &metrics{calls: telemetry.AccountCalls.Counter(p, scope), wait: telemetry.AccountWait.Histogram(p, scope)}
	// A rate of refusals misses the first one of a series that starts at 1.
	for l := Unknown; l <= Day; l++ {
		m.calls.Add(context.Background(), 0, metric.WithAttributes(telemetry.Outcome.String(l.String())))
	}
	return m
}

func (m *metrics) answered(outcome string) {
	m.calls.Add(context.Background(), 1, metric.WithAttributes(telemetry.Outcome.String(outcome)))
}

func (m *metrics) waited(ctx context.Context, d time.Duration) { m.wait.Record(ctx, d.Seconds()) }

// See reports the account's gauges.
func (a *Account) See(see telemetry.See) {
	a.mu.Lock()
	l, waiting := a.known.rules(a.cfg), len(a.waiting)
	calls := a.calls
	a.mu.Unlock()
	see(telemetry.AccountWaiting, float64(waiting))
	see(telemetry.AccountUnderWay, float64(calls))
	for limit, value := range map[Limit]int{Concurrency: l.concurrency, Calls: l.calls, Tokens: l.tokens} {
		if value > 0 {
			see(telemetry.AccountLimit, float64(value), telemetry.Limit.String(limit.String()))
		}
	}
}
