package visit_test

import (
	"strings"
	"sync"
	"testing"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/persona"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/edge"
)

// A thousand first visits to a warm shop, over two edges: each is served a page that the
// model designed, and for all of them together it was asked a few times. The prompts name
// nobody.
func TestFirstVisitsAreServedADesignedPage(t *testing.T) {
	t.Parallel()
	const visits, fewCalls = 1000, 20
	w := world.New(t)
	auto := func(c *edge.Config) { c.Scope = edge.ScopeAuto }
	edges := []*world.Process{w.StartEdge(auto), w.StartEdge(auto)}
	w.StartGenerator()
	pages := w.KV(wandnats.BucketPages)
	for _, kind := range persona.All() {
		for _, shop := range []string{"magic-wands", "whitby-tea"} {
			eventually.True(t, shop+" has the "+kind+"s' page", func() bool {
				_, err := pages.Get(t.Context(), wandnats.PageKey(shop, "cohort="+kind))
				return err == nil
			})
		}
	}
	warm := w.Sim.Stats().Requests

	shoppers := world.Shoppers("first", visits)
	rungs := make([]string, visits)
	var wg sync.WaitGroup
	const workers = 8
	for worker := range workers {
		wg.Go(func() {
			for i := worker; i < visits; i += workers {
				a := edges[i%2].Visit(t, "magic-wands", shoppers[i])
				if rungs[i] = a.Tier(); !strings.Contains(a.Body, `data-persona="explorer"`) {
					rungs[i] += ", no explorer's"
				}
			}
		})
	}
	wg.Wait()
	served := map[string]int{}
	for _, rung := range rungs {
		served[rung]++
	}
	if served["cohort"] != visits {
		t.Errorf("%d visits were served %v", visits, served)
	}
	if calls := w.Sim.Stats().Requests; calls != warm || calls >= fewCalls {
		t.Errorf("%d calls of the model to warm the shops, %d after the visits", warm, calls)
	}
	for _, request := range w.Sim.Requests() {
		if strings.Contains(string(request.Body), "first-0") {
			t.Errorf("a prompt names a shopper: %s", request.Body)
		}
	}

	// What a shopper does shows on the page, and nobody else's.
	e := edges[0]
	// Twelve, because the design may show some of them above.
	var inCart strings.Builder
	for _, p := range cataloguetest.Shop(t, "magic-wands").Products[:12] {
		inCart.WriteString("product=" + p.ID + "&")
	}
	e.PutIntoCart(t, "magic-wands", shoppers[0], inCart.String()+"action=add")
	eventually.True(t, "the cart is on the page", func() bool {
		a := e.Visit(t, "magic-wands", shoppers[0])
		return a.Tier() == "cohort" && strings.Contains(a.Body, "Set aside for you")
	})
	if a := e.Visit(t, "magic-wands", shoppers[2]); strings.Contains(a.Body, "Set aside for you") {
		t.Error("the cart is on another shopper's page")
	}

	// A page that was made is cached, recorded and known by the cohort's name.
	jobs := w.KV(wandnats.BucketJobs)
	eventually.True(t, "the job is recorded", func() bool {
		entry, err := jobs.Get(t.Context(), wandnats.JobKey("magic-wands", "cohort=explorer"))
		rec := &wandstorev1.JobRecord{}
		return err == nil && wire.Unmarshal(entry.Value(), rec) == nil && rec.GetSource() == "llm" && rec.GetPersona() == "explorer"
	})
}
