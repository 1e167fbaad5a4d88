package contract_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/edge"
)

// Requests to /debug without the token are answered like those to an unknown path.
func TestDebugIsForOperators(t *testing.T) {
	t.Parallel()
	const token = "correct-horse-battery"
	w := world.New(t)
	closed := w.StartEdge(func(c *edge.Config) { c.DebugOnLoopback = false })
	open := w.StartEdge(func(c *edge.Config) { c.DebugOnLoopback, c.DebugToken = false, token })
	for _, path := range []string{"/debug/errors?store=magic-wands&shopper=abc123", "/debug/container", "/debug/generate", "/debug/nothing", "/debug/"} {
		unknown := world.Get(t, closed.Base+"/nothing/of/ours")
		for _, c := range []struct {
			name, base, authorization string
		}{
			{"no token is set, none given", closed.Base, ""},
			{"no token is set, an empty one given", closed.Base, "Bearer "},
			{"no token is set, one given", closed.Base, "Bearer " + token},
			{"none given", open.Base, ""},
			{"an empty one", open.Base, "Bearer "},
			{"a wrong one", open.Base, "Bearer correct-horse-batterx"},
			{"another scheme", open.Base, "Basic " + token},
			{"no scheme", open.Base, token},
		} {
			got := world.Get(t, c.base+path, "Authorization", c.authorization)
			if got.Status != http.StatusNotFound || unknown.Status != http.StatusNotFound {
				t.Errorf("%s, %s: got %d, want 404 as any unknown path", path, c.name, got.Status)
			}
		}
	}
	got := world.Get(t, open.Base+"/debug/errors?store=magic-wands&shopper=abc123", "Authorization", "Bearer "+token)
	if got.Status != http.StatusOK || !strings.Contains(got.Body, `"breadcrumbs"`) {
		t.Errorf("with the token: got %d %.200s", got.Status, got.Body)
	}
}

func TestDebugRoutes(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
	if a := world.Get(t, e.Base+"/debug/container"); a.Status != http.StatusServiceUnavailable || a.JSON(t)["poolMember"] != "pool-0" {
		t.Errorf("no generator: %d %s", a.Status, a.Body)
	}
	w.StartGenerator()
	if a := world.Get(t, e.Base+"/debug/container"); a.Status != http.StatusOK || a.JSON(t)["poolMember"] != "pool-0" || a.JSON(t)["status"] != 200.0 {
		t.Errorf("a generator: %d %s", a.Status, a.Body)
	}
	for range 2 {
		a := world.Get(t, e.Base+"/debug/generate")
		if got := a.JSON(t); a.Status != http.StatusOK || got["source"] != "llm" || got["poolMember"] == "" || got["durationMs"] == nil {
			t.Errorf("generate: %d %s", a.Status, a.Body)
		}
	}
	if n := len(w.Sim.Requests()); n != 2 {
		t.Errorf("two calls asked the model %d times", n)
	}
	if a := world.Get(t, e.Base+"/debug/errors?store=magic-wands&shopper=debug-generate"); !strings.Contains(a.Body, `"published"`) || !strings.Contains(a.Body, `"stored"`) {
		t.Errorf("the trail is missing steps: %s", a.Body)
	}
	if a := world.Get(t, e.Base+"/health"); a.Status != http.StatusOK || a.JSON(t)["status"] != "ok" {
		t.Errorf("health: %d %s", a.Status, a.Body)
	}
}

func TestDebugGeneratePastItsDeadline(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge(func(c *edge.Config) { c.LLMTimeoutSeconds, c.QueueAllowance = 1, time.Millisecond })
	if a := world.Get(t, e.Base+"/debug/generate"); a.Status != http.StatusGatewayTimeout {
		t.Errorf("nobody works: %d %s", a.Status, a.Body)
	}
}
