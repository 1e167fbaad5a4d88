package importer

import (
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/gofiber/fiber/v2"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"

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

var errPanicked = errors.New("the handler panicked")

// measure measures a request, and answers its error, so that its status is known.
func (i *Importer) measure(c *fiber.Ctx) error {
	start := time.Now()
	if err := i.recovered(c); err != nil {
		if err := i.fail(c, err); err != nil {
			return err
		}
	}
	// Constants, because fiber's strings are in memory that is reused, and what a client
	// sends must make no new series.
	method, route := "_OTHER", "none"
	switch c.Method() {
	case http.MethodGet:
		method = http.MethodGet
	case http.MethodPost:
		method = http.MethodPost
	}
	if path := c.Route().Path; path != "/" {
		route = path
	}
	i.metrics.requests.Record(c.UserContext(), time.Since(start).Seconds(), metric.WithAttributes(
		semconv.HTTPRequestMethodKey.String(method), semconv.HTTPRoute(route), semconv.HTTPResponseStatusCode(c.Response().StatusCode())))
	return nil
}

// recovered is the handler's error, or that of its panic: one request's fault ends no other.
func (i *Importer) recovered(c *fiber.Ctx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			i.metrics.panics.Add(c.UserContext(), 1)
			i.log.ErrorContext(c.UserContext(), "handler panicked", "route", c.Route().Path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = errPanicked
		}
	}()
	return c.Next()
}
