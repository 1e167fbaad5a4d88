package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/otel"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
)

// Telemetry is what Setup has installed.
type Telemetry struct {
	// Metrics answers a scrape of Prometheus: every metric of the process and of the
	// Go runtime, with exemplars where OpenMetrics is asked for. It works whatever
	// the environment says about exporters.
	Metrics http.Handler

	stop []func(context.Context) error
}

// Shutdown flushes and stops what was installed.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	failed := make([]error, len(t.stop))
	for i, stop := range t.stop {
		failed[i] = stop(ctx)
	}
	return errors.Join(failed...)
}

// Setup installs the global tracer and meter providers and the W3C propagator
// for the service of that name (OTEL_SERVICE_NAME wins). It fails on OTEL_* values
// that the exporters refuse.
func Setup(ctx context.Context, service string) (*Telemetry, error) {
	res, err := resource.New(ctx,
		resource.WithAttributes(semconv.ServiceName(service), semconv.ServiceNamespace("wandstore")),
		resource.WithTelemetrySDK(),
		resource.WithFromEnv(),
	)
	if err != nil {
		return nil, fmt.Errorf("telemetry resource: %w", err)
	}
	tracing := []trace.TracerProviderOption{trace.WithResource(res)}
	if exports("TRACES") {
		exporter, err := autoexport.NewSpanExporter(ctx)
		if err != nil {
			return nil, fmt.Errorf("telemetry traces: %w", err)
		}
		tracing = append(tracing, trace.WithBatcher(exporter))
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	scrape, err := otelprometheus.New(otelprometheus.WithRegisterer(registry), otelprometheus.WithoutScopeInfo())
	if err != nil {
		return nil, fmt.Errorf("telemetry metrics: %w", err)
	}
	metering := []metric.Option{metric.WithResource(res), metric.WithReader(scrape)}
	if exports("METRICS") {
		reader, err := autoexport.NewMetricReader(ctx)
		if err != nil {
			return nil, fmt.Errorf("telemetry metrics: %w", err)
		}
		metering = append(metering, metric.WithReader(reader))
	}
	tracer, meter := trace.NewTracerProvider(tracing...), metric.NewMeterProvider(metering...)
	otel.SetTracerProvider(tracer)
	otel.SetMeterProvider(meter)
	otel.SetTextMapPropagator(propagation.TraceContext{})
	return &Telemetry{
		Metrics: promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true}),
		stop:    []func(context.Context) error{tracer.Shutdown, meter.Shutdown},
	}, nil
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
