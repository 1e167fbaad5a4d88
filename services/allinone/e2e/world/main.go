package world

import (
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/wandstore/wandstore/pkg/miniotest"
	"github.com/wandstore/wandstore/pkg/natstest"
)

// Telemetry is one a process: what the services of all worlds trace and measure. A test
// looks for its own by trace or by shopper.
var (
	Spans    = tracetest.NewSpanRecorder()
	Measured = metric.NewManualReader()
)

// Main is for a room's TestMain. Its Run runs the room's tests, then stops what they
// shared.
func Main(m natstest.Runner) natstest.Runner { return runner{natstest.Main(miniotest.Main(m))} }

type runner struct{ m natstest.Runner }

func (r runner) Run() int {
	otel.SetMeterProvider(metric.NewMeterProvider(metric.WithReader(Measured)))
	otel.SetTracerProvider(trace.NewTracerProvider(trace.WithSpanProcessor(Spans)))
	otel.SetTextMapPropagator(propagation.TraceContext{})
	defer removeBinaries()
	defer sharedChromium.stop()
	return r.m.Run()
}
