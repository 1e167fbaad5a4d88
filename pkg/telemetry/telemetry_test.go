package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"

	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/leaktest"
	"github.com/wandstore/wandstore/pkg/telemetry"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// setUp sets telemetry up as a service does, and shuts it down when the test ends.
func setUp(t *testing.T) {
	t.Helper()
	tele, err := telemetry.Setup(t.Context(), "wand")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tele.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("flush: %v", err)
		}
	})
}

// quiet unsets the variables that enable exporters.
func quiet(t *testing.T) {
	for _, name := range []string{
		"OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT",
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL",
	} {
		t.Setenv(name, "")
	}
}

func TestLogLinesHaveTraceIDs(t *testing.T) {
	quiet(t)
	setUp(t)
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, "wand").With("member", "pool-3")
	ctx, span := otel.Tracer("test").Start(t.Context(), "visit")
	defer span.End()
	log.InfoContext(ctx, "inside")
	log.Info("outside")
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("got %q", out.String())
	}
	var inside, outside map[string]any
	for i, into := range []*map[string]any{&inside, &outside} {
		if err := json.Unmarshal([]byte(lines[i]), into); err != nil {
			t.Fatal(err)
		}
	}
	sc := span.SpanContext()
	if inside["trace_id"] != sc.TraceID().String() || inside["span_id"] != sc.SpanID().String() || inside["service"] != "wand" || inside["member"] != "pool-3" {
		t.Errorf("inside a span: got %v", inside)
	}
	if _, has := outside["trace_id"]; has || outside["service"] != "wand" {
		t.Errorf("outside: got %v", outside)
	}
}

// Who exports nothing records nothing, and still passes traces on: others of a trace export.
func TestSpansThatNobodyExports(t *testing.T) {
	quiet(t)
	setUp(t)
	tracer := otel.Tracer("test")
	ctx, visit := tracer.Start(t.Context(), "visit")
	_, job := tracer.Start(ctx, "job")
	_, root := tracer.Start(ctx, "root", trace.WithNewRoot())
	for name, span := range map[string]trace.Span{"visit": visit, "job": job, "root": root} {
		if c := span.SpanContext(); !c.IsValid() || !c.IsSampled() || span.IsRecording() {
			t.Errorf("%s: %v, recording %v; want a sampled one that is not recorded", name, c, span.IsRecording())
		}
		span.End()
	}
	if visit.SpanContext().TraceID() != job.SpanContext().TraceID() || visit.SpanContext().SpanID() == job.SpanContext().SpanID() {
		t.Errorf("a span within %v: %v", visit.SpanContext(), job.SpanContext())
	}
	if visit.SpanContext().TraceID() == root.SpanContext().TraceID() {
		t.Errorf("a new root has the trace of another: %v", root.SpanContext())
	}
	unsampled := trace.ContextWithRemoteSpanContext(t.Context(), visit.SpanContext().WithTraceFlags(0))
	if _, span := tracer.Start(unsampled, "visit"); span.SpanContext().IsSampled() {
		t.Error("an unsampled trace becomes a sampled one")
	}
}

func TestTraceGoesThroughNATSHeaders(t *testing.T) {
	quiet(t)
	setUp(t)
	ctx, span := otel.Tracer("test").Start(t.Context(), "send")
	defer span.End()
	h := nats.Header{}
	telemetry.Inject(ctx, h)
	// Other services read the header by its name in W3C Trace Context, and header names of
	// NATS are case-sensitive.
	if len(h["traceparent"]) != 1 || len(h) != 1 {
		t.Fatalf("headers: got %v", h)
	}
	got := trace.SpanContextFromContext(telemetry.Extract(t.Context(), h))
	if got.TraceID() != span.SpanContext().TraceID() || got.SpanID() != span.SpanContext().SpanID() || !got.IsRemote() || !got.IsSampled() {
		t.Errorf("got %v", got)
	}
	if h["traceparent"][0] != telemetry.Traceparent(ctx) {
		t.Errorf("Traceparent: got %q, want %q", telemetry.Traceparent(ctx), h["traceparent"][0])
	}
	back := telemetry.SpanContext(telemetry.Traceparent(ctx))
	if back.TraceID() != got.TraceID() || back.SpanID() != got.SpanID() {
		t.Errorf("SpanContext: got %v", back)
	}
	if telemetry.TraceID(ctx) != got.TraceID().String() {
		t.Errorf("TraceID: got %q", telemetry.TraceID(ctx))
	}
}

func TestNoTrace(t *testing.T) {
	quiet(t)
	setUp(t)
	h := nats.Header{}
	telemetry.Inject(t.Context(), h)
	if len(h) != 0 || telemetry.Traceparent(t.Context()) != "" || telemetry.TraceID(t.Context()) != "" {
		t.Errorf("got %v, %q, %q", h, telemetry.Traceparent(t.Context()), telemetry.TraceID(t.Context()))
	}
	for _, tp := range []string{"", "wand", "00-0-0-01", "\xff", "00-00000000000000000000000000000000-0000000000000000-01"} {
		if sc := telemetry.SpanContext(tp); sc.IsValid() {
			t.Errorf("%q: got %v", tp, sc)
		}
		if sc := trace.SpanContextFromContext(telemetry.Extract(t.Context(), nats.Header{"traceparent": {tp}})); sc.IsValid() {
			t.Errorf("%q: got %v", tp, sc)
		}
	}
	if sc := trace.SpanContextFromContext(telemetry.Extract(t.Context(), nil)); sc.IsValid() {
		t.Errorf("no headers: got %v", sc)
	}
}

// A collector gets the signals that the environment enables, and no others. A scrape names the
// traces that it got.
func TestExportsOnlyWhenAsked(t *testing.T) {
	for _, c := range []struct {
		name            string
		env             map[string]string
		traces, metrics bool
	}{
		{"not asked", nil, false, false},
		{"endpoint", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "*"}, true, true},
		{"endpoint of traces", map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "*"}, true, false},
		{"endpoint of metrics", map[string]string{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "*"}, false, true},
		{"no traces", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "*", "OTEL_TRACES_EXPORTER": "none"}, false, true},
		{"disabled", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "*", "OTEL_SDK_DISABLED": "TRUE"}, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			quiet(t)
			var traces, metrics atomic.Bool
			collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				// The exporter adds no path to an endpoint for one signal.
				switch {
				case r.URL.Path == "/v1/traces", c.env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] != "":
					traces.Store(true)
				case r.URL.Path == "/v1/metrics", c.env["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"] != "":
					metrics.Store(true)
				}
			}))
			defer collector.Close()
			t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
			t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", strconv.FormatInt(eventually.Patience.Milliseconds(), 10))
			for name, value := range c.env {
				if value == "*" {
					value = collector.URL
				}
				t.Setenv(name, value)
			}
			tele, err := telemetry.Setup(t.Context(), "wand")
			if err != nil {
				t.Fatal(err)
			}
			ctx, span := otel.Tracer("test").Start(t.Context(), "visit")
			if !span.SpanContext().IsValid() || telemetry.TraceID(ctx) == "" {
				t.Error("a span without ids")
			}
			span.End()
			counter, err := otel.Meter("test").Int64Counter("visits")
			if err != nil {
				t.Fatal(err)
			}
			counter.Add(ctx, 1)
			scrape := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
			scrape.Header.Set("Accept", "application/openmetrics-text")
			answer := httptest.NewRecorder()
			tele.Metrics.ServeHTTP(answer, scrape)
			if named := strings.Contains(answer.Body.String(), telemetry.TraceID(ctx)); named != c.traces {
				t.Errorf("the trace is named by a scrape: %t, want %t:\n%s", named, c.traces, answer.Body)
			}
			if err := tele.Shutdown(t.Context()); err != nil {
				t.Errorf("flush: %v", err)
			}
			if traces.Load() != c.traces || metrics.Load() != c.metrics {
				t.Errorf("exported traces %t, metrics %t, want %t, %t", traces.Load(), metrics.Load(), c.traces, c.metrics)
			}
		})
	}
}

func TestSetupRefusesAnUnknownExporter(t *testing.T) {
	for _, name := range []string{"OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER"} {
		quiet(t)
		t.Setenv(name, "pigeons")
		if _, err := telemetry.Setup(t.Context(), "wand"); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// A scrape says what the process was built from, with the version of Go at least.
func TestBuildIsScraped(t *testing.T) {
	quiet(t)
	tele, err := telemetry.Setup(t.Context(), "wand")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tele.Shutdown(context.WithoutCancel(t.Context())) })
	answer := httptest.NewRecorder()
	tele.Metrics.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	want := fmt.Sprintf("wandstore_build_info{wandstore_go_version=%q,", runtime.Version())
	if text := answer.Body.String(); strings.Count(text, want) != 1 || !strings.Contains(telemetry.ReadBuild().String(), runtime.Version()) {
		t.Errorf("no %s in\n%s", want, text)
	}
}
