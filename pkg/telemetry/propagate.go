package telemetry

import (
	"context"

	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// headers carries trace context in NATS headers. Their names are case-sensitive, and those
// of W3C Trace Context are in lower case; the carrier for net/http capitalises them.
type headers nats.Header

func (h headers) Get(key string) string { return nats.Header(h).Get(key) }
func (h headers) Set(key, value string) { nats.Header(h).Set(key, value) }
func (h headers) Keys() []string {
	keys := make([]string, 0, len(h))
	for k := range h {
		keys = append(keys, k)
	}
	return keys
}

// Inject writes the trace context of ctx into a message's headers.
func Inject(ctx context.Context, h nats.Header) {
	otel.GetTextMapPropagator().Inject(ctx, headers(h))
}

// Extract returns ctx with the trace context of a message's headers, if they have one.
func Extract(ctx context.Context, h nats.Header) context.Context {
	return otel.GetTextMapPropagator().Extract(ctx, headers(h))
}

// Traceparent is the span of ctx as a W3C traceparent; "" if ctx has no span.
func Traceparent(ctx context.Context) string {
	c := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, c)
	return c["traceparent"]
}

// SpanContext parses a W3C traceparent. A malformed one gives an invalid span context,
// which OpenTelemetry ignores as a link or parent.
func SpanContext(traceparent string) trace.SpanContext {
	if traceparent == "" {
		return trace.SpanContext{}
	}
	c := propagation.MapCarrier{"traceparent": traceparent}
	return trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), c))
}

// TraceID is the trace id of ctx, 32 hex digits; "" if ctx has no trace.
func TraceID(ctx context.Context) string {
	if sc := trace.SpanContextFromContext(ctx); sc.HasTraceID() {
		return sc.TraceID().String()
	}
	return ""
}
