package operate_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/generator"
)

// The queue gets shards, more of them and fewer again while jobs wait: each page is made, once,
// by a generator of the last setting, whose POOL_MEMBERS name its members in all shards.
func TestJobsOutliveTheNumberOfShards(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.ExampleShops)
	w.Pool.PoolSize = 2
	shops := []string{"magic-wands", "kiln-and-field"}
	shoppers := map[int]string{1: "one", 3: "three", 2: "two"}
	for _, shards := range []int{1, 3, 2} {
		w.Pool.Shards = shards
		e := w.StartEdge()
		for _, shop := range shops {
			if a := e.Visit(t, shop, shoppers[shards]); a.Header.Get("X-Generation") != "triggered" {
				t.Errorf("%d shards: %v", shards, a.Header)
			}
		}
		e.Stop()
	}
	_, js := w.Connect()
	kinds := map[int]bool{}
	for subject := range w.Waiting(js) {
		kinds[strings.Count(subject, ".")] = true
	}
	if len(kinds) != 2 {
		t.Errorf("jobs do not wait both with a shard and without: %v", w.Waiting(js))
	}
	e := w.StartEdge()
	w.StartGenerator(func(c *generator.Config) { c.Members = "0-1" })
	for _, shopper := range shoppers {
		for _, shop := range shops {
			e.BecomesHit(t, shop, shopper)
		}
	}
	eventually.True(t, "all jobs are settled", func() bool { return len(w.Waiting(js)) == 0 })
	if n := len(w.Sim.Requests()); n != len(shops)*len(shoppers) {
		t.Errorf("%d calls of the model for %d pages", n, len(shops)*len(shoppers))
	}
	if a := world.Get(t, e.Base+"/debug/container"); a.Status != http.StatusOK || !strings.Contains(a.Body, `"poolMember":"0-pool-0"`) {
		t.Errorf("the first member: %d %s", a.Status, a.Body)
	}
}
