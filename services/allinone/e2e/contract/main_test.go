package contract_test

import (
	"os"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/wandstore/wandstore/services/allinone/e2e/world"
)

// spans records what every service of this process traces.
var spans = tracetest.NewSpanRecorder()

// measured collects what every service of this process measures.
var measured = metric.NewManualReader()

func TestMain(m *testing.M) {
	otel.SetMeterProvider(metric.NewMeterProvider(metric.WithReader(measured)))
	otel.SetTracerProvider(trace.NewTracerProvider(trace.WithSpanProcessor(spans)))
	otel.SetTextMapPropagator(propagation.TraceContext{})
	os.Exit(world.Main(m).Run())
}
