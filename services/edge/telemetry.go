package edge

import (
	"fmt"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/wandstore/wandstore/pkg/telemetry"
)

const scope = "github.com/wandstore/wandstore/services/edge"

type requestMetrics struct {
	duration metric.Float64Histogram
}

func newRequestMetrics() (*requestMetrics, error) {
	d, err := otel.Meter(scope).Float64Histogram("http.server.request.duration",
		metric.WithUnit("s"),
		metric.WithDescription("Duration of HTTP server requests."),
		// The semantic conventions' buckets, and finer ones where hits are.
		metric.WithExplicitBucketBoundaries(0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10))
	if err != nil {
		return nil, fmt.Errorf("metric: %w", err)
	}
	return &requestMetrics{d}, nil
}

// trace makes the server span of a request (semantic conventions for HTTP). A
// traceparent from outside is linked, not taken as the parent: whoever sends it
// would decide what is sampled and where our traces go. TrustTraceparent says that
// the sender is our own.
func (e *edge) trace(c *fiber.Ctx) error {
	start := time.Now()
	options := []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindServer)}
	parent := c.UserContext()
	if outside := telemetry.SpanContext(c.Get("traceparent")); outside.IsValid() {
		if e.cfg.TrustTraceparent {
			parent = trace.ContextWithRemoteSpanContext(parent, outside)
		} else {
			options = append(options, trace.WithNewRoot(), trace.WithLinks(trace.Link{SpanContext: outside}))
		}
	}
	ctx, span := otel.Tracer(scope).Start(parent, methodOf(c), options...)
	defer span.End()
	c.SetUserContext(ctx)
	if err := c.Next(); err != nil {
		// Answered here, so that the span knows the status.
		if err := e.fail(c, err); err != nil {
			return err
		}
	}
	method := methodOf(c)
	status := c.Response().StatusCode()
	attributes := []metric.RecordOption{metric.WithAttributes(
		semconv.HTTPRequestMethodKey.String(method), semconv.HTTPRoute(routeOf(c)), semconv.HTTPResponseStatusCode(status))}
	span.SetName(method + " " + routeOf(c))
	span.SetAttributes(
		semconv.HTTPRequestMethodKey.String(method), semconv.HTTPRoute(routeOf(c)),
		semconv.HTTPResponseStatusCode(status), semconv.URLScheme(schemeOf(c)))
	if status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, http.StatusText(status))
	}
	e.requests.duration.Record(ctx, time.Since(start).Seconds(), attributes...)
	return nil
}

// routeOf is the route's pattern; what has none is one route of its own, or every
// path that somebody tries would be.
func routeOf(c *fiber.Ctx) string {
	if path := c.Route().Path; path != "/" {
		return path
	}
	return "none"
}

// methodOf and schemeOf give constants: what fiber gives lives in reused memory.
func methodOf(c *fiber.Ctx) string {
	switch c.Method() {
	case http.MethodGet:
		return http.MethodGet
	case http.MethodHead:
		return http.MethodHead
	case http.MethodPost:
		return http.MethodPost
	default:
		return "_OTHER"
	}
}

func schemeOf(c *fiber.Ctx) string {
	if c.Protocol() == "https" {
		return "https"
	}
	return "http"
}
