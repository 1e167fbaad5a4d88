package pagestore_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/miniotest"
	"github.com/wandstore/wandstore/pkg/natstest"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/pagestore/pagestoretest"
)

func TestSpans(t *testing.T) {
	t.Parallel()
	server := miniotest.StartOwn(t)
	_, js := natstest.Start(t).Connect(t)
	s3, kv := newS3(t, server.Addr(), server.Bucket(t)), pagestore.NewKV(newBucket(t, js, "UI_CACHE"))
	memory := newMemory(t, pagestore.MemoryConfig{})
	memory.SetWatched(true)
	tiered := newTiered(t, memory, s3, kv,
		pagestore.WithDeadline(pagestore.TierMinIO, eventually.Patience), pagestore.WithDeadline(pagestore.TierKV, eventually.Patience))
	page, newer := pagestoretest.Page(t, "job", 0), pagestoretest.Page(t, "newer", 1)

	recorder := tracetest.NewSpanRecorder()
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)).Tracer("test")
	ctx, parent := tracer.Start(t.Context(), "request")
	for _, store := range []pagestoretest.Store{s3, kv} {
		for _, page := range []*pagestore.Page{newer, newer, page} {
			_ = store.Put(ctx, page) // the span has the outcome
		}
	}
	for range 2 { // the second hit is in memory, and makes no span
		if _, err := tiered.Get(ctx, page.Key()); err != nil {
			t.Fatal(err)
		}
	}
	server.Stop()
	if _, err := s3.Get(ctx, page.Key()); err == nil {
		t.Fatal("Get of a stopped server: no error")
	}
	parent.End()

	got := make(map[string]int)
	for _, span := range recorder.Ended() {
		if span.Name() == "request" {
			continue
		}
		attrs := make(map[attribute.Key]string)
		for _, a := range span.Attributes() {
			attrs[a.Key] = a.Value.AsString()
		}
		got[fmt.Sprintf("%s %s %s", span.Name(), attrs["wandstore.tier"], attrs["wandstore.result"])]++
		if span.SpanKind() != trace.SpanKindClient || span.Parent().SpanID() != parent.SpanContext().SpanID() {
			t.Errorf("%s: kind %v, parent %v", span.Name(), span.SpanKind(), span.Parent().SpanID())
		}
		if failed := attrs["wandstore.result"] == "error"; failed != (span.Status().Code == codes.Error) {
			t.Errorf("%s: status %v with result %s", span.Name(), span.Status(), attrs["wandstore.result"])
		}
		if strings.Contains(fmt.Sprint(span.Attributes(), span.Events(), span.Status()), "abc123") {
			t.Errorf("%s names the shopper", span.Name())
		}
	}
	want := map[string]int{
		"put minio minio stored": 1, "put minio minio same": 1, "put minio minio stale": 1, "get minio minio hit": 1,
		"put kv kv stored": 1, "put kv kv same": 1, "put kv kv stale": 1, "get kv kv hit": 1,
		"get minio minio error": 1,
	}
	if !maps.Equal(got, want) {
		t.Errorf("spans:\n got %v\nwant %v", got, want)
	}
}

func TestLookUpsAreCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reader := metric.NewManualReader()
		recorder := tracetest.NewSpanRecorder()
		tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)).Tracer("test")
		page := pagestoretest.Page(t, "job", 0)
		l := newLookup(t, pagestore.MemoryConfig{}, pagestore.WithMeterProvider(metric.NewMeterProvider(metric.WithReader(reader))))
		ctx, span := tracer.Start(t.Context(), "request")
		get := func() { _, _ = l.Get(ctx, page.Key()) } // the test checks the counts

		get() // miss everywhere
		l.minio.has(page)
		get() // minio
		get() // memory
		l.memory.InvalidateAll()
		get() // minio again
		l.memory.InvalidateAll()
		l.minio.breaks()
		l.kv.set(func(f *tier) { f.err = pagestore.ErrCorrupt })
		for range 4 { // the fourth finds the breaker open
			get()
		}
		span.End()

		var data metricdata.ResourceMetrics
		if err := reader.Collect(t.Context(), &data); err != nil {
			t.Fatal(err)
		}
		want := map[string]int64{
			"memory miss": 2, "memory hit": 1, "memory revalidated": 1, "memory stale": 4,
			"minio miss": 1, "minio hit": 2, "minio error": 3, "minio skipped": 1,
			"kv miss": 3, "kv corrupt": 4,
		}
		counted, timed := make(map[string]int64), make(map[string]int64)
		key := func(set attribute.Set) string {
			tier, _ := set.Value("wandstore.tier")
			result, _ := set.Value("wandstore.result")
			return tier.AsString() + " " + result.AsString()
		}
		for _, scope := range data.ScopeMetrics {
			for _, m := range scope.Metrics {
				switch points := m.Data.(type) {
				case metricdata.Sum[int64]:
					if m.Name != "wandstore.pagestore.lookups" {
						t.Errorf("unexpected counter %s", m.Name)
					}
					for _, p := range points.DataPoints {
						counted[key(p.Attributes)] = p.Value
					}
				case metricdata.Histogram[float64]:
					if m.Name != "wandstore.pagestore.lookup.duration" || m.Unit != "s" {
						t.Errorf("unexpected histogram %s in %s", m.Name, m.Unit)
					}
					for _, p := range points.DataPoints {
						timed[key(p.Attributes)] = int64(p.Count)
					}
				}
			}
		}
		if !maps.Equal(counted, want) || !maps.Equal(timed, want) {
			t.Errorf("look-ups:\ncounted %v\n  timed %v\n   want %v", counted, timed, want)
		}
		if got := len(recorder.Ended()[0].Events()); got != 8 { // 3 errors, 1 skip, 4 corrupt
			t.Errorf("the caller's span has %d events, want 8", got)
		}
	})
}
