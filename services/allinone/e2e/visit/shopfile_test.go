package visit_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/prompt"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/edge"
	"github.com/wandstore/wandstore/services/generator"
)

// shelve puts a shop's document into a folder, atomically.
func shelve(t testing.TB, dir, slug string, text []byte) {
	t.Helper()
	made := filepath.Join(dir, "."+slug)
	if err := os.WriteFile(made, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(made, filepath.Join(dir, slug+".json")); err != nil {
		t.Fatal(err)
	}
}

// priced is the built-in shop's document with another price of one wand.
func priced(t testing.TB, cents int) []byte {
	t.Helper()
	return wandsFile(t, func(file map[string]any) { wand(file, "nightjar")["priceCents"] = cents })
}

// renamed is the built-in shop's document with another slug and name.
func renamed(t testing.TB, slug, name string) []byte {
	t.Helper()
	return wandsFile(t, func(file map[string]any) { file["slug"], file["name"] = slug, name })
}

func refusedFor(t testing.TB, p *world.Process, why string) bool {
	t.Helper()
	health := world.Get(t, p.Base+"/health")
	return health.Status == http.StatusOK && health.JSON(t)["status"] == "degraded" && strings.Contains(health.Body, why)
}

func healthy(t testing.TB, p *world.Process) bool {
	t.Helper()
	return world.Get(t, p.Base+"/health").JSON(t)["status"] == "ok"
}

// A change of a shop's file is on every page, stored ones included, without a restart and
// without a job. A faulty file changes nothing and is reported by /health.
func TestStoreFileChangesPagesWithoutRestart(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	dir := t.TempDir()
	shelve(t, dir, "magic-wands", priced(t, 1_111_11))
	e := w.StartEdge(func(c *edge.Config) { c.Shops.Dir = dir })
	g := w.StartGenerator(func(c *generator.Config) { c.Shops.Dir = dir })
	_, js := w.Connect()

	nightjar := e.Base + "/s/magic-wands/p/nightjar"
	if a := world.Get(t, nightjar); !strings.Contains(a.Body, "1,111.11") {
		t.Fatalf("the folder's price is not shown: %d", a.Status)
	}
	// A page that the generator stored.
	e.Visit(t, "magic-wands", "returning")
	e.BecomesHit(t, "magic-wands", "returning")
	eventually.True(t, "no job is left", func() bool { return len(w.Waiting(js)) == 0 })
	then := wands(t, func(file map[string]any) { wand(file, "nightjar")["priceCents"] = 1_111_11 })
	keep(t, w, kept{"regular", madeOf(t, then, "Kept for a while"), then.Version, prompt.Version, 0})
	if hit := e.Visit(t, "magic-wands", "regular"); hit.Header.Get("X-Cache") != "HIT" || !strings.Contains(hit.Body, "1,111.11") {
		t.Fatalf("%v", hit.Header)
	}

	shelve(t, dir, "magic-wands", priced(t, 2_222_22))
	eventually.True(t, "the new price is shown", func() bool { return strings.Contains(world.Get(t, nightjar).Body, "2,222.22") })
	if own := e.Visit(t, "magic-wands", "returning"); own.Header.Get("X-Cache") != "HIT" || strings.Contains(own.Body, "1,111.11") {
		t.Errorf("the generated page after a change of price: %v", own.Header)
	}
	hit := e.Visit(t, "magic-wands", "regular")
	if hit.Header.Get("X-Cache") != "HIT" || hit.Header.Get("X-Generation") != "ready" || !strings.Contains(hit.Body, "Kept for a while") {
		t.Errorf("after a change of price: %v", hit.Header)
	}
	if !strings.Contains(hit.Body, "2,222.22") || strings.Contains(hit.Body, "1,111.11") {
		t.Error("the kept page has the old price")
	}
	if jobs := w.Waiting(js); len(jobs) != 0 {
		t.Errorf("jobs %v for a change of price", jobs)
	}

	shelve(t, dir, "magic-wands", priced(t, -1))
	for _, p := range []*world.Process{e, g} {
		eventually.True(t, "the fault is told", func() bool {
			return refusedFor(t, p, "magic-wands.json: products[") && refusedFor(t, p, "priceCents: is -1")
		})
	}
	// Only the faulty product is left out.
	if a := world.Get(t, nightjar); a.Status != http.StatusNotFound {
		t.Errorf("the faulty product: %d", a.Status)
	}
	if a := world.Get(t, e.Base+"/s/magic-wands/p/emberhollow"); a.Status != http.StatusOK {
		t.Errorf("the faulty product closed the shop: %d", a.Status)
	}
	if said := strings.Count(e.Log.String(), `"products left out":1`); said != 1 {
		t.Errorf("the fault is logged %d times", said)
	}
	shelve(t, dir, "magic-wands", priced(t, 3_333_33))
	eventually.True(t, "the price after the fault is shown", func() bool { return strings.Contains(world.Get(t, nightjar).Body, "3,333.33") })
	for _, p := range []*world.Process{e, g} {
		eventually.True(t, "all is well again", func() bool { return healthy(t, p) })
	}
}

// A shop that is added while the services run has pages of its own. Only its own pages
// may load its images.
func TestStoreOpensAndClosesWithoutRestart(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	dir := t.TempDir()
	e := w.StartEdge(func(c *edge.Config) { c.Shops.Dir = dir })
	w.StartGenerator(func(c *generator.Config) { c.Shops.Dir = dir })
	if a := e.Visit(t, "second-hand", "abc"); a.Status != http.StatusNotFound {
		t.Fatalf("before it opens: %d", a.Status)
	}
	const image = "https://images.second-hand.example/emberhollow.jpg"
	text := renamed(t, "second-hand", "Second Hand Wands")
	var file map[string]any
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	wand(file, "emberhollow")["image"] = image
	text, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	shelve(t, dir, "second-hand", text)
	eventually.True(t, "it opens", func() bool { return e.Visit(t, "second-hand", "abc").Status == http.StatusOK })
	hit := e.BecomesHit(t, "second-hand", "abc")
	if !strings.Contains(hit.Body, "Second Hand Wands") || !strings.Contains(hit.Body, "img-src &#39;self&#39; data: https://images.second-hand.example") {
		t.Error("the page is not of the store, or its policy refuses its images")
	}
	product := world.Get(t, e.Base+"/s/second-hand/p/emberhollow")
	if !strings.Contains(product.Body, ` src="`+image+`"`) || !strings.Contains(product.Header.Get("Content-Security-Policy"), " https://images.second-hand.example") {
		t.Errorf("the product's image is not shown: %s", product.Header.Get("Content-Security-Policy"))
	}
	if other := world.Get(t, e.Base+"/s/magic-wands/p/emberhollow"); strings.Contains(other.Header.Get("Content-Security-Policy")+other.Body, "second-hand") {
		t.Error("another store's page lets the images in")
	}
	if err := os.Remove(filepath.Join(dir, "second-hand.json")); err != nil {
		t.Fatal(err)
	}
	eventually.True(t, "it closes", func() bool { return e.Visit(t, "second-hand", "abc").Status == http.StatusNotFound })
}
