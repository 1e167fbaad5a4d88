package visit_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/edge"
	"github.com/wandstore/wandstore/services/generator"
)

// An edge and a generator whose clocks are an hour off, beside an edge whose clock is right.
// Links count for as long as they are valid, a page is made and paid for once, and counts as
// new everywhere; whose clock is wrong is told.
func TestClocksAnHourOff(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ edge, generator time.Duration }{
		"the edge ahead, the generator behind": {time.Hour, -time.Hour},
		"the edge behind, the generator ahead": {-time.Hour, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			edges := func(c *edge.Config) { signed(c); c.PageMaxAge, c.PageMinAge = 30*time.Minute, 0 }
			wrong := w.StartEdge(edges, func(cfg *edge.Config) { cfg.Clock = off(c.edge) })
			right := w.StartEdge(edges)
			g := w.StartGenerator(func(cfg *generator.Config) { cfg.Clock, cfg.LLMTimeoutSeconds = off(c.generator), 120 })

			if late := world.Get(t, expiring(t, wrong, "late", -10*time.Minute)); strings.Contains(cookies(late)[1], "late") {
				t.Errorf("a link that expired ten minutes ago is followed: %v", late.Header)
			}
			followed := world.Get(t, expiring(t, wrong, "customer-1", 10*time.Minute))
			customer := cookies(followed)
			if followed.Status != http.StatusSeeOther || customer[1] == "" {
				t.Fatalf("a link that is valid for ten minutes: %d", followed.Status)
			}
			gate := w.Sim.Gate()
			visit := func(e *world.Process) world.Answer { return world.Get(t, e.Base+"/s/magic-wands", customer...) }
			if a := visit(wrong); a.Header.Get("X-Generation") != "triggered" {
				t.Errorf("X-Generation is %q, want triggered", a.Header.Get("X-Generation"))
			}
			for _, e := range []*world.Process{right, wrong} {
				eventually.True(t, "the job runs", func() bool {
					return world.Get(t, e.Base+"/api/generation/status?store=magic-wands", customer...).JSON(t)["state"] == "running"
				})
				if a := visit(e); a.Header.Get("X-Generation") != "pending" {
					t.Errorf("while the job runs X-Generation is %q, want pending", a.Header.Get("X-Generation"))
				}
			}
			gate.Open()
			for _, e := range []*world.Process{wrong, right} {
				eventually.True(t, "the page is there", func() bool { return visit(e).Header.Get("X-Cache") == "HIT" })
				if a := visit(e); a.Header.Get("X-Generation") != "ready" || strings.Contains(a.Header.Get("Cache-Status"), "ttl=") {
					t.Errorf("the new page is stale: %s, X-Generation %q", a.Header.Get("Cache-Status"), a.Header.Get("X-Generation"))
				}
			}
			_, js := w.Connect()
			eventually.True(t, "no job is left", func() bool { return len(w.Waiting(js)) == 0 })
			if calls := w.Sim.Stats().Requests; calls != 1 {
				t.Errorf("the model was asked %d times", calls)
			}

			for p, wrongBy := range map[*world.Process]time.Duration{wrong: c.edge, g: c.generator, right: 0} {
				where := map[bool]string{true: "s ahead of NATS's", false: "s behind NATS's"}[wrongBy > 0]
				health := world.Get(t, p.Base+"/health")
				if told := strings.Contains(health.Body, where) && strings.Contains(health.Body, `"status":"degraded"`); told != (wrongBy != 0) {
					t.Errorf("wrong by %s, health: %s", wrongBy, health.Body)
				}
			}
		})
	}
}

// off is a clock that is wrong by d.
func off(d time.Duration) func() time.Time {
	return func() time.Time { return time.Now().Add(d) }
}

// expiring is a link that expires after d.
func expiring(t *testing.T, e *world.Process, shopper string, d time.Duration) string {
	t.Helper()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": shopper, "aud": "magic-wands", "exp": time.Now().Add(d).Unix(),
	}).SignedString(linkKey)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s/s/magic-wands?shopper=%s", e.Base, token)
}
