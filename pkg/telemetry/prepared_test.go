package telemetry_test

import (
	"fmt"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/wandstore/wandstore/pkg/telemetry"
)

// Measurements with prepared attributes are counted apart, also those whose attributes are no
// longer kept because there are too many.
func TestPrepared(t *testing.T) {
	t.Parallel()
	reader := sdkmetric.NewManualReader()
	counter := telemetry.RateLimited.Counter(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader), sdkmetric.WithCardinalityLimit(0)), "test")
	var prepared telemetry.Prepared[int]
	attributes := func(key int) []attribute.KeyValue { return []attribute.KeyValue{attribute.Int("key", key)} }
	const keys, each = 1500, 4
	var all sync.WaitGroup
	for range each {
		all.Go(func() {
			for key := range keys {
				counter.Add(t.Context(), 1, prepared.Get(key, attributes).Add...)
			}
		})
	}
	all.Wait()
	var got metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &got); err != nil {
		t.Fatal(err)
	}
	sum, ok := got.ScopeMetrics[0].Metrics[0].Data.(metricdata.Sum[int64])
	if !ok || len(sum.DataPoints) != keys {
		t.Fatalf("%d series, want %d", len(sum.DataPoints), keys)
	}
	for _, p := range sum.DataPoints {
		if p.Value != each {
			t.Error(fmt.Sprint(p.Attributes.ToSlice()), p.Value)
		}
	}
}
