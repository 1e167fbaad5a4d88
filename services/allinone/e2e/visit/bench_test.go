package visit_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/valyala/fasthttp"
	"google.golang.org/protobuf/types/known/timestamppb"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/checkout"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/freeport"
	"github.com/wandstore/wandstore/pkg/natstest"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/prompt"
	"github.com/wandstore/wandstore/pkg/storefront"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/edge"
	"github.com/wandstore/wandstore/services/kimisim"
)

// The benchmarks run an edge over loopback HTTP on a nats-server process with the
// production rule that each write is on disk before its ack (nats/server/dev.conf
// has it too), and a MinIO process. Client, edge, NATS and MinIO share the cores.

// benchWorld is a world whose nats-server is the pinned binary with dev.conf.
func benchWorld(b *testing.B) *world.World {
	b.Helper()
	w := world.New(b)
	addr := freeport.Addr(b)
	host, port, _ := strings.Cut(addr, ":")
	cmd := exec.CommandContext(b.Context(), checkout.Tool(b, "nats-server"),
		"-c", filepath.Join(checkout.Root(b), "nats", "server", "dev.conf"), "-a", host, "-p", port, "-sd", b.TempDir())
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	w.NATS = natstest.At(addr)
	w.Pool.MaxQueueDepth = 1_000_000
	return w
}

func BenchmarkHitFromMemory(b *testing.B) {
	w := benchWorld(b)
	e := w.StartEdge()
	stock(b, w, 1, true, true)
	// Only once the watch has reported the page just stored.
	eventually.True(b, "hits come from memory", func() bool { return e.Visit(b, "magic-wands", "bench-0").Tier() == "memory" })
	load(b, "memory", func(int) string { return e.Base + "/s/magic-wands?shopper=bench-0" })
}

// shelf is a number of pages that does not fit into memory.
const shelf = 500

func BenchmarkHitFromMinIO(b *testing.B) {
	w := benchWorld(b)
	e := w.StartEdge(func(c *edge.Config) { c.MemoryBytes = 1 << 20 })
	stock(b, w, shelf, true, false)
	load(b, "minio", func(i int) string { return fmt.Sprintf("%s/s/magic-wands?shopper=bench-%d", e.Base, i%shelf) })
}

func BenchmarkHitFromKV(b *testing.B) {
	w := benchWorld(b)
	e := w.StartEdge(func(c *edge.Config) { c.MemoryBytes = 1 << 20 })
	stock(b, w, shelf, false, true)
	load(b, "kv", func(i int) string { return fmt.Sprintf("%s/s/magic-wands?shopper=bench-%d", e.Base, i%shelf) })
}

func BenchmarkFallbackWithEnqueue(b *testing.B) {
	w := benchWorld(b)
	e := w.StartEdge()
	load(b, "fallback", func(i int) string { return fmt.Sprintf("%s/s/magic-wands?shopper=new-%d", e.Base, i) })
}

// BenchmarkRequestToStoredPage measures from a first visit to the page in KV, with
// a model that answers at once.
func BenchmarkRequestToStoredPage(b *testing.B) {
	w := benchWorld(b)
	e := w.StartEdge()
	w.StartGenerator()
	_, js := w.NATS.Connect(b)
	cache, err := js.KeyValue(b.Context(), wandnats.BucketPages)
	if err != nil {
		b.Fatal(err)
	}
	// The simulated model gives the same answer each time, so that inventing one is not
	// measured.
	e.Visit(b, "magic-wands", "first")
	e.BecomesHit(b, "magic-wands", "first")
	answer := answered(b, w.Sim)
	w.Sim.SetAnswer(func(kimisim.Request) string { return answer })
	watch, err := cache.Watch(b.Context(), wandnats.AllPages, jetstream.UpdatesOnly(), jetstream.MetaOnly())
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = watch.Stop() }()
	took := make([]time.Duration, 0, b.N)
	i := 0
	for b.Loop() {
		shopper := fmt.Sprintf("maker-%d", i)
		i++
		start := time.Now()
		if a := e.Visit(b, "magic-wands", shopper); a.Header.Get("X-Generation") != "triggered" {
			b.Fatalf("X-Generation %q", a.Header.Get("X-Generation"))
		}
		for change := range watch.Updates() {
			if change != nil && change.Key() == wandnats.PageKey("magic-wands", shopper) {
				break
			}
		}
		took = append(took, time.Since(start))
	}
	b.StopTimer()
	report(b, took)
}

// answered is the simulated model's answer to its last request.
func answered(b *testing.B, sim *kimisim.Server) string {
	b.Helper()
	asked := sim.Requests()
	body, err := json.Marshal(map[string]any{
		"model": "any", "messages": asked[len(asked)-1].Messages, "response_format": map[string]string{"type": "json_object"},
	})
	if err != nil {
		b.Fatal(err)
	}
	a := world.Do(b, http.MethodPost, "http://"+sim.Addr()+"/v1/chat/completions", string(body),
		"Authorization", "Bearer test", "Content-Type", "application/json")
	var answer struct {
		Choices []struct{ Message struct{ Content string } }
	}
	if err := json.Unmarshal([]byte(a.Body), &answer); err != nil || len(answer.Choices) == 0 {
		b.Fatalf("no answer: %v: %s", err, a.Body)
	}
	return answer.Choices[0].Message.Content
}

// stock stores n shoppers' pages.
func stock(b *testing.B, w *world.World, n int, permanent, cached bool) {
	b.Helper()
	_, js := w.NATS.Connect(b)
	cache, err := js.KeyValue(b.Context(), wandnats.BucketPages)
	if err != nil {
		b.Fatal(err)
	}
	s3, err := pagestore.NewS3(w.S3)
	if err != nil {
		b.Fatal(err)
	}
	defer s3.Close()
	html, catalogue := drawn(b)
	now := timestamppb.Now()
	for i := range n {
		page, err := pagestore.New(&wandstorev1.Page{
			StoreSlug: "magic-wands", ShopperId: fmt.Sprintf("bench-%d", i), Html: html, Persona: "explorer",
			Source: pagestore.SourceLLM, JobId: fmt.Sprintf("job-%d", i), PromptVersion: prompt.Version, CatalogueVersion: catalogue, RequestedAt: now, GeneratedAt: now,
		})
		if err != nil {
			b.Fatal(err)
		}
		if permanent {
			err = s3.Put(b.Context(), page)
		}
		if err == nil && cached {
			err = pagestore.NewKV(cache).Put(b.Context(), page)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// drawn is a rendered page of the usual size, and the version of its catalogue.
func drawn(b *testing.B) (html, catalogue string) {
	b.Helper()
	shop := cataloguetest.Shop(b, "magic-wands")
	renderer, err := storefront.NewRenderer()
	if err != nil {
		b.Fatal(err)
	}
	page, err := renderer.Page(storefront.PageInput{Shop: shop, Design: design.Template(shop, "explorer", design.Interests{}), Persona: "explorer", Returning: true})
	if err != nil {
		b.Fatal(err)
	}
	return string(page), string(shop.Version)
}

// load asks for URLs from as many clients as there are processors times four, as
// browsers do: with gzip. Every answer must be a page from that tier.
func load(b *testing.B, tier string, url func(i int) string) {
	b.Helper()
	c := &fasthttp.Client{MaxConnsPerHost: 64}
	var next atomic.Int64
	var mu sync.Mutex
	var took []time.Duration
	b.SetParallelism(4)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		req, res := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
		defer fasthttp.ReleaseRequest(req)
		defer fasthttp.ReleaseResponse(res)
		req.Header.Set("Accept-Encoding", "gzip")
		var mine []time.Duration
		for pb.Next() {
			req.SetRequestURI(url(int(next.Add(1))))
			start := time.Now()
			if err := c.Do(req, res); err != nil {
				b.Error(err)
				return
			}
			mine = append(mine, time.Since(start))
			status := string(res.Header.Peek("Cache-Status"))
			if res.StatusCode() != http.StatusOK || !strings.HasSuffix(status, "detail="+tier) {
				b.Errorf("%d from %q, want %s", res.StatusCode(), status, tier)
				return
			}
		}
		mu.Lock()
		defer mu.Unlock()
		took = append(took, mine...)
	})
	b.StopTimer()
	report(b, took)
}

// report adds the rate and the percentiles.
func report(b *testing.B, took []time.Duration) {
	b.Helper()
	if len(took) == 0 {
		return
	}
	slices.Sort(took)
	b.ReportMetric(float64(len(took))/b.Elapsed().Seconds(), "req/s")
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}
