package telemetry

import (
	"context"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// Metric declares a metric: instruments are made from declarations only, so that
// what is declared in [Metrics] is all that there is.
type Metric struct {
	// Name is OpenTelemetry's; Prometheus writes dots as underscores and adds the unit.
	Name string
	// Kind is counter, histogram or gauge.
	Kind Kind
	// Unit is UCUM's.
	Unit string
	// Description is one sentence.
	Description string
	// Attributes are the keys that a measurement may have; each has few values.
	Attributes []attribute.Key
	// Buckets are a histogram's upper bounds.
	Buckets []float64
}

// Kind is what is made of a metric's measurements.
type Kind string

// The kinds of metrics.
const (
	KindCounter   Kind = "counter"
	KindHistogram Kind = "histogram"
	KindGauge     Kind = "gauge"
)

// Counter makes the metric's counter. An error is a declaration that OpenTelemetry
// refuses; its handler is told, and nothing is counted.
func (m Metric) Counter(p metric.MeterProvider, scope string) metric.Int64Counter {
	c, err := p.Meter(scope).Int64Counter(m.Name, metric.WithUnit(m.Unit), metric.WithDescription(m.Description))
	handle(err)
	return c
}

// FloatCounter makes the metric's counter, of what is not whole; errors as of
// [Metric.Counter].
func (m Metric) FloatCounter(p metric.MeterProvider, scope string) metric.Float64Counter {
	c, err := p.Meter(scope).Float64Counter(m.Name, metric.WithUnit(m.Unit), metric.WithDescription(m.Description))
	handle(err)
	return c
}

// Histogram makes the metric's histogram; errors as of [Metric.Counter].
func (m Metric) Histogram(p metric.MeterProvider, scope string) metric.Float64Histogram {
	h, err := p.Meter(scope).Float64Histogram(m.Name, metric.WithUnit(m.Unit), metric.WithDescription(m.Description),
		metric.WithExplicitBucketBoundaries(m.Buckets...))
	handle(err)
	return h
}

// See notes the value of one gauge.
type See func(gauge Metric, value float64, attributes ...attribute.KeyValue)

// Observe has the gauges collected together, by one call of observe a collection,
// until stop is called; errors as of [Metric.Counter].
func Observe(p metric.MeterProvider, scope string, observe func(ctx context.Context, see See) error, gauges ...Metric) (stop func()) {
	meter := p.Meter(scope)
	made := make(map[string]metric.Float64Observable, len(gauges))
	all := make([]metric.Observable, 0, len(gauges))
	for _, m := range gauges {
		gauge, err := meter.Float64ObservableGauge(m.Name, metric.WithUnit(m.Unit), metric.WithDescription(m.Description))
		handle(err)
		made[m.Name] = gauge
		all = append(all, gauge)
	}
	registration, err := meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		return observe(ctx, func(m Metric, value float64, attributes ...attribute.KeyValue) {
			o.ObserveFloat64(made[m.Name], value, metric.WithAttributes(attributes...))
		})
	}, all...)
	handle(err)
	return func() {
		if registration != nil {
			handle(registration.Unregister())
		}
	}
}

func handle(err error) {
	if err != nil {
		otel.Handle(err)
	}
}
