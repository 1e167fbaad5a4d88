package faults_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/faulttest"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/edge"
)

// While NATS and MinIO refuse connections, or accept them and stay silent, shoppers get
// pages without much delay. Afterwards everything works again without a restart.
func TestOutagesWhileTheEdgeRuns(t *testing.T) {
	t.Parallel()
	for _, outage := range []struct {
		name  string
		begin func(*faulttest.Proxy)
	}{
		{"refusing", (*faulttest.Proxy).Cut},
		{"silent", (*faulttest.Proxy).Hang},
	} {
		t.Run(outage.name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			bus, store := faulttest.NewProxy(t, w.NATS.Addr()), faulttest.NewProxy(t, w.S3.Endpoint)
			e := w.StartEdge(world.ProductionTimeouts, func(c *edge.Config) {
				c.NATS.URL = w.NATS.URLVia(bus.Addr())
				c.S3.Endpoint = store.Addr()
			})
			w.StartGenerator()
			e.Visit(t, "magic-wands", "known")
			page := e.BecomesHit(t, "magic-wands", "known")

			// No change of the page is reported any more.
			eventually.True(t, "the status is ready", func() bool { return e.GenerationStatus(t, "magic-wands", "known")["state"] == "ready" })
			eventually.True(t, "hits come from memory", func() bool { return e.Visit(t, "magic-wands", "known").Tier() == "memory" })

			// usual is what a page takes that needs neither, at the same time.
			var usual, took []time.Duration
			outage.begin(store)
			outage.begin(bus)
			for range 20 {
				alone := time.Now()
				if a := world.Get(t, e.Base+"/s/magic-wands/p/nightjar"); a.Status != http.StatusOK {
					t.Errorf("a product: %d", a.Status)
				}
				usual = append(usual, time.Since(alone))
				start := time.Now()
				if hit := e.Visit(t, "magic-wands", "known"); hit.Header.Get("X-Cache") != "HIT" || hit.Body != page.Body {
					t.Errorf("a known shopper: %s from %s", hit.Header.Get("X-Cache"), hit.Tier())
				}
				if miss := e.Visit(t, "magic-wands", "unknown"); miss.Status != http.StatusOK || miss.Header.Get("X-Cache") != "MISS" {
					t.Errorf("an unknown shopper: %d", miss.Status)
				}
				took = append(took, time.Since(start)/2)
			}
			// The median, for a busy machine: pages that each waited for a dead dependency would
			// take a quarter of a second more than usual.
			slices.Sort(usual)
			slices.Sort(took)
			if got, want := took[10], 3*usual[10]+125*time.Millisecond; got > want {
				t.Errorf("a page took %s, want at most %s", got, want)
			}
			eventually.True(t, "health says degraded", func() bool { return world.Get(t, e.Base+"/health").JSON(t)["status"] == "degraded" })

			store.Restore()
			bus.Restore()
			eventually.True(t, "health says ok again", func() bool { return world.Get(t, e.Base+"/health").JSON(t)["status"] == "ok" })
			e.Visit(t, "magic-wands", "afterwards")
			e.BecomesHit(t, "magic-wands", "afterwards")
		})
	}
}

// A page that was replaced while the edge's watch was broken is replaced in memory once
// the watch is back.
func TestPageReplacedDuringAnOutageIsSeen(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	bus := faulttest.NewProxy(t, w.NATS.Addr())
	e := w.StartEdge(world.ProductionTimeouts, func(c *edge.Config) { c.NATS.URL = w.NATS.URLVia(bus.Addr()) })
	g := w.StartGenerator()
	e.Visit(t, "magic-wands", "changing")
	before := e.BecomesHit(t, "magic-wands", "changing")

	bus.Cut()
	body := `{"jobId":"newer","storeSlug":"magic-wands","shopperId":"changing","preferences":{"persona":"loyalist"}}`
	if a := world.Post(t, g.Base+"/generate", body, "Content-Type", "application/json"); a.Status != http.StatusOK || a.JSON(t)["success"] != true {
		t.Fatalf("generate: %d %s", a.Status, a.Body)
	}
	bus.Restore()
	eventually.True(t, "the newer page is served", func() bool {
		hit := e.Visit(t, "magic-wands", "changing")
		return hit.Header.Get("X-Persona") == "loyalist" && hit.Body != before.Body
	})
}

// Services that start before their dependencies wait for them and log it.
func TestServicesStartBeforeTheirDependencies(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.OwnNATS, world.OwnMinIO)
	w.NATSServer.Stop()
	w.MinIOServer.Stop()
	e := w.StartEdgeUnready(world.ProductionTimeouts)
	if a := world.Get(t, e.Base+"/ready"); a.Status != http.StatusServiceUnavailable {
		t.Errorf("ready without NATS: %d", a.Status)
	}
	if a := e.Visit(t, "magic-wands", "early"); a.Status != http.StatusOK || a.Header.Get("X-Generation") != "off" {
		t.Errorf("a page without NATS: %d, X-Generation %q", a.Status, a.Header.Get("X-Generation"))
	}
	if a := world.Post(t, e.Base+"/api/shopper/track", `{"shopper":"early","store":"magic-wands","event":"view"}`); a.Status != http.StatusServiceUnavailable {
		t.Errorf("track without NATS: %d", a.Status)
	}
	eventually.True(t, "the edge says what it waits for", func() bool {
		return strings.Contains(e.Log.String(), "waiting for NATS") && strings.Contains(e.Log.String(), "waiting for the object store")
	})
	generatorReady := make(chan *world.Process, 1)
	go func() { generatorReady <- w.StartGenerator() }()
	w.NATSServer.Restart()
	w.MinIOServer.Restart()
	e.Ready(t)
	<-generatorReady
	e.Visit(t, "magic-wands", "early")
	e.BecomesHit(t, "magic-wands", "early")
}

// Each tier alone can serve the page while the others are unavailable.
func TestHitFromEachTierWithTheOthersDown(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.OwnNATS, world.OwnMinIO)
	maker := w.StartEdge(world.ProductionTimeouts)
	g := w.StartGenerator()
	maker.Visit(t, "magic-wands", "tiers")
	page := maker.BecomesHit(t, "magic-wands", "tiers")
	g.Stop()

	w.MinIOServer.Stop()
	kvOnly := w.StartEdge(world.ProductionTimeouts)
	if hit := kvOnly.BecomesHit(t, "magic-wands", "tiers"); hit.Tier() != "kv" || hit.Body != page.Body {
		t.Errorf("without MinIO: from %q", hit.Tier())
	}
	w.MinIOServer.Restart()

	w.NATSServer.Stop()
	minioOnly := w.StartEdgeUnready(world.ProductionTimeouts)
	if hit := minioOnly.BecomesHit(t, "magic-wands", "tiers"); hit.Tier() != "minio" || hit.Body != page.Body {
		t.Errorf("without NATS: from %q", hit.Tier())
	}
	w.MinIOServer.Stop()
	for range 3 {
		hit := minioOnly.Visit(t, "magic-wands", "tiers")
		if hit.Header.Get("X-Cache") != "HIT" || hit.Tier() != "memory" || hit.Body != page.Body {
			t.Errorf("without NATS and MinIO: %s from %q", hit.Header.Get("X-Cache"), hit.Tier())
		}
	}
	stranger := minioOnly.Visit(t, "magic-wands", "stranger")
	if stranger.Status != http.StatusOK || stranger.Header.Get("X-Generation") != "off" {
		t.Errorf("a stranger without NATS and MinIO: %d, X-Generation %q", stranger.Status, stranger.Header.Get("X-Generation"))
	}
}

// Without NATS the shop is served, but for the cart, which is back afterwards.
func TestShopWithoutNATS(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	bus := faulttest.NewProxy(t, w.NATS.Addr())
	e := w.StartEdge(world.ProductionTimeouts, func(c *edge.Config) { c.NATS.URL = w.NATS.URLVia(bus.Addr()) })
	shop := e.Base + "/s/magic-wands"
	// By production's deadline, for which a busy machine may be too slow.
	eventually.True(t, "it is in the cart", func() bool {
		return e.PutIntoCart(t, "magic-wands", "abc", "action=set&quantity=1&product=nightjar").Status == http.StatusSeeOther
	})
	bus.Cut()
	for path, want := range map[string]int{"/p/nightjar": 200, "/search?q=owl": 200, "/cart?shopper=abc": 503} {
		if a := world.Get(t, shop+path); a.Status != want || want == 503 && !strings.Contains(a.Body, "cannot be reached just now") {
			t.Errorf("%s without NATS: %d, want %d", path, a.Status, want)
		}
	}
	if a := e.PutIntoCart(t, "magic-wands", "abc", "action=add&product=halcyon"); a.Status != http.StatusServiceUnavailable {
		t.Errorf("add without NATS: %d", a.Status)
	}
	bus.Restore()
	eventually.True(t, "the cart is back", func() bool {
		a := world.Get(t, shop+"/cart?shopper=abc")
		return a.Status == http.StatusOK && strings.Contains(a.Body, "Nightjar")
	})
}

// The object store is away for longer than KV keeps pages: those that exist are neither
// served nor paid for again, and are back with it.
func TestPagesOnlyTheObjectStoreHas(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.StartGenerator()
	maker := w.StartEdge()
	maker.Visit(t, "magic-wands", "known")
	page := maker.BecomesHit(t, "magic-wands", "known")
	_, js := w.Connect()
	eventually.True(t, "no job is left", func() bool { return len(w.Waiting(js)) == 0 })
	asked := w.Sim.Stats().Requests

	store := faulttest.NewProxy(t, w.S3.Endpoint)
	store.Cut()
	if err := w.KV(wandnats.BucketPages).Delete(t.Context(), wandnats.PageKey("magic-wands", "known")); err != nil {
		t.Fatal(err)
	}
	later := w.StartEdge(func(c *edge.Config) { c.S3.Endpoint = store.Addr() })
	// Some before the breaker opens, some after.
	for range 8 {
		miss := later.Visit(t, "magic-wands", "known")
		if miss.Status != http.StatusOK || miss.Header.Get("X-Cache") != "MISS" || miss.Header.Get("X-Generation") != "off" {
			t.Errorf("without the object store: %d, %s, X-Generation %q", miss.Status, miss.Header.Get("X-Cache"), miss.Header.Get("X-Generation"))
		}
	}
	if waiting := w.Waiting(js); len(waiting) > 0 {
		t.Errorf("jobs: %v", waiting)
	}
	store.Restore()
	if hit := later.BecomesHit(t, "magic-wands", "known"); hit.Tier() != "minio" || hit.Body != page.Body {
		t.Errorf("with the object store again: from %q", hit.Tier())
	}
	if again := w.Sim.Stats().Requests - asked; again != 0 {
		t.Errorf("the model was asked %d times more", again)
	}
}
