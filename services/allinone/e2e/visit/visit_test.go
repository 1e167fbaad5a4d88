package visit_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
)

func TestVisitBecomesPersonalPage(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
	gate := w.Sim.Gate()
	w.StartGenerator()

	first := e.Visit(t, "magic-wands", "abc123")
	if first.Status != http.StatusOK || first.Header.Get("X-Cache") != "MISS" || first.Header.Get("X-Generation") != "triggered" {
		t.Fatalf("first visit: %d, %v", first.Status, first.Header)
	}
	if !strings.Contains(first.Body, "<h1") || !strings.Contains(first.Header.Get("Content-Type"), "text/html") {
		t.Fatalf("the fallback is no page: %.200s", first.Body)
	}
	<-gate.Arrived()
	if again := e.Visit(t, "magic-wands", "abc123"); again.Header.Get("X-Generation") != "pending" {
		t.Errorf("second visit while the model works: X-Generation %q", again.Header.Get("X-Generation"))
	}
	eventually.True(t, "the status is running at pool-3", func() bool {
		s := e.GenerationStatus(t, "magic-wands", "abc123")
		return s["state"] == "running" && s["poolMember"] == "pool-3" && s["etaSeconds"].(float64) > 0
	})
	gate.Open()

	hit := e.BecomesHit(t, "magic-wands", "abc123")
	if hit.Header.Get("X-Generation") != "ready" || hit.Header.Get("X-Persona") == "" || hit.Header.Get("Etag") == "" {
		t.Errorf("hit without its headers: %v", hit.Header)
	}
	if hit.Header.Get("Cache-Control") != "private, no-cache" {
		t.Errorf("a personal page must stay private: %q", hit.Header.Get("Cache-Control"))
	}
	if hit.Body == first.Body {
		t.Error("the personal page is the fallback")
	}
	// Not the very next one: the watch may report the page again first.
	eventually.True(t, "hits come from memory", func() bool { return e.Visit(t, "magic-wands", "abc123").Tier() == "memory" })
	not := world.Get(t, e.Base+"/s/magic-wands?shopper=abc123", "If-None-Match", hit.Header.Get("Etag"))
	if not.Status != http.StatusNotModified || not.Body != "" {
		t.Errorf("If-None-Match: %d with %d bytes, want 304 with none", not.Status, len(not.Body))
	}
	zipped := world.Get(t, e.Base+"/s/magic-wands?shopper=abc123", "Accept-Encoding", "gzip")
	if zipped.Header.Get("Content-Encoding") != "gzip" || len(zipped.Body) >= len(hit.Body) || zipped.Header.Get("Etag") == hit.Header.Get("Etag") {
		t.Errorf("gzip: %q, %d of %d bytes", zipped.Header.Get("Content-Encoding"), len(zipped.Body), len(hit.Body))
	}
	// The page is stored before its job has ended.
	eventually.True(t, "the status is ready", func() bool {
		status := e.GenerationStatus(t, "magic-wands", "abc123")
		return status["state"] == "ready" && status["source"] == "llm" && status["persona"] != ""
	})
}

func TestSecondStoreIsNotHardWired(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
	w.StartGenerator()
	for _, store := range []string{"magic-wands", "whitby-tea"} {
		e.Visit(t, store, "two-shops")
	}
	wands, tea := e.BecomesHit(t, "magic-wands", "two-shops"), e.BecomesHit(t, "whitby-tea", "two-shops")
	if wands.Body == tea.Body || strings.Contains(tea.Body, `data-shop="magic-wands"`) {
		t.Error("both stores show the same page")
	}
}

func TestFullPoolRefusesAndEvictsNothing(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
	_, js := w.Connect()

	const capacity = 10 * 100
	ids := world.Shoppers("crowd", capacity+100)
	generations := make([]string, len(ids))
	var visits sync.WaitGroup
	places := make(chan struct{}, 16)
	for i, id := range ids {
		places <- struct{}{}
		visits.Go(func() {
			defer func() { <-places }()
			a := e.Visit(t, "magic-wands", id)
			if a.Status != http.StatusOK {
				t.Errorf("%s: %d", id, a.Status)
			}
			generations[i] = a.Header.Get("X-Generation")
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
	waiting := w.Waiting(js)
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
	refused := world.Get(t, e.Base+"/debug/generate")
	if refused.Status != http.StatusTooManyRequests || refused.Header.Get("Content-Type") != "application/problem+json" || refused.Header.Get("Retry-After") == "" {
		t.Errorf("an API while all are full: %d, %v", refused.Status, refused.Header)
	}
	// A refused shopper gets a job once there is room.
	if err := stream.Purge(t.Context(), jetstream.WithPurgeSubject(wandnats.GenerateSubject("pool-5"))); err != nil {
		t.Fatal(err)
	}
	for i, id := range ids {
		if generations[i] == "full" {
			if g := e.Visit(t, "magic-wands", id).Header.Get("X-Generation"); g != "triggered" {
				t.Errorf("a refused shopper with a place free: X-Generation %q", g)
			}
			break
		}
	}
	if got := w.Waiting(js)[wandnats.GenerateSubject("pool-5")]; got != 1 {
		t.Errorf("the job did not go to the member with room: it holds %d", got)
	}
}

func TestOneJobAShopperUnderConcurrentMissesOnTwoEdges(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	edges := []*world.Process{w.StartEdge(), w.StartEdge()}
	_, js := w.Connect()

	var visits sync.WaitGroup
	var mu sync.Mutex
	count := map[string]int{}
	for i := range 200 {
		visits.Go(func() {
			g := edges[i%2].Visit(t, "magic-wands", "popular").Header.Get("X-Generation")
			mu.Lock()
			defer mu.Unlock()
			count[g]++
		})
	}
	visits.Wait()
	if count["triggered"] != 1 || count["pending"] != 199 {
		t.Errorf("X-Generation of 200 visits: %v, want one triggered", count)
	}
	if waiting := w.Waiting(js); len(waiting) != 1 {
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

// The event stream reports each state of the job and ends with the page. While the page is
// written it brings the sections, in order.
func TestEventsTellOfThePage(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Paced(0, 300))
	e := w.StartEdge()
	e.Visit(t, "magic-wands", "listener")

	res, err := world.Client.Get(e.Base + "/api/generation/events?store=magic-wands&shopper=listener")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if ct := res.Header.Get("Content-Type"); ct != "text/event-stream" {
		t.Fatalf("Content-Type %q", ct)
	}
	var states []string
	started, sections := false, 0
	for scanner := bufio.NewScanner(res.Body); scanner.Scan(); {
		data, ok := strings.CutPrefix(scanner.Text(), "data: ")
		if !ok {
			continue
		}
		var s struct {
			State string
			Index int
			HTML  string
		}
		if err := json.Unmarshal([]byte(data), &s); err != nil {
			t.Fatal(err)
		}
		if s.HTML != "" {
			if !strings.Contains(s.HTML, "<section ") || s.Index != sections {
				t.Errorf("section %d comes after %d: %.200s", s.Index, sections, s.HTML)
			}
			sections++
			continue
		}
		if len(states) == 0 || states[len(states)-1] != s.State {
			states = append(states, s.State)
		}
		if !started {
			started = true
			w.StartGenerator()
		}
	}
	got := strings.Join(states, " ")
	if got != "queued running ready" && got != "queued ready" {
		t.Errorf("states %q, want queued, running, ready", got)
	}
	if hit := e.Visit(t, "magic-wands", "listener"); hit.Header.Get("X-Cache") != "HIT" {
		t.Error("ready was told before the page could be had")
	}
	if sections == 0 {
		t.Error("no section came before the page")
	}
}

func TestShopperWithoutIDGetsACookieAndNoJob(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
	_, js := w.Connect()
	first := world.Get(t, e.Base+"/s/magic-wands")
	cookie := first.Header.Get("Set-Cookie")
	if first.Status != http.StatusOK || first.Header.Get("X-Generation") != "off" || !strings.Contains(cookie, "HttpOnly") {
		t.Fatalf("%d, X-Generation %q, cookie %q", first.Status, first.Header.Get("X-Generation"), cookie)
	}
	if waiting := w.Waiting(js); len(waiting) != 0 {
		t.Errorf("a job was made: %v", waiting)
	}
	name, _, _ := strings.Cut(cookie, ";")
	if second := world.Get(t, e.Base+"/s/magic-wands", "Cookie", name); second.Header.Get("X-Generation") != "triggered" {
		t.Errorf("the shopper came back: X-Generation %q", second.Header.Get("X-Generation"))
	}
}

// The tracked events decide the persona of the page.
func TestTrackedShopperGetsTheirPersona(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
	w.StartGenerator()
	events := `[
		{"shopper":"saver","store":"magic-wands","event":"sort","query":"price-asc"},
		{"shopper":"saver","store":"magic-wands","event":"filter","query":"on sale"},
		{"shopper":"saver","store":"magic-wands","event":"filter","query":"on sale","newer":"field"}]`
	if a := world.Post(t, e.Base+"/api/shopper/track", events); a.Status != http.StatusAccepted {
		t.Fatalf("track: %d %s", a.Status, a.Body)
	}
	e.Visit(t, "magic-wands", "saver")
	if hit := e.BecomesHit(t, "magic-wands", "saver"); hit.Header.Get("X-Persona") != "dealhunter" {
		t.Errorf("X-Persona %q, want dealhunter", hit.Header.Get("X-Persona"))
	}
	asked := w.Sim.Requests()
	if len(asked) != 1 {
		t.Fatalf("the model was asked %d times", len(asked))
	}
}
