//go:build collector

package deploy_test

import (
	"bytes"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/wandstore/wandstore/pkg/freeport"
	"github.com/wandstore/wandstore/pkg/telemetry"
)

var collectorBinary = flag.String("collector", "", "the collector's program")

// The collector itself takes its configuration. It keeps the traces of errors, of jobs and of
// what is slow, and what comes later of these; of hits it keeps few. Of a service's log line
// it makes a record that leads to its trace, and other lines it leaves as they are.
func TestCollector(t *testing.T) {
	const config = "observability/collector.yaml"
	if out, err := exec.CommandContext(t.Context(), *collectorBinary, "validate", "--config", config).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	tempo, loki := startTempo(t), startLoki(t)
	traces, lines := freeport.Addr(t), freeport.Addr(t)
	moved := filepath.Join(t.TempDir(), "moved.yaml")
	must(t, os.WriteFile(moved, fmt.Appendf(nil, `
receivers:
  otlp: {protocols: {grpc: {endpoint: %q}, http: {endpoint: %q}}}
  fluent_forward: {endpoint: %q}
processors:
  tail_sampling: {decision_wait: 1s}
exporters:
  otlp_grpc/tempo: {endpoint: %q}
  otlp_http/loki: {endpoint: %q}
service: {telemetry: {metrics: {level: none, readers: []}}}
`, freeport.Addr(t), traces, lines, tempo.addr, loki.url+"/otlp"), 0o600))
	startProcess(t, exec.CommandContext(t.Context(), *collectorBinary, "--config", config, "--config", moved), os.Environ()...)
	within(t, "the collector listens", func() bool {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", traces)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	t.Run("traces", func(t *testing.T) { samples(t, "http://"+traces, tempo) })
	t.Run("log lines", func(t *testing.T) { readsLines(t, lines, loki) })
}

// samples has the collector decide on traces.
func samples(t *testing.T, collector string, tempo *tempo) {
	t.Helper()
	const hits = 300
	now := time.Now()
	sent := []*tracepb.Span{
		span("error", now, time.Millisecond, func(s *tracepb.Span) { s.Status = &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR} }),
		span("slow", now, 600*time.Millisecond),
		span("job", now, time.Millisecond, func(s *tracepb.Span) {
			s.Attributes = []*commonpb.KeyValue{text("messaging.operation.type", "send")}
		}),
	}
	for i := range hits {
		sent = append(sent, span(fmt.Sprint("hit ", i), now, time.Millisecond))
	}
	export(t, collector, sent...)
	for _, kept := range []string{"error", "slow", "job"} {
		within(t, kept+" is kept", func() bool { return tempo.has(kept, kept) })
	}
	// A generator's spans come when the visit was decided on. By itself none would be kept.
	export(t, collector, span("job", now, time.Millisecond, func(s *tracepb.Span) { s.Name = "process" }))
	within(t, "what comes later of a job is kept", func() bool { return tempo.has("job", "process") })
	if got := tempo.count("hit "); got > hits/10 {
		t.Errorf("%d of %d hits are kept", got, hits)
	}
}

// readsLines has the collector read lines as the container engine's driver sends them.
func readsLines(t *testing.T, collector string, loki *loki) {
	t.Helper()
	inTrace := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1, 2, 3}, SpanID: trace.SpanID{4, 5}, TraceFlags: trace.FlagsSampled})
	var line bytes.Buffer
	telemetry.NewLogger(&line, "edge").WarnContext(trace.ContextWithSpanContext(t.Context(), inTrace), "request failed", slog.Int("status", 503))
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", collector)
	must(t, err)
	defer conn.Close()
	for _, text := range []string{strings.TrimSpace(line.String()), "no JSON at all"} {
		_, err := conn.Write(forwarded("wandstore.edge-1", text))
		must(t, err)
	}
	for _, text := range []string{"request failed", "no JSON at all"} {
		within(t, text+" arrives", func() bool { got, _ := loki.find(text); return got != nil })
	}
	got, service := loki.find("request failed")
	id, parent := inTrace.TraceID(), inTrace.SpanID()
	if service != "edge" || got.GetSeverityText() != "WARN" || !bytes.Equal(got.GetTraceId(), id[:]) || !bytes.Equal(got.GetSpanId(), parent[:]) ||
		valueOf(got.GetAttributes(), "msg") != "" || valueOf(got.GetAttributes(), "trace_id") != "" {
		t.Errorf("the record of %q is %v", service, got)
	}
}
