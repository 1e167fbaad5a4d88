package operate_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/edge"
	"github.com/wandstore/wandstore/services/generator"
)

// Generators are replaced one after the other while jobs run: every page is paid for once,
// and no job uses up a delivery.
func TestRollingGeneratorsCostsNothing(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Paced(2*time.Second, 0))
	w.Pool.PoolSize = 3
	e := w.StartEdge()
	fitting := func(c *generator.Config) { c.ShutdownGrace = 0 }
	serving := w.StartGenerator(fitting)
	shoppers := world.Shoppers("rolling", 12)
	for _, s := range shoppers {
		e.Visit(t, "magic-wands", s)
	}
	for round := 1; round <= 2; round++ {
		eventually.True(t, "calls of the model are under way", func() bool { return len(w.Sim.Requests()) >= 3*round })
		next := w.StartGenerator(fitting)
		serving.Stop()
		serving = next
	}
	for _, s := range shoppers {
		e.BecomesHit(t, "magic-wands", s)
	}
	_, js := w.Connect()
	eventually.True(t, "all jobs are settled", func() bool { return len(w.Waiting(js)) == 0 })
	if n := len(w.Sim.Requests()); n != len(shoppers) {
		t.Errorf("%d calls of the model for %d pages", n, len(shoppers))
	}
	for _, s := range shoppers {
		trail := world.Get(t, e.Base+"/debug/errors?store=magic-wands&shopper="+s)
		for _, attempt := range []string{`"attempt":2`, `"attempt":3`} {
			if strings.Contains(trail.Body, attempt) {
				t.Errorf("%s: a delivery was used up: %s", s, trail.Body)
			}
		}
	}
	for n := range w.Pool.PoolSize {
		c, err := js.Consumer(t.Context(), wandnats.StreamGeneration, wandnats.Member(n))
		if err != nil {
			t.Fatal(err)
		}
		if redelivered := c.CachedInfo().NumRedelivered; redelivered != 0 {
			t.Errorf("%s: %d redelivered", wandnats.Member(n), redelivered)
		}
	}
}

// An edge that is stopped is unready at once, and answers until its balancer knows.
func TestStoppedEdgeServesUntilItsBalancerKnows(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	const delay = 10 * time.Second // for two requests
	e := w.StartEdge(func(c *edge.Config) { c.ShutdownDelay = delay })
	stopped := make(chan struct{})
	begun := time.Now()
	go func() { defer close(stopped); e.Stop() }()
	eventually.True(t, "it is not ready", func() bool { return world.Get(t, e.Base+"/ready").Status == http.StatusServiceUnavailable })
	a := e.Visit(t, "magic-wands", "late")
	if a.Status != http.StatusOK || a.Header.Get("X-Generation") != "triggered" {
		t.Errorf("a visit meanwhile: %d %v", a.Status, a.Header)
	}
	eventually.Receive(t, stopped, "end of the edge")
	if took := time.Since(begun); took < delay {
		t.Errorf("it ended after %s", took)
	}
}
