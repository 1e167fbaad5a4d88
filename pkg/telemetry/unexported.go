package telemetry

import (
	"context"
	"encoding/binary"
	"math/rand/v2"

	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// unexported is the tracer provider of a process that exports no spans. Its spans have ids,
// which logs and trails show, and by which the spans of others who do export belong
// together; but nothing is recorded of them, which would be a quarter of the work of a hit.
type unexported struct{ noop.TracerProvider }

func (unexported) Tracer(string, ...trace.TracerOption) trace.Tracer { return identifier{} }

type identifier struct{ noop.Tracer }

// Start continues the trace of ctx, sampled or not, or begins a sampled one: the SDK's
// default, parentbased_always_on.
func (identifier) Start(ctx context.Context, _ string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	var parent trace.SpanContext
	if cfg := trace.NewSpanStartConfig(options...); !cfg.NewRoot() {
		parent = trace.SpanContextFromContext(ctx)
	}
	is := trace.SpanContextConfig{TraceID: parent.TraceID(), TraceFlags: parent.TraceFlags(), TraceState: parent.TraceState()}
	if !parent.IsValid() {
		is = trace.SpanContextConfig{TraceFlags: trace.FlagsSampled}
		binary.BigEndian.PutUint64(is.TraceID[:8], rand.Uint64())
		binary.BigEndian.PutUint64(is.TraceID[8:], rand.Uint64()|1) // no id is all zeros
	}
	binary.BigEndian.PutUint64(is.SpanID[:], rand.Uint64()|1)
	ctx = trace.ContextWithSpanContext(ctx, trace.NewSpanContext(is))
	return ctx, trace.SpanFromContext(ctx)
}
