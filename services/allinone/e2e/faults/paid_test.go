package faults_test

import (
	"testing"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/faulttest"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/generator"
)

// The object store goes away while a page is made. Its shopper gets the page, and the job
// keeps it until the store is back: it is paid for once and stored for good, no delivery is
// used up, and no other page is paid for meanwhile.
func TestPaidPageOutlivesTheObjectStore(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Pool.PoolSize = 1
	store := faulttest.NewProxy(t, w.S3.Endpoint)
	e := w.StartEdge()
	w.StartGenerator(func(c *generator.Config) { c.S3.Endpoint = store.Addr() })
	_, js := w.Connect()
	w.LimitDeliveries(js, 1)
	gate := w.Sim.Gate()
	e.Visit(t, "magic-wands", "paid")
	eventually.Receive(t, gate.Arrived(), "call of the model")
	e.Visit(t, "magic-wands", "waiting")

	store.Cut()
	gate.Open()
	e.BecomesHit(t, "magic-wands", "paid")
	eventually.True(t, "the job tells what it waits for", func() bool {
		return len(errorsOf(t, e, "paid", "waits for a store")) > 0
	})

	store.Restore()
	eventually.True(t, "all jobs are settled", func() bool { return len(w.Waiting(js)) == 0 })
	// An edge that has only the object store's page.
	if err := w.KV(wandnats.BucketPages).Purge(t.Context(), wandnats.PageKey("magic-wands", "paid")); err != nil {
		t.Fatal(err)
	}
	fresh := w.StartEdge()
	if hit := fresh.BecomesHit(t, "magic-wands", "paid"); hit.Tier() != "minio" {
		t.Errorf("the page is in %q", hit.Tier())
	}
	e.BecomesHit(t, "magic-wands", "waiting")
	if n := w.Sim.Stats().Requests; n != 2 {
		t.Errorf("the model was asked %d times for two pages", n)
	}
	if letters := stream(t, js, wandnats.StreamDead).CachedInfo().State.Msgs; letters != 0 {
		t.Errorf("%d dead letters", letters)
	}
}

// errorsOf is the shopper's breadcrumbs of that step among the errors.
func errorsOf(t *testing.T, e *world.Process, shopper, step string) (found []any) {
	t.Helper()
	all, _ := world.Get(t, e.Base+"/debug/errors?store=magic-wands&shopper="+shopper).JSON(t)["errors"].([]any)
	for _, one := range all {
		if crumb, _ := one.(map[string]any); crumb["step"] == step {
			found = append(found, one)
		}
	}
	return found
}
