package telemetry

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
)

// Setup installs the global tracer and meter providers and the W3C propagator
// for the service of that name (OTEL_SERVICE_NAME wins). The function it returns
// flushes and stops them; it is never nil. It fails on OTEL_* values that the
// exporters refuse.
func Setup(ctx context.Context, service string) (func(context.Context) error, error) {
	none := func(context.Context) error { return nil }
	res, err := resource.New(ctx,
		resource.WithAttributes(semconv.ServiceName(service), semconv.ServiceNamespace("wandstore")),
		resource.WithTelemetrySDK(),
		resource.WithFromEnv(),
	)
	if err != nil {
		return none, fmt.Errorf("telemetry resource: %w", err)
	}
	tracing := []trace.TracerProviderOption{trace.WithResource(res)}
	if exports("TRACES") {
		exporter, err := autoexport.NewSpanExporter(ctx)
		if err != nil {
			return none, fmt.Errorf("telemetry traces: %w", err)
		}
		tracing = append(tracing, trace.WithBatcher(exporter))
	}
	tracer := trace.NewTracerProvider(tracing...)
	otel.SetTracerProvider(tracer)
	otel.SetTextMapPropagator(propagation.TraceContext{})

	stop := tracer.Shutdown
	if exports("METRICS") {
		reader, err := autoexport.NewMetricReader(ctx)
		if err != nil {
			return stop, fmt.Errorf("telemetry metrics: %w", err)
		}
		meter := metric.NewMeterProvider(metric.WithResource(res), metric.WithReader(reader))
		otel.SetMeterProvider(meter)
		stop = func(ctx context.Context) error {
			return errors.Join(tracer.Shutdown(ctx), meter.Shutdown(ctx))
		}
	}
	return stop, nil
}

// exports tells whether the environment asks for a signal to leave the process.
// The exporters' own default, without any setting, would be localhost:4318.
func exports(signal string) bool {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") {
		return false
	}
	switch os.Getenv("OTEL_" + signal + "_EXPORTER") {
	case "none":
		return false
	case "":
		return os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" ||
			os.Getenv("OTEL_EXPORTER_OTLP_"+signal+"_ENDPOINT") != ""
	default:
		return true
	}
}
