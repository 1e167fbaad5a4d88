package jobqueue_test

import (
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/wandstore/wandstore/pkg/jobqueue"
)

func TestOneTraceFromClaimToJob(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	before, propagator := otel.GetTracerProvider(), otel.GetTextMapPropagator()
	otel.SetTracerProvider(provider)
	otel.SetTextMapPropagator(propagation.TraceContext{})
	t.Cleanup(func() {
		otel.SetTracerProvider(before)
		otel.SetTextMapPropagator(propagator)
	})
	p := newPool(t, one())
	ctx, visit := provider.Tracer("test").Start(t.Context(), "visit")
	ticket, err := p.queue.Trigger(ctx, jobqueue.Request{Key: key(t, "abc123")})
	if err != nil {
		t.Fatal(err)
	}
	visit.End()
	w := p.work()
	c := w.next()
	inside := trace.SpanContextFromContext(c.ctx)
	c.answer <- nil
	p.reaches("abc123", ready)
	w.stop()
	w.ends()

	spans := map[string]sdktrace.ReadOnlySpan{}
	for _, s := range recorder.Ended() {
		spans[s.Name()] = s
	}
	send, process, claim := spans["send wandstore.generate.pool-0"], spans["process wandstore.generate.pool-0"], spans["claim"]
	if send == nil || process == nil || claim == nil {
		t.Fatalf("spans: got %v", spans)
	}
	for _, edge := range []struct {
		child  sdktrace.ReadOnlySpan
		parent trace.SpanContext
		kind   trace.SpanKind
	}{
		{claim, visit.SpanContext(), trace.SpanKindClient},
		{send, visit.SpanContext(), trace.SpanKindProducer},
		{process, send.SpanContext(), trace.SpanKindConsumer},
	} {
		if edge.child.Parent().SpanID() != edge.parent.SpanID() || edge.child.SpanContext().TraceID() != edge.parent.TraceID() {
			t.Errorf("%s: got parent %v", edge.child.Name(), edge.child.Parent())
		}
		if edge.child.SpanKind() != edge.kind {
			t.Errorf("%s: got kind %v, want %v", edge.child.Name(), edge.child.SpanKind(), edge.kind)
		}
	}
	if inside.SpanID() != process.SpanContext().SpanID() {
		t.Error("the handler does not run in the process span")
	}
	if !process.Parent().IsRemote() {
		t.Error("the process span's parent did not come by the headers")
	}
	attributes := map[attribute.Key]string{}
	for _, a := range process.Attributes() {
		attributes[a.Key] = a.Value.String()
	}
	for name, want := range map[attribute.Key]string{
		"messaging.system": "nats", "messaging.destination.name": "wandstore.generate.pool-0", "messaging.operation.type": "process",
		"messaging.message.id": ticket.Record.GetJobId(), "wandstore.outcome": "ready", "wandstore.pool.member": member,
	} {
		if attributes[name] != want {
			t.Errorf("%s: got %q, want %q", name, attributes[name], want)
		}
	}
	for _, s := range recorder.Ended() {
		for _, a := range s.Attributes() {
			if a.Value.String() == "abc123" {
				t.Errorf("%s names the shopper in %s", s.Name(), a.Key)
			}
		}
	}
	if tp := p.record("abc123").GetTraceparent(); tp == "" {
		t.Error("the record has no traceparent")
	}
}
