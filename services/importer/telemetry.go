package importer

import (
	"time"

	"github.com/gofiber/fiber/v2"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"

	"github.com/wandstore/wandstore/pkg/httpserver"
	"github.com/wandstore/wandstore/pkg/telemetry"
)

const scope = "github.com/wandstore/wandstore/services/importer"

type metrics struct {
	requests metric.Float64Histogram
	panics   metric.Int64Counter
}

func newMetrics() metrics {
	p := otel.GetMeterProvider()
	return metrics{requests: telemetry.HTTPRequestDuration.Histogram(p, scope), panics: telemetry.Panics.Counter(p, scope)}
}

// measure measures a request, and answers its error, so that its status is known.
func (i *Importer) measure(c *fiber.Ctx) error {
	start := time.Now()
	if err := c.Next(); err != nil {
		if err := i.fail(c, err); err != nil {
			return err
		}
	}
	i.metrics.requests.Record(c.UserContext(), time.Since(start).Seconds(), metric.WithAttributes(
		semconv.HTTPRequestMethodKey.String(httpserver.Method(c)), semconv.HTTPRoute(httpserver.Route(c)),
		semconv.HTTPResponseStatusCode(c.Response().StatusCode())))
	return nil
}
