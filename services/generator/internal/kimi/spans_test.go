package kimi

import (
	"strings"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

func TestSpans(t *testing.T) {
	const id = "kimi-spans"
	m := newModel(t, answers(429, "rate_limit_reached_error"), fine)
	ctx, parent := otel.Tracer("test").Start(t.Context(), "job")
	if _, err := newClient(t, Config{BaseURL: m.URL, Model: id}).Complete(ctx, ask); err != nil {
		t.Fatal(err)
	}
	parent.End()
	var mine []sdktrace.ReadOnlySpan
	for _, s := range spans.Ended() {
		if s.Name() == "chat "+id && s.SpanContext().TraceID() == parent.SpanContext().TraceID() {
			mine = append(mine, s)
		}
	}
	if len(mine) != 2 {
		t.Fatalf("%d spans for two tries", len(mine))
	}
	for _, s := range mine {
		if s.SpanKind() != trace.SpanKindClient || s.Parent().SpanID() != parent.SpanContext().SpanID() {
			t.Errorf("kind %v below %v", s.SpanKind(), s.Parent().SpanID())
		}
		has(t, s, "gen_ai.operation.name", "chat")
		has(t, s, "gen_ai.provider.name", "moonshot_ai")
		has(t, s, "gen_ai.request.model", id)
		has(t, s, "server.address", "127.0.0.1")
		for _, a := range s.Attributes() {
			for _, secret := range []string{key, prompt, "a fine answer"} {
				if strings.Contains(a.Value.String(), secret) {
					t.Errorf("%s tells %q", a.Key, secret)
				}
			}
		}
	}
	has(t, mine[0], "error.type", "429")
	if mine[0].Status().Code != codes.Error {
		t.Errorf("status %+v", mine[0].Status())
	}
	has(t, mine[1], "gen_ai.response.model", "kimi-said")
	has(t, mine[1], "gen_ai.usage.input_tokens", "11")
	has(t, mine[1], "gen_ai.usage.output_tokens", "7")
	has(t, mine[1], "gen_ai.response.finish_reasons", `["stop"]`)
	has(t, mine[1], "http.request.resend_count", "1")
	if events := mine[1].Events(); len(events) != 1 || events[0].Name != "gen_ai.first_token" || mine[1].Status().Code == codes.Error {
		t.Errorf("events %+v, status %+v", events, mine[1].Status())
	}
}

func has(t *testing.T, s sdktrace.ReadOnlySpan, key attribute.Key, want string) {
	t.Helper()
	for _, a := range s.Attributes() {
		if a.Key == key {
			if got := a.Value.String(); got != want {
				t.Errorf("%s is %s, want %s", key, got, want)
			}
			return
		}
	}
	t.Errorf("no %s", key)
}
