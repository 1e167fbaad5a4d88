package pagemaker

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"

	"github.com/wandstore/wandstore/pkg/telemetry"
)

// Metrics count the pages that were made.
type Metrics struct {
	generations metric.Int64Counter
}

// NewMetrics returns Metrics of the global meter provider.
func NewMetrics() *Metrics {
	return &Metrics{generations: telemetry.PageGenerations.Counter(otel.GetMeterProvider(), scope)}
}

func (m *Metrics) made(ctx context.Context, persona, source string, why error) {
	set := []attribute.KeyValue{telemetry.Persona.String(persona), telemetry.Source.String(source)}
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
