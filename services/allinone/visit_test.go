package allinone_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/services/edge"
)

func TestVisitBecomesPersonalPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.startEdge()
	gate := w.sim.Gate()
	w.startGenerator()

	first := visit(t, e, "magic-wands", "abc123")
	if first.status != http.StatusOK || first.header.Get("X-Cache") != "MISS" || first.header.Get("X-Generation") != "triggered" {
		t.Fatalf("first visit: %d, %v", first.status, first.header)
	}
	if !strings.Contains(first.body, "<h1") || !strings.Contains(first.header.Get("Content-Type"), "text/html") {
		t.Fatalf("the fallback is no page: %.200s", first.body)
	}
	<-gate.Arrived()
	if again := visit(t, e, "magic-wands", "abc123"); again.header.Get("X-Generation") != "pending" {
		t.Errorf("second visit while the model works: X-Generation %q", again.header.Get("X-Generation"))
	}
	eventually(t, "the status is running at pool-3", func() bool {
		s := get(t, e.base+"/api/generation/status?store=magic-wands&shopper=abc123").json(t)
		return s["state"] == "running" && s["poolMember"] == "pool-3" && s["etaSeconds"].(float64) > 0
	})
	gate.Open()

	hit := becomesHit(t, e, "magic-wands", "abc123")
	if hit.header.Get("X-Generation") != "ready" || hit.header.Get("X-Persona") == "" || hit.header.Get("Etag") == "" {
		t.Errorf("hit without its headers: %v", hit.header)
	}
	if hit.header.Get("Cache-Control") != "private, no-cache" {
		t.Errorf("a personal page must stay private: %q", hit.header.Get("Cache-Control"))
	}
	if hit.body == first.body {
		t.Error("the personal page is the fallback")
	}
	// Not the very next: the watch may still be telling of the page just read.
	eventually(t, "hits come from memory", func() bool { return visit(t, e, "magic-wands", "abc123").tier() == "memory" })
	not := get(t, e.base+"/s/magic-wands?shopper=abc123", "If-None-Match", hit.header.Get("Etag"))
	if not.status != http.StatusNotModified || not.body != "" {
		t.Errorf("If-None-Match: %d with %d bytes, want 304 with none", not.status, len(not.body))
	}
	zipped := get(t, e.base+"/s/magic-wands?shopper=abc123", "Accept-Encoding", "gzip")
	if zipped.header.Get("Content-Encoding") != "gzip" || len(zipped.body) >= len(hit.body) || zipped.header.Get("Etag") == hit.header.Get("Etag") {
		t.Errorf("gzip: %q, %d of %d bytes", zipped.header.Get("Content-Encoding"), len(zipped.body), len(hit.body))
	}
	status := get(t, e.base+"/api/generation/status?store=magic-wands&shopper=abc123").json(t)
	if status["state"] != "ready" || status["source"] != "llm" || status["persona"] == "" {
		t.Errorf("status afterwards: %v", status)
	}
}

func TestSecondStoreIsNotHardWired(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.startEdge()
	w.startGenerator()
	for _, store := range []string{"magic-wands", "whitby-tea"} {
		visit(t, e, store, "two-shops")
	}
	wands, tea := becomesHit(t, e, "magic-wands", "two-shops"), becomesHit(t, e, "whitby-tea", "two-shops")
	if wands.body == tea.body || strings.Contains(tea.body, `data-shop="magic-wands"`) {
		t.Error("both stores show the same page")
	}
}

// The page comes from each tier alone, with the others away.
func TestHitFromEachTierWithTheOthersDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	maker := w.startEdge()
	g := w.startGenerator()
	visit(t, maker, "magic-wands", "tiers")
	page := becomesHit(t, maker, "magic-wands", "tiers")
	g.stop()

	w.minio.Stop()
	kvOnly := w.startEdge()
	if hit := becomesHit(t, kvOnly, "magic-wands", "tiers"); hit.tier() != "kv" || hit.body != page.body {
		t.Errorf("without MinIO: from %q", hit.tier())
	}
	w.minio.Restart()

	w.nats.Stop()
	minioOnly := w.startEdgeUnready()
	if hit := becomesHit(t, minioOnly, "magic-wands", "tiers"); hit.tier() != "minio" || hit.body != page.body {
		t.Errorf("without NATS: from %q", hit.tier())
	}
	w.minio.Stop()
	for range 3 {
		hit := visit(t, minioOnly, "magic-wands", "tiers")
		if hit.header.Get("X-Cache") != "HIT" || hit.tier() != "memory" || hit.body != page.body {
			t.Errorf("without NATS and MinIO: %s from %q", hit.header.Get("X-Cache"), hit.tier())
		}
	}
	stranger := visit(t, minioOnly, "magic-wands", "stranger")
	if stranger.status != http.StatusOK || stranger.header.Get("X-Generation") != "off" {
		t.Errorf("a stranger without NATS and MinIO: %d, X-Generation %q", stranger.status, stranger.header.Get("X-Generation"))
	}
}

func TestFullPoolRefusesAndEvictsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.startEdge(patient)
	_, js := w.connect()

	const capacity = 10 * 100
	ids := shoppers("crowd", capacity+100)
	generations := make([]string, len(ids))
	var visits sync.WaitGroup
	places := make(chan struct{}, 16)
	for i, id := range ids {
		places <- struct{}{}
		visits.Go(func() {
			defer func() { <-places }()
			a := visit(t, e, "magic-wands", id)
			if a.status != http.StatusOK {
				t.Errorf("%s: %d", id, a.status)
			}
			generations[i] = a.header.Get("X-Generation")
		})
	}
	visits.Wait()
	count := map[string]int{}
	for _, g := range generations {
		count[g]++
	}
	if count["triggered"] != capacity || count["full"] != 100 || len(count) != 2 {
		t.Errorf("X-Generation: %v, want %d triggered and 100 full", count, capacity)
	}
	waiting := w.waiting(js)
	for n := range 10 {
		if got := waiting[wandnats.GenerateSubject(wandnats.Member(n))]; got != 100 {
			t.Errorf("pool-%d holds %d jobs, want 100", n, got)
		}
	}
	stream, err := js.Stream(t.Context(), wandnats.StreamGeneration)
	if err != nil {
		t.Fatal(err)
	}
	if first := stream.CachedInfo().State.FirstSeq; first != 1 {
		t.Errorf("the first job is gone: the stream begins at %d", first)
	}
	refused := get(t, e.base+"/debug/generate")
	if refused.status != http.StatusTooManyRequests || refused.header.Get("Content-Type") != "application/problem+json" || refused.header.Get("Retry-After") == "" {
		t.Errorf("an API while all are full: %d, %v", refused.status, refused.header)
	}
	// A refused shopper is not locked out: with a place free again they get a job.
	if err := stream.Purge(t.Context(), jetstream.WithPurgeSubject(wandnats.GenerateSubject("pool-5"))); err != nil {
		t.Fatal(err)
	}
	for i, id := range ids {
		if generations[i] == "full" {
			if g := visit(t, e, "magic-wands", id).header.Get("X-Generation"); g != "triggered" {
				t.Errorf("a refused shopper with a place free: X-Generation %q", g)
			}
			break
		}
	}
	if got := w.waiting(js)[wandnats.GenerateSubject("pool-5")]; got != 1 {
		t.Errorf("the job did not go to the member with room: it holds %d", got)
	}
}

func TestOneJobAShopperUnderConcurrentMissesOnTwoEdges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	edges := []*process{w.startEdge(patient), w.startEdge(patient)}
	_, js := w.connect()

	var visits sync.WaitGroup
	var mu sync.Mutex
	count := map[string]int{}
	for i := range 200 {
		visits.Go(func() {
			g := visit(t, edges[i%2], "magic-wands", "popular").header.Get("X-Generation")
			mu.Lock()
			defer mu.Unlock()
			count[g]++
		})
	}
	visits.Wait()
	if count["triggered"] != 1 || count["pending"] != 199 {
		t.Errorf("X-Generation of 200 visits: %v, want one triggered", count)
	}
	if waiting := w.waiting(js); len(waiting) != 1 {
		t.Errorf("jobs: %v, want one", waiting)
	}
	stream, err := js.Stream(t.Context(), wandnats.StreamGeneration)
	if err != nil {
		t.Fatal(err)
	}
	if last := stream.CachedInfo().State.LastSeq; last != 1 {
		t.Errorf("%d jobs were published, want 1", last)
	}
}

// An event arrives for each state; the stream ends with the page.
func TestEventsTellOfThePage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.startEdge()
	visit(t, e, "magic-wands", "listener")

	res, err := client.Get(e.base + "/api/generation/events?store=magic-wands&shopper=listener")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if ct := res.Header.Get("Content-Type"); ct != "text/event-stream" {
		t.Fatalf("Content-Type %q", ct)
	}
	var states []string
	started := false
	for scanner := bufio.NewScanner(res.Body); scanner.Scan(); {
		data, ok := strings.CutPrefix(scanner.Text(), "data: ")
		if !ok {
			continue
		}
		var s struct{ State string }
		if err := json.Unmarshal([]byte(data), &s); err != nil {
			t.Fatal(err)
		}
		if len(states) == 0 || states[len(states)-1] != s.State {
			states = append(states, s.State)
		}
		if !started {
			started = true
			w.startGenerator()
		}
	}
	got := strings.Join(states, " ")
	if got != "queued running ready" && got != "queued ready" {
		t.Errorf("states %q, want queued, running, ready", got)
	}
	if hit := visit(t, e, "magic-wands", "listener"); hit.header.Get("X-Cache") != "HIT" {
		t.Error("ready was told before the page could be had")
	}
}

func TestShopperWithoutIDGetsACookieAndNoJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.startEdge()
	_, js := w.connect()
	first := get(t, e.base+"/s/magic-wands")
	cookie := first.header.Get("Set-Cookie")
	if first.status != http.StatusOK || first.header.Get("X-Generation") != "off" || !strings.Contains(cookie, "HttpOnly") {
		t.Fatalf("%d, X-Generation %q, cookie %q", first.status, first.header.Get("X-Generation"), cookie)
	}
	if waiting := w.waiting(js); len(waiting) != 0 {
		t.Errorf("a job was made: %v", waiting)
	}
	name, _, _ := strings.Cut(cookie, ";")
	if second := get(t, e.base+"/s/magic-wands", "Cookie", name); second.header.Get("X-Generation") != "triggered" {
		t.Errorf("the shopper came back: X-Generation %q", second.header.Get("X-Generation"))
	}
}

// What shoppers do steers what they get.
func TestTrackedShopperGetsTheirPersona(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.startEdge()
	w.startGenerator()
	events := `[
		{"shopper":"saver","store":"magic-wands","event":"sort","query":"price-asc"},
		{"shopper":"saver","store":"magic-wands","event":"filter","query":"on sale"},
		{"shopper":"saver","store":"magic-wands","event":"filter","query":"on sale","newer":"field"}]`
	if a := post(t, e.base+"/api/shopper/track", events); a.status != http.StatusAccepted {
		t.Fatalf("track: %d %s", a.status, a.body)
	}
	visit(t, e, "magic-wands", "saver")
	if hit := becomesHit(t, e, "magic-wands", "saver"); hit.header.Get("X-Persona") != "dealhunter" {
		t.Errorf("X-Persona %q, want dealhunter", hit.header.Get("X-Persona"))
	}
	asked := w.sim.Requests()
	if len(asked) != 1 {
		t.Fatalf("the model was asked %d times", len(asked))
	}
}

func TestDebugRoutes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.startEdge()
	if a := get(t, e.base+"/debug/container"); a.status != http.StatusServiceUnavailable || a.json(t)["poolMember"] != "pool-0" {
		t.Errorf("no generator: %d %s", a.status, a.body)
	}
	w.startGenerator()
	if a := get(t, e.base+"/debug/container"); a.status != http.StatusOK || a.json(t)["poolMember"] != "pool-0" || a.json(t)["status"] != 200.0 {
		t.Errorf("a generator: %d %s", a.status, a.body)
	}
	for range 2 {
		a := get(t, e.base+"/debug/generate")
		if got := a.json(t); a.status != http.StatusOK || got["source"] != "llm" || got["poolMember"] == "" || got["durationMs"] == nil {
			t.Errorf("generate: %d %s", a.status, a.body)
		}
	}
	if n := len(w.sim.Requests()); n != 2 {
		t.Errorf("two calls asked the model %d times", n)
	}
	if a := get(t, e.base+"/debug/errors?store=magic-wands&shopper=debug-generate"); !strings.Contains(a.body, `"published"`) || !strings.Contains(a.body, `"stored"`) {
		t.Errorf("the trail is missing steps: %s", a.body)
	}
	if a := get(t, e.base+"/health"); a.status != http.StatusOK || a.json(t)["status"] != "ok" {
		t.Errorf("health: %d %s", a.status, a.body)
	}
}

func TestDebugGeneratePastItsDeadline(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.startEdge(func(c *edge.Config) { c.LLMTimeoutSeconds = 1 })
	if a := get(t, e.base+"/debug/generate"); a.status != http.StatusGatewayTimeout {
		t.Errorf("nobody works: %d %s", a.status, a.body)
	}
}
