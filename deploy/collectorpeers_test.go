//go:build collector

package deploy_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	collogspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// tempo takes spans from the collector.
type tempo struct {
	coltracepb.UnimplementedTraceServiceServer

	addr  string
	mu    sync.Mutex
	spans []*tracepb.Span
}

func startTempo(t *testing.T) *tempo {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	s := &tempo{addr: listener.Addr().String()}
	server := grpc.NewServer()
	coltracepb.RegisterTraceServiceServer(server, s)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return s
}

// Export takes spans.
func (s *tempo) Export(_ context.Context, request *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, resource := range request.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			s.spans = append(s.spans, scope.GetSpans()...)
		}
	}
	return &coltracepb.ExportTraceServiceResponse{}, nil
}

// has reports whether a span of that name has come of the trace.
func (s *tempo) has(trace, name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, span := range s.spans {
		if bytes.Equal(span.GetTraceId(), traceID(trace)) && span.GetName() == name {
			return true
		}
	}
	return false
}

// count is how many spans have come whose name begins so.
func (s *tempo) count(prefix string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, span := range s.spans {
		if strings.HasPrefix(span.GetName(), prefix) {
			n++
		}
	}
	return n
}

// loki takes log records from the collector.
type loki struct {
	url  string
	mu   sync.Mutex
	logs []*logspb.ResourceLogs
}

func startLoki(t *testing.T) *loki {
	t.Helper()
	l := &loki{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request := &collogspb.ExportLogsServiceRequest{}
		z, err := gzip.NewReader(r.Body)
		if err != nil || r.URL.Path != "/otlp/v1/logs" {
			http.Error(w, "not records", http.StatusBadRequest)
			return
		}
		body, err := io.ReadAll(z)
		if err != nil || proto.Unmarshal(body, request) != nil {
			http.Error(w, "not records", http.StatusBadRequest)
			return
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.logs = append(l.logs, request.GetResourceLogs()...)
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(server.Close)
	l.url = server.URL
	return l
}

// find is the record with that text, and the service that it is said to be of; nil if none
// has come.
func (l *loki) find(text string) (record *logspb.LogRecord, service string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, resource := range l.logs {
		for _, scope := range resource.GetScopeLogs() {
			for _, record := range scope.GetLogRecords() {
				if record.GetBody().GetStringValue() == text {
					return record, valueOf(resource.GetResource().GetAttributes(), "service.name")
				}
			}
		}
	}
	return nil, ""
}

// span is a span that is the whole of its trace, and named like it.
func span(trace string, began time.Time, took time.Duration, change ...func(*tracepb.Span)) *tracepb.Span {
	s := &tracepb.Span{
		TraceId: traceID(trace), SpanId: traceID(trace)[:8], Name: trace, Kind: tracepb.Span_SPAN_KIND_SERVER,
		StartTimeUnixNano: uint64(began.UnixNano()), EndTimeUnixNano: uint64(began.Add(took).UnixNano()),
	}
	for _, c := range change {
		c(s)
	}
	return s
}

// traceID is as random as those of traces are, by which the collector keeps a share of them.
func traceID(trace string) []byte {
	sum := sha256.Sum256([]byte(trace))
	return sum[:16]
}

func text(key, value string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}}
}

// export sends spans as the services do.
func export(t *testing.T, collector string, spans ...*tracepb.Span) {
	t.Helper()
	body, err := proto.Marshal(&coltracepb.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{{ScopeSpans: []*tracepb.ScopeSpans{{Spans: spans}}}}})
	must(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, collector+"/v1/traces", bytes.NewReader(body))
	must(t, err)
	req.Header.Set("Content-Type", "application/x-protobuf")
	res, err := http.DefaultClient.Do(req)
	must(t, err)
	must(t, res.Body.Close())
	if res.StatusCode != http.StatusOK {
		t.Fatalf("spans: %s", res.Status)
	}
}

// forwarded is a line of a container as Docker's fluentd driver sends it: tag, time and record
// (https://github.com/fluent/fluentd/wiki/Forward-Protocol-Specification-v1), in MessagePack.
func forwarded(tag, line string) []byte {
	str := func(b []byte, s string) []byte { // str 32
		return append(binary.BigEndian.AppendUint32(append(b, 0xdb), uint32(len(s))), s...)
	}
	b := str([]byte{0x93}, tag) // an array of three
	b = binary.BigEndian.AppendUint32(append(b, 0xce), uint32(time.Now().Unix()))
	b = append(b, 0x83) // a map of three
	for _, field := range [][2]string{{"container_name", "/wandstore-edge-1"}, {"source", "stdout"}, {"log", line}} {
		b = str(str(b, field[0]), field[1])
	}
	return b
}
