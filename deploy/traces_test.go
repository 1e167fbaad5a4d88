package deploy_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/miniotest"
)

// Spans leave real processes over OTLP. A visit and all that came of it are one trace,
// also when its job was delivered again, and again after it was dead.
func TestTraces(t *testing.T) {
	t.Parallel()
	// A busy machine is no outage.
	s := startStack(t, "TRIGGER_TIMEOUT=10s", "STORE_TIMEOUT=10s", "SESSION_TIMEOUT=10s")
	const healthy, unlucky = "shopper-in-luck", "shopper-out-of-luck"
	page := func(shopper string) string { return s.edgeURL + "/s/magic-wands?shopper=" + shopper }
	status(t.Context(), page(healthy))
	want := []string{
		"(none) > GET /s/:store",
		"GET /s/:store > claim",
		"GET /s/:store > get kv",
		"GET /s/:store > get minio",
		"GET /s/:store > send wandstore.generate.pool-N",
		"process wandstore.generate.pool-N > chat kimi-test",
		"process wandstore.generate.pool-N > compose",
		"process wandstore.generate.pool-N > get kv",
		"process wandstore.generate.pool-N > get minio",
		"process wandstore.generate.pool-N > load session",
		"process wandstore.generate.pool-N > put kv",
		"process wandstore.generate.pool-N > put minio",
		"process wandstore.generate.pool-N > send section",
		"process wandstore.generate.pool-N > update session",
		"process wandstore.generate.pool-N > wait for account",
		"send wandstore.generate.pool-N > process wandstore.generate.pool-N",
	}
	var first string
	var got []string
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the first trace\n%s", strings.Join(got, "\n"))
		}
	})
	// The processes send their parts each in its own time.
	within(t, "a visit is a trace of the declared edges", func() bool {
		first = s.collector.find("process", "ready")
		got = s.collector.edges(first)
		return slices.Equal(got, want)
	})
	within(t, "the service graph has the declared edges", func() bool {
		return slices.Equal(s.collector.graph(first), []string{
			"edge > generator", "edge > minio", "edge > nats", "generator > kimi", "generator > minio", "generator > nats", "user > edge",
		})
	})
	within(t, "a hit links to what made its page", func() bool {
		status(t.Context(), page(healthy))
		return s.collector.linked(first)
	})

	// A job of a shop that the generator does not know is tried until it is dead, then replayed.
	nc, js := s.nats.Connect(t)
	defer nc.Close()
	stores, err := js.KeyValue(t.Context(), wandnats.BucketStores)
	must(t, err)
	const shop = "kiln-and-field"
	open := func() {
		_, err := stores.Put(t.Context(), shop, []byte(read(t, "stores/"+shop+".json")))
		must(t, err)
	}
	letters := func() uint64 {
		dead, err := js.Stream(t.Context(), wandnats.StreamDead)
		must(t, err)
		return dead.CachedInfo().State.Msgs
	}
	open()
	within(t, "the edge knows the shop", func() bool { return status(t.Context(), s.edgeURL+"/s/"+shop) == http.StatusOK })
	s.generator.stop()
	status(t.Context(), s.edgeURL+"/s/"+shop+"?shopper="+unlucky)
	within(t, "its job waits", func() bool { return waiting(t, js) == 1 })
	must(t, stores.Delete(t.Context(), shop))
	s.startGenerator()
	within(t, "the job is dead", func() bool { return letters() == 1 })
	open()
	within(t, "the generator knows the shop", func() bool { return s.generates(shop) })
	dead, err := js.Stream(t.Context(), wandnats.StreamDead)
	must(t, err)
	reply, err := nc.Request("wandstore.control.replay", fmt.Appendf(nil, `{"sequence":%d}`, dead.CachedInfo().State.LastSeq), patience)
	must(t, err)
	if reason := reply.Header.Get("Nats-Service-Error"); reason != "" {
		t.Fatal(reason)
	}
	var second string
	within(t, "the replayed job is ready, in the same trace", func() bool {
		second = s.collector.find("process", "dead")
		return second != "" && slices.Contains(s.collector.outcomes(second), "1 ready")
	})
	if second == first || letters() != 0 {
		t.Errorf("%d letters are left", letters())
	}
	if got, want := s.collector.outcomes(second), []string{"1 ready", "1 retry", "2 retry", "3 retry", "4 dead"}; !slices.Equal(got, want) {
		t.Errorf("deliveries %q, want %q", got, want)
	}
	// The edge sends its part in its own time.
	eventually.NoError(t, func() error {
		roots := slices.DeleteFunc(s.collector.edges(second), func(e string) bool { return !strings.HasPrefix(e, "(") })
		if !slices.Equal(roots, []string{"(none) > GET /s/:store"}) {
			return fmt.Errorf("the trace hangs on %q", roots)
		}
		return nil
	})
	for _, secret := range []string{healthy, unlucky, modelKey, miniotest.SecretKey} {
		if s.collector.holds(secret) {
			t.Errorf("%s left with the spans", secret)
		}
	}
}

// waiting is how many jobs there are.
func waiting(t *testing.T, js jetstream.JetStream) uint64 {
	t.Helper()
	jobs, err := js.Stream(t.Context(), wandnats.StreamGeneration)
	must(t, err)
	return jobs.CachedInfo().State.Msgs
}

// generates tells whether the generator makes a page of the shop at once.
func (s *stack) generates(shop string) bool {
	body := strings.NewReader(`{"jobId":"probe","storeSlug":"` + shop + `","shopperId":"probe"}`)
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, "http://"+s.generatorAddr+"/generate", body)
	if err != nil {
		return false
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// collector receives spans over OTLP/HTTP
// (https://opentelemetry.io/docs/specs/otlp/#otlphttp).
type collector struct {
	url string

	mu     sync.Mutex
	bodies [][]byte
	spans  []*tracepb.Span
	// services are those that the spans are of.
	services map[*tracepb.Span]string
}

func startCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{services: map[*tracepb.Span]string{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		request := &coltracepb.ExportTraceServiceRequest{}
		if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, request) != nil {
			http.Error(w, "not spans", http.StatusBadRequest)
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.bodies = append(c.bodies, body)
		for _, resource := range request.GetResourceSpans() {
			for _, scope := range resource.GetScopeSpans() {
				c.spans = append(c.spans, scope.GetSpans()...)
				for _, s := range scope.GetSpans() {
					c.services[s] = valueOf(resource.GetResource().GetAttributes(), "service.name")
				}
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

// of are the spans of a trace.
func (c *collector) of(trace string) (spans []*tracepb.Span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		if string(s.GetTraceId()) == trace {
			spans = append(spans, s)
		}
	}
	return spans
}

// find is a trace with a span whose name begins so and that ended so; "" if none.
func (c *collector) find(name, outcome string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		if strings.HasPrefix(s.GetName(), name) && attribute(s, "wandstore.outcome") == outcome {
			return string(s.GetTraceId())
		}
	}
	return ""
}

// outcomes are the deliveries of a trace's jobs: attempt and outcome.
func (c *collector) outcomes(trace string) (all []string) {
	for _, s := range c.of(trace) {
		if strings.HasPrefix(s.GetName(), "process ") {
			all = append(all, attribute(s, "wandstore.job.attempt")+" "+attribute(s, "wandstore.outcome"))
		}
	}
	slices.Sort(all)
	return all
}

var poolMember = regexp.MustCompile(`pool-\d`)

// edges are a trace's parents and children by name, each once; a parent that was not
// received is (lost).
func (c *collector) edges(trace string) (all []string) {
	spans := c.of(trace)
	names := map[string]string{"": "(none)"}
	for _, s := range spans {
		names[string(s.GetSpanId())] = s.GetName()
	}
	for _, s := range spans {
		parent, ok := names[string(s.GetParentSpanId())]
		if !ok {
			parent = "(lost)"
		}
		all = append(all, poolMember.ReplaceAllString(parent+" > "+s.GetName(), "pool-N"))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// linked tells whether a span of another trace links to one of this.
func (c *collector) linked(trace string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.spans, func(s *tracepb.Span) bool {
		return string(s.GetTraceId()) != trace && slices.ContainsFunc(s.GetLinks(), func(l *tracepb.Span_Link) bool {
			return string(l.GetTraceId()) == trace
		})
	})
}

// holds tells whether anything that was received has the text in it.
func (c *collector) holds(text string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.bodies, func(b []byte) bool { return strings.Contains(string(b), text) })
}

func attribute(s *tracepb.Span, key string) string { return valueOf(s.GetAttributes(), key) }

func valueOf(attributes []*commonpb.KeyValue, key string) string {
	for _, a := range attributes {
		if a.GetKey() == key {
			if v := a.GetValue(); v.GetStringValue() == "" {
				return strconv.FormatInt(v.GetIntValue(), 10)
			}
			return a.GetValue().GetStringValue()
		}
	}
	return ""
}
