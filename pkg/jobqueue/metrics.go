package jobqueue

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"

	"github.com/wandstore/wandstore/pkg/telemetry"
)

type metrics struct {
	duration metric.Float64Histogram
}

func newMetrics() (*metrics, error) {
	d, err := otel.Meter(scope).Float64Histogram("wandstore.job.duration",
		metric.WithUnit("s"),
		metric.WithDescription("Time from a job's delivery to its settling, by member and outcome."),
		// A model takes about 100 s, a job at most its time-out.
		metric.WithExplicitBucketBoundaries(0.01, 0.05, 0.25, 1, 5, 10, 20, 40, 60, 80, 100, 120, 150, 180, 240, 300))
	if err != nil {
		return nil, fmt.Errorf("metric: %w", err)
	}
	return &metrics{d}, nil
}

func (m *metrics) ended(ctx context.Context, member, outcome string, d time.Duration) {
	m.duration.Record(ctx, d.Seconds(), metric.WithAttributes(telemetry.Member.String(member), telemetry.Outcome.String(outcome)))
}
