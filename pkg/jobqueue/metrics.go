package jobqueue

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/wandstore/wandstore/pkg/telemetry"
)

// metrics are the metrics of Queue, Consumer and Sweeper.
type metrics struct {
	claims, publishes, deliveries, deadLetters, failures metric.Int64Counter

	duration, attempts metric.Float64Histogram

	// label is a shop's name in metrics; nil is none.
	label func(shop string) string
}

func newMetrics(label func(shop string) string) *metrics {
	p := otel.GetMeterProvider()
	return &metrics{
		label:       label,
		failures:    telemetry.JobFailures.Counter(p, scope),
		claims:      telemetry.JobClaims.Counter(p, scope),
		publishes:   telemetry.JobPublishes.Counter(p, scope),
		deliveries:  telemetry.JobDeliveries.Counter(p, scope),
		deadLetters: telemetry.JobDeadLetters.Counter(p, scope),
		duration:    telemetry.JobDuration.Histogram(p, scope),
		attempts:    telemetry.JobAttempts.Histogram(p, scope),
	}
}

// Outcomes of a claim and of an offer to a member.
const (
	outcomeClaimed = "claimed"
	outcomePending = "pending"
	outcomeQueued  = "queued"
	outcomeRefused = "refused"
	outcomeError   = "error"
)

func (m *metrics) claimed(ctx context.Context, outcome string) {
	m.claims.Add(ctx, 1, metric.WithAttributes(telemetry.Outcome.String(outcome)))
}

func (m *metrics) offered(ctx context.Context, member string, err error) {
	outcome := outcomeQueued
	switch {
	case errors.Is(err, ErrQueueFull):
		outcome = outcomeRefused
	case err != nil:
		outcome = outcomeError
	}
	m.publishes.Add(ctx, 1, metric.WithAttributes(telemetry.Member.String(member), telemetry.Outcome.String(outcome)))
}

func (m *metrics) delivered(ctx context.Context, member string, redelivered bool) {
	m.deliveries.Add(ctx, 1, metric.WithAttributes(telemetry.Member.String(member), telemetry.Redelivered.Bool(redelivered)))
}

// ended records the end of a delivery, and of the job if this was its last one.
func (m *metrics) ended(ctx context.Context, member, outcome string, attempt int, d time.Duration) {
	if outcome == outcomeReady || outcome == outcomeDead {
		m.attempts.Record(ctx, float64(attempt), metric.WithAttributes(telemetry.Outcome.String(outcome)))
	}
	m.duration.Record(ctx, d.Seconds(), metric.WithAttributes(telemetry.Member.String(member), telemetry.Outcome.String(outcome)))
}

// failed counts a delivery that ended without a page. shop is "" if the job cannot be read.
func (m *metrics) failed(ctx context.Context, shop, outcome string, why error) {
	set := []attribute.KeyValue{telemetry.Outcome.String(outcome), telemetry.ErrorType(why)}
	if m.label != nil {
		set = append(set, telemetry.Store.String(m.label(shop)))
	}
	m.failures.Add(ctx, 1, metric.WithAttributes(set...))
}

// Why a job became a dead letter.
const (
	deadFailed = "failed"
	deadLapsed = "lapsed"
)

// zeroDeadLetters starts the counts of a member's dead letters at 0. An alert on an
// increase misses the first dead letter of a series that starts at 1.
func (m *metrics) zeroDeadLetters(ctx context.Context, member string) {
	for _, why := range []string{deadFailed, deadLapsed} {
		m.deadLetters.Add(ctx, 0, metric.WithAttributes(telemetry.Member.String(member), telemetry.Outcome.String(why)))
	}
}

func (m *metrics) deadLettered(ctx context.Context, member, why string) {
	m.deadLetters.Add(ctx, 1, metric.WithAttributes(telemetry.Member.String(member), telemetry.Outcome.String(why)))
}
