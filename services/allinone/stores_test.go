package allinone_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/prompt"
	"github.com/wandstore/wandstore/services/edge"
	"github.com/wandstore/wandstore/services/generator"
)

// shelve puts a store's file into a folder, whole.
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

// priced is the built-in store's file with another price of one wand.
func priced(t testing.TB, cents int) []byte {
	t.Helper()
	return wandsFile(t, func(file map[string]any) { wand(file, "nightjar")["priceCents"] = cents })
}

// renamed is the built-in store's file as another store's.
func renamed(t testing.TB, slug, name string) []byte {
	t.Helper()
	return wandsFile(t, func(file map[string]any) { file["slug"], file["name"] = slug, name })
}

func refusedFor(t testing.TB, p *process, why string) bool {
	t.Helper()
	health := get(t, p.base+"/health")
	return health.status == http.StatusOK && health.json(t)["status"] == "degraded" && strings.Contains(health.body, why)
}

func healthy(t testing.TB, p *process) bool {
	t.Helper()
	return get(t, p.base+"/health").json(t)["status"] == "ok"
}

// A changed file is on every page with the next request after it was seen, kept
// pages too, without a restart and without a job; a faulty one changes nothing and
// is told of.
func TestStoreFileChangesPagesWithoutRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := t.TempDir()
	shelve(t, dir, "magic-wands", priced(t, 1_111_11))
	e := w.startEdge(func(c *edge.Config) { c.Stores.Dir = dir })
	g := w.startGenerator(func(c *generator.Config) { c.Stores.Dir = dir })
	_, js := w.connect()

	nightjar := e.base + "/s/magic-wands/p/nightjar"
	if a := get(t, nightjar); !strings.Contains(a.body, "1,111.11") {
		t.Fatalf("the folder's price is not shown: %d", a.status)
	}
	// Somebody's page, drawn by the generator and kept.
	visit(t, e, "magic-wands", "returning")
	becomesHit(t, e, "magic-wands", "returning")
	eventually(t, "no job is left", func() bool { return len(w.waiting(js)) == 0 })
	then := wands(t, func(file map[string]any) { wand(file, "nightjar")["priceCents"] = 1_111_11 })
	w.keep(kept{"regular", madeOf(t, then, "Kept for a while"), then.Version, prompt.Version, 0})
	if hit := visit(t, e, "magic-wands", "regular"); hit.header.Get("X-Cache") != "HIT" || !strings.Contains(hit.body, "1,111.11") {
		t.Fatalf("%v", hit.header)
	}

	shelve(t, dir, "magic-wands", priced(t, 2_222_22))
	eventually(t, "the new price is shown", func() bool { return strings.Contains(get(t, nightjar).body, "2,222.22") })
	if own := visit(t, e, "magic-wands", "returning"); own.header.Get("X-Cache") != "HIT" || strings.Contains(own.body, "1,111.11") {
		t.Errorf("the generated page after a change of price: %v", own.header)
	}
	hit := visit(t, e, "magic-wands", "regular")
	if hit.header.Get("X-Cache") != "HIT" || hit.header.Get("X-Generation") != "ready" || !strings.Contains(hit.body, "Kept for a while") {
		t.Errorf("after a change of price: %v", hit.header)
	}
	if !strings.Contains(hit.body, "2,222.22") || strings.Contains(hit.body, "1,111.11") {
		t.Error("the kept page has the old price")
	}
	if jobs := w.waiting(js); len(jobs) != 0 {
		t.Errorf("jobs %v for a change of price", jobs)
	}

	shelve(t, dir, "magic-wands", priced(t, -1))
	for _, p := range []*process{e, g} {
		eventually(t, "the fault is told", func() bool {
			return refusedFor(t, p, "magic-wands.json: products[") && refusedFor(t, p, "priceCents: is -1")
		})
	}
	if a := get(t, nightjar); !strings.Contains(a.body, "2,222.22") {
		t.Errorf("the faulty file closed the shop: %d", a.status)
	}
	if said := strings.Count(e.log.String(), `"msg":"store refused"`); said != 1 {
		t.Errorf("the fault is logged %d times", said)
	}
	shelve(t, dir, "magic-wands", priced(t, 3_333_33))
	eventually(t, "the price after the fault is shown", func() bool { return strings.Contains(get(t, nightjar).body, "3,333.33") })
	for _, p := range []*process{e, g} {
		eventually(t, "all is well again", func() bool { return healthy(t, p) })
	}
}

// A store that comes while all runs has pages of its own, and its images are let
// into its own pages only.
func TestStoreOpensAndClosesWithoutRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := t.TempDir()
	e := w.startEdge(func(c *edge.Config) { c.Stores.Dir = dir })
	w.startGenerator(func(c *generator.Config) { c.Stores.Dir = dir })
	if a := visit(t, e, "second-hand", "abc"); a.status != http.StatusNotFound {
		t.Fatalf("before it opens: %d", a.status)
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
	eventually(t, "it opens", func() bool { return visit(t, e, "second-hand", "abc").status == http.StatusOK })
	hit := becomesHit(t, e, "second-hand", "abc")
	if !strings.Contains(hit.body, "Second Hand Wands") || !strings.Contains(hit.body, "img-src &#39;self&#39; data: https://images.second-hand.example") {
		t.Error("the page is not of the store, or its policy refuses its images")
	}
	product := get(t, e.base+"/s/second-hand/p/emberhollow")
	if !strings.Contains(product.body, `<img class="picture" src="`+image+`"`) || !strings.Contains(product.header.Get("Content-Security-Policy"), " https://images.second-hand.example") {
		t.Errorf("the product's image is not shown: %s", product.header.Get("Content-Security-Policy"))
	}
	if other := get(t, e.base+"/s/magic-wands/p/emberhollow"); strings.Contains(other.header.Get("Content-Security-Policy"), "second-hand") || strings.Contains(other.body, "<img") {
		t.Error("another store's page lets the images in")
	}
	if err := os.Remove(filepath.Join(dir, "second-hand.json")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it closes", func() bool { return visit(t, e, "second-hand", "abc").status == http.StatusNotFound })
}
