package telemetry

import (
	"context"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// Metric declares a metric. Instruments are made from declarations only, so [Metrics] is
// the complete list.
type Metric struct {
	// Name is the name in OpenTelemetry. Prometheus has underscores instead of dots, and
	// the unit at the end.
	Name string
	// Kind is counter, histogram or gauge.
	Kind Kind
	// Unit is a unit of UCUM.
	Unit string
	// Description is one sentence.
	Description string
	// Attributes is the keys that a measurement may have. Each has few values.
	Attributes []attribute.Key
	// Buckets is the upper bounds of a histogram.
	Buckets []float64
}

// Kind is the kind of a metric's instrument.
type Kind string

// The kinds of metrics.
const (
	KindCounter   Kind = "counter"
	KindHistogram Kind = "histogram"
	KindGauge     Kind = "gauge"
)

// Counter makes the metric's counter. If OpenTelemetry refuses the declaration, its error
// handler gets the error, and the counter counts nothing.
func (m Metric) Counter(p metric.MeterProvider, scope string) metric.Int64Counter {
	c, err := p.Meter(scope).Int64Counter(m.Name, metric.WithUnit(m.Unit), metric.WithDescription(m.Description))
	handle(err)
	return c
}

// FloatCounter makes the metric's counter of decimal numbers. Errors are as for
// [Metric.Counter].
func (m Metric) FloatCounter(p metric.MeterProvider, scope string) metric.Float64Counter {
	c, err := p.Meter(scope).Float64Counter(m.Name, metric.WithUnit(m.Unit), metric.WithDescription(m.Description))
	handle(err)
	return c
}

// Histogram makes the metric's histogram. Errors are as for [Metric.Counter].
func (m Metric) Histogram(p metric.MeterProvider, scope string) metric.Float64Histogram {
	h, err := p.Meter(scope).Float64Histogram(m.Name, metric.WithUnit(m.Unit), metric.WithDescription(m.Description),
		metric.WithExplicitBucketBoundaries(m.Buckets...))
	handle(err)
	return h
}

// See records the current value of one gauge.
type See func(gauge Metric, value float64, attributes ...attribute.KeyValue)

// Observe registers the gauges. Each collection calls observe once, which records their
// values, until stop is called. Errors are as for [Metric.Counter].
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
