package pagemaker

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"

	"github.com/wandstore/wandstore/pkg/telemetry"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// Metrics count the pages that were made.
type Metrics struct {
	generations metric.Int64Counter
	cost        metric.Float64Histogram
}

// NewMetrics returns Metrics of the global meter provider.
func NewMetrics() *Metrics {
	p := otel.GetMeterProvider()
	return &Metrics{generations: telemetry.PageGenerations.Counter(p, scope), cost: telemetry.PageCost.Histogram(p, scope)}
}

// made counts a page. why is the error for which it is the template's.
func (m *Metrics) made(ctx context.Context, page *wandstorev1.Page, why error) {
	set := []attribute.KeyValue{telemetry.Persona.String(page.GetPersona()), telemetry.Source.String(page.GetSource())}
	m.cost.Record(ctx, float64(page.GetCostMicros())/1e6, metric.WithAttributes(set...))
	if why != nil {
		set = append(set, semconv.ErrorTypeKey.String(errorType(why)))
	}
	m.generations.Add(ctx, 1, metric.WithAttributes(set...))
}

// errorType returns an error's type, a word of a small set, or "_OTHER" if the error has
// none (OpenTelemetry semantic conventions, error.type).
func errorType(err error) string {
	var typed interface{ ErrorType() string }
	if errors.As(err, &typed) {
		return typed.ErrorType()
	}
	return "_OTHER"
}
