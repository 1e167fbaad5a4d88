package pagemaker

import (
	"context"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/wandstore/wandstore/pkg/telemetry"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// Metrics count the pages that were made.
type Metrics struct {
	generations, byShop metric.Int64Counter
	cost                metric.Float64Histogram
}

// NewMetrics returns Metrics of the global meter provider.
func NewMetrics() *Metrics {
	p := otel.GetMeterProvider()
	return &Metrics{
		generations: telemetry.PageGenerations.Counter(p, scope), byShop: telemetry.PageGenerationsByShop.Counter(p, scope),
		cost: telemetry.PageCost.Histogram(p, scope),
	}
}

// made counts a page. shop is the shop's label, why the error for which it is the template's.
func (m *Metrics) made(ctx context.Context, shop string, page *wandstorev1.Page, why error) {
	persona, source := telemetry.Persona.String(page.GetPersona()), telemetry.Source.String(page.GetSource())
	set, byShop := []attribute.KeyValue{persona, source}, []attribute.KeyValue{telemetry.Store.String(shop), source}
	m.cost.Record(ctx, float64(page.GetCostMicros())/1e6, metric.WithAttributes(set...))
	if why != nil {
		reason := telemetry.ErrorType(why)
		set, byShop = append(set, reason), append(byShop, reason)
	}
	m.generations.Add(ctx, 1, metric.WithAttributes(set...))
	m.byShop.Add(ctx, 1, metric.WithAttributes(byShop...))
}
