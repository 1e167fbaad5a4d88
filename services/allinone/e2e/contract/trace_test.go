package contract_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/freeport"
	"github.com/wandstore/wandstore/pkg/telemetry"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/edge"
)

// declared are the (parent, child) edges of the trace of one visit that becomes a
// page.
var declared = []string{
	"(none) > GET /s/:store server",
	"GET /s/:store > get minio client",
	"GET /s/:store > get kv client",
	"GET /s/:store > claim client",
	"GET /s/:store > send wandstore.generate.pool-3 producer",
	"send wandstore.generate.pool-3 > process wandstore.generate.pool-3 consumer",
	"process wandstore.generate.pool-3 > get minio client",
	"process wandstore.generate.pool-3 > get kv client",
	"process wandstore.generate.pool-3 > load session client",
	"process wandstore.generate.pool-3 > wait for account internal",
	"process wandstore.generate.pool-3 > chat kimi-test client",
	"process wandstore.generate.pool-3 > send section producer",
	"send section > show section consumer",
	"process wandstore.generate.pool-3 > compose internal",
	"process wandstore.generate.pool-3 > put minio client",
	"process wandstore.generate.pool-3 > put kv client",
	"process wandstore.generate.pool-3 > update session client",
}

func TestOneVisitIsOneTrace(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Paced(0, 300))
	e := w.StartEdge()
	w.StartGenerator()
	e.Visit(t, "magic-wands", "abc123")
	// Who waits is sent each section, in the same trace.
	events := world.Get(t, e.Base+"/api/generation/events?store=magic-wands&shopper=abc123").Body
	e.BecomesHit(t, "magic-wands", "abc123")

	var trail struct {
		Breadcrumbs []struct{ Step, TraceID string }
	}
	body := world.Get(t, e.Base+"/debug/errors?store=magic-wands&shopper=abc123").Body
	if err := json.Unmarshal([]byte(body), &trail); err != nil || len(trail.Breadcrumbs) == 0 {
		t.Fatalf("%v: %s", err, body)
	}
	id := trail.Breadcrumbs[0].TraceID
	for _, breadcrumb := range trail.Breadcrumbs {
		if breadcrumb.TraceID != id {
			t.Errorf("breadcrumb %q is of trace %s, want %s", breadcrumb.Step, breadcrumb.TraceID, id)
		}
	}

	var edges []string
	// Spans end in the background, each by itself.
	eventually.NoError(t, func() error {
		edges = edgesOf(id)
		for _, want := range declared {
			if !slices.Contains(edges, want) {
				return fmt.Errorf("missing edge: %s", want)
			}
		}
		return nil
	})
	for _, got := range edges {
		if !slices.Contains(declared, got) {
			t.Errorf("undeclared edge: %s", got)
		}
	}

	shown := sectionsShown(id)
	if sent := strings.Count(events, "event: section"); sent < 3 || len(shown) != sent {
		t.Errorf("%d sections reached the page, the trace shows the way of %v", sent, shown)
	}
	for i, number := range shown {
		if number != int64(i+1) {
			t.Errorf("the trace shows the way of sections %v", shown)
		}
	}

	model := spanOf(t, id, "chat kimi-test")
	for _, key := range []attribute.Key{"gen_ai.operation.name", "gen_ai.request.model", "gen_ai.response.model", "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"} {
		if !has(model.Attributes(), key) {
			t.Errorf("the model call has no %s", key)
		}
	}
	if process := spanOf(t, id, "process wandstore.generate.pool-3"); !has(process.Attributes(), "messaging.system") || !has(process.Attributes(), "messaging.destination.name") {
		t.Error("the consumer's span lacks messaging attributes")
	}

	// The hit is a trace of its own that links to the one that made the page.
	eventually.True(t, "the hit links to the page's making", func() bool {
		e.Visit(t, "magic-wands", "abc123")
		return slices.ContainsFunc(world.Spans.Ended(), func(s sdktrace.ReadOnlySpan) bool {
			return s.Name() == "GET /s/:store" && s.SpanContext().TraceID().String() != id &&
				slices.ContainsFunc(s.Links(), func(l sdktrace.Link) bool { return l.SpanContext.TraceID().String() == id })
		})
	})
	for _, s := range world.Spans.Ended() {
		for _, a := range s.Attributes() {
			if strings.Contains(a.Value.String(), "abc123") {
				t.Errorf("span %q tells the shopper's id in %s", s.Name(), a.Key)
			}
		}
	}
}

// A traceparent from outside does not become the parent.
func TestOutsideTraceparentIsLinkedNotFollowed(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
	const outside = "11111111111111111111111111111111"
	world.Get(t, e.Base+"/s/magic-wands", "traceparent", "00-"+outside+"-2222222222222222-01")
	eventually.True(t, "the span ends", func() bool {
		return slices.ContainsFunc(world.Spans.Ended(), func(s sdktrace.ReadOnlySpan) bool {
			return slices.ContainsFunc(s.Links(), func(l sdktrace.Link) bool { return l.SpanContext.TraceID().String() == outside })
		})
	})
	if edges := edgesOf(outside); len(edges) != 0 {
		t.Errorf("spans in the trace of an outsider: %v", edges)
	}
}

func TestTrustedTraceparentIsTheParent(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge(func(c *edge.Config) { c.TrustTraceparent = true })
	const outside = "33333333333333333333333333333333"
	world.Get(t, e.Base+"/s/magic-wands", "traceparent", "00-"+outside+"-2222222222222222-01")
	eventually.True(t, "the span ends", func() bool {
		return slices.ContainsFunc(world.Spans.Ended(), func(s sdktrace.ReadOnlySpan) bool {
			return s.SpanContext().TraceID().String() == outside && s.Parent().SpanID().String() == "2222222222222222"
		})
	})
}

// With OTEL_EXPORTER_OTLP_ENDPOINT set, spans are exported, the last ones at the end of
// the process. Without it nothing is.
func TestSpansAreExportedWhenAsked(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	for _, asked := range []bool{true, false} {
		t.Run(fmt.Sprintf("asked=%v", asked), func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var received strings.Builder
			receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				b, _ := io.ReadAll(r.Body)
				mu.Lock()
				defer mu.Unlock()
				received.WriteString(r.URL.Path + " ")
				received.Write(b)
			}))
			defer receiver.Close()
			addr := freeport.Addr(t)
			cmd := exec.CommandContext(t.Context(), world.Binary(t, "edge"))
			cmd.Env = append(append(cmd.Environ(), w.Environment()...),
				"EDGE_ADDR="+addr, "PRIVATE_ADDR=127.0.0.1:0", "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf")
			if asked {
				cmd.Env = append(cmd.Env, "OTEL_EXPORTER_OTLP_ENDPOINT="+receiver.URL)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			e := &world.Process{Base: "http://" + addr}
			e.Answers(t)
			e.Ready(t)
			e.Visit(t, "magic-wands", "exported")
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("the edge ended badly: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			got := received.String()
			if asked && (!strings.Contains(got, "/v1/traces") || !strings.Contains(got, "GET /s/:store") || !strings.Contains(got, "/v1/metrics")) {
				t.Errorf("received %d bytes, without the visit's span or the metrics", len(got))
			}
			if !asked && got != "" {
				t.Errorf("received %d bytes unasked", len(got))
			}
		})
	}
}

// edgesOf are the (parent, child) edges of a trace, with the child's kind.
func edgesOf(traceID string) []string {
	names := map[trace.SpanID]string{}
	var in []sdktrace.ReadOnlySpan
	for _, s := range world.Spans.Ended() {
		if s.SpanContext().TraceID().String() == traceID {
			names[s.SpanContext().SpanID()] = s.Name()
			in = append(in, s)
		}
	}
	var edges []string
	for _, s := range in {
		parent := "(none)"
		if s.Parent().IsValid() {
			parent = names[s.Parent().SpanID()]
		}
		edge := fmt.Sprintf("%s > %s %s", parent, s.Name(), s.SpanKind())
		if !slices.Contains(edges, edge) {
			edges = append(edges, edge)
		}
	}
	return edges
}

// sectionsShown are the numbers of the sections that the trace follows from the model's
// answer to the shopper's page, sorted.
func sectionsShown(traceID string) []int64 {
	sent := map[trace.SpanID]bool{}
	var shown []int64
	ended := world.Spans.Ended()
	for _, s := range ended {
		sent[s.SpanContext().SpanID()] = s.Name() == "send section"
	}
	for _, s := range ended {
		if s.SpanContext().TraceID().String() != traceID || s.Name() != "show section" || !sent[s.Parent().SpanID()] {
			continue
		}
		for _, a := range s.Attributes() {
			if a.Key == telemetry.Section {
				shown = append(shown, a.Value.AsInt64())
			}
		}
	}
	slices.Sort(shown)
	return shown
}

func spanOf(t *testing.T, traceID, name string) sdktrace.ReadOnlySpan {
	t.Helper()
	for _, s := range world.Spans.Ended() {
		if s.SpanContext().TraceID().String() == traceID && s.Name() == name {
			return s
		}
	}
	t.Fatalf("no span %q", name)
	return nil
}

func has(attributes []attribute.KeyValue, key attribute.Key) bool {
	return slices.ContainsFunc(attributes, func(a attribute.KeyValue) bool { return a.Key == key })
}
