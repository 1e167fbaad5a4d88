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
	"go.opentelemetry.io/otel/sdk/metric/exemplar"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	apitrace "go.opentelemetry.io/otel/trace"
)

// Telemetry is the result of Setup.
type Telemetry struct {
	// Metrics answers scrapes of Prometheus with every metric of the process and of the Go
	// runtime, whatever the OTEL_* variables say. Where they have traces exported, a scrape
	// that accepts OpenMetrics gets exemplars.
	Metrics http.Handler

	stop []func(context.Context) error
}

// Shutdown exports what is pending and stops the exporters. It returns their errors,
// joined, among them ctx's if it ends before.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	failed := make([]error, len(t.stop))
	for i, stop := range t.stop {
		failed[i] = stop(ctx)
	}
	return errors.Join(failed...)
}

// Setup installs the global tracer provider, meter provider and W3C propagator. The
// service has the given name unless OTEL_SERVICE_NAME is set. It fails if an exporter
// refuses the value of an OTEL_* variable.
func Setup(ctx context.Context, service string) (*Telemetry, error) {
	res, err := resource.New(ctx,
		resource.WithAttributes(semconv.ServiceName(service), semconv.ServiceNamespace("wandstore")),
		resource.WithTelemetrySDK(),
		resource.WithFromEnv(),
	)
	if err != nil {
		return nil, fmt.Errorf("telemetry resource: %w", err)
	}
	var stop []func(context.Context) error
	var tracer apitrace.TracerProvider = unexported{}
	exemplars := exemplar.AlwaysOffFilter // nobody has the traces that they would name
	if exports("TRACES") {
		exporter, err := autoexport.NewSpanExporter(ctx)
		if err != nil {
			return nil, fmt.Errorf("telemetry traces: %w", err)
		}
		exported := trace.NewTracerProvider(trace.WithResource(res), trace.WithBatcher(exporter))
		tracer, stop = exported, append(stop, exported.Shutdown)
		exemplars = exemplar.TraceBasedFilter
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	scrape, err := otelprometheus.New(otelprometheus.WithRegisterer(registry), otelprometheus.WithoutScopeInfo())
	if err != nil {
		return nil, fmt.Errorf("telemetry metrics: %w", err)
	}
	metering := []metric.Option{metric.WithResource(res), metric.WithReader(scrape), metric.WithExemplarFilter(exemplars)}
	if exports("METRICS") {
		reader, err := autoexport.NewMetricReader(ctx)
		if err != nil {
			return nil, fmt.Errorf("telemetry metrics: %w", err)
		}
		metering = append(metering, metric.WithReader(reader))
	}
	meter := metric.NewMeterProvider(metering...)
	ReadBuild().observe(meter)
	otel.SetTracerProvider(tracer)
	otel.SetMeterProvider(meter)
	otel.SetTextMapPropagator(propagation.TraceContext{})
	return &Telemetry{
		Metrics: promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true}),
		stop:    append(stop, meter.Shutdown),
	}, nil
}

// exports reports whether the environment enables the export of a signal. Without this
// check, exporters without settings would send to their default, localhost:4318.
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
