package allinone_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/persona"
	"github.com/wandstore/wandstore/pkg/prompt"
	"github.com/wandstore/wandstore/pkg/storefront"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// kept is a page that was made some time ago.
type kept struct {
	shopper, html string
	catalogue     catalogue.Version
	prompt        string
	age           time.Duration
}

// keep stores a page for good.
func (w *world) keep(k kept) {
	w.t.Helper()
	s3, err := pagestore.NewS3(w.s3)
	if err != nil {
		w.t.Fatal(err)
	}
	defer s3.Close()
	made := timestamppb.New(time.Now().Add(-k.age))
	page, err := pagestore.New(&wandstorev1.Page{
		StoreSlug: "magic-wands", ShopperId: k.shopper, Html: k.html, Persona: persona.Explorer, Source: pagestore.SourceLLM,
		JobId: "kept", PromptVersion: k.prompt, CatalogueVersion: string(k.catalogue), RequestedAt: made, GeneratedAt: made,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := s3.Put(w.t.Context(), page); err != nil {
		w.t.Fatal(err)
	}
}

// wandsFile is the built-in store's file, changed.
func wandsFile(t testing.TB, edit func(file map[string]any)) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root(t), "pkg/storefront/stores/magic-wands.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]any
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	edit(file)
	if b, err = json.Marshal(file); err != nil {
		t.Fatal(err)
	}
	return b
}

// wand is the product of that id in the built-in store's file.
func wand(file map[string]any, id string) map[string]any {
	for _, p := range file["products"].([]any) {
		if p.(map[string]any)["id"] == id {
			return p.(map[string]any)
		}
	}
	return nil
}

// wands is the built-in store with its file changed.
func wands(t testing.TB, edit func(file map[string]any)) *catalogue.Shop {
	t.Helper()
	all, err := catalogue.ReadDir(fstest.MapFS{"magic-wands.json": {Data: wandsFile(t, edit)}})
	if err != nil {
		t.Fatal(err)
	}
	return all.All()[0]
}

// madeOf is the page of an explorer, drawn from that state of the store.
func madeOf(t testing.TB, shop *catalogue.Shop, headline string) string {
	t.Helper()
	r, err := storefront.NewRenderer()
	if err != nil {
		t.Fatal(err)
	}
	html, err := r.Page(storefront.PageInput{Shop: shop, Persona: persona.Explorer, Design: design.Design{Sections: []design.Section{
		{Type: "spotlight", Headline: headline, ProductIDs: []string{"nightjar"}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return string(html)
}

func unchanged(map[string]any) {}

// A page that was made before prices or stock changed shows today's, and costs no
// job for it.
func TestOldPricesAreCorrected(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.startEdge()
	_, js := w.connect()
	before := wands(t, func(file map[string]any) { wand(file, "nightjar")["priceCents"] = 1_234_56 })
	w.keep(kept{"returning", madeOf(t, before, "Kept for a while"), before.Version, prompt.Version, time.Hour})
	var etags []string
	for _, tier := range []string{"minio", "memory"} {
		hit := visit(t, e, "magic-wands", "returning")
		if hit.header.Get("X-Cache") != "HIT" || hit.header.Get("X-Generation") != "ready" || strings.Contains(hit.header.Get("Cache-Status"), "ttl") || hit.tier() != tier {
			t.Errorf("%v", hit.header)
		}
		if strings.Contains(hit.body, "1,234.56") || !strings.Contains(hit.body, "Kept for a while") {
			t.Error("the page has the old price, or is not the shopper's")
		}
		etags = append(etags, hit.header.Get("ETag"))
	}
	if etags[0] != etags[1] {
		t.Errorf("ETags %v of one page", etags)
	}
	if a := get(t, e.base+"/s/magic-wands?shopper=returning", "If-None-Match", etags[0]); a.status != http.StatusNotModified {
		t.Errorf("the same page again: %d", a.status)
	}
	if jobs := w.waiting(js); len(jobs) != 0 {
		t.Errorf("jobs %v for a change of price", jobs)
	}
}

// What a model would do otherwise today is served at once and made anew.
func TestOutdatedPagesAreServedAndRefreshed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.startEdge()
	now := wands(t, unchanged)
	// One wand less, and another price of one that is there.
	fewer := wands(t, func(file map[string]any) {
		file["products"] = file["products"].([]any)[1:]
		wand(file, "nightjar")["priceCents"] = 1_234_56
	})
	const week = 7 * 24 * time.Hour
	for _, k := range []kept{
		{"aged", madeOf(t, now, "Some time ago"), now.Version, prompt.Version, week},
		{"assortment", madeOf(t, fewer, "Some time ago"), fewer.Version, prompt.Version, time.Minute},
		{"prompt", madeOf(t, now, "Some time ago"), now.Version, "before", time.Minute},
		{"persona", madeOf(t, now, "Some time ago"), now.Version, prompt.Version, time.Minute},
	} {
		w.keep(k)
	}
	ready := visit(t, e, "magic-wands", "persona")
	if ready.header.Get("X-Generation") != "ready" {
		t.Errorf("before anything is known of them: %v", ready.header)
	}
	events := `[{"shopper":"persona","store":"magic-wands","event":"sort","query":"price-asc"},{"shopper":"persona","store":"magic-wands","event":"filter","query":"on sale"}]`
	if a := post(t, e.base+"/api/shopper/track", events); a.status != http.StatusAccepted {
		t.Fatalf("track: %d %s", a.status, a.body)
	}
	for _, shopper := range []string{"aged", "assortment", "prompt", "persona"} {
		for _, generation := range []string{"triggered", "pending"} {
			hit := visit(t, e, "magic-wands", shopper)
			if hit.header.Get("X-Cache") != "HIT" || hit.header.Get("X-Generation") != generation || !strings.Contains(hit.header.Get("Cache-Status"), "; ttl=-") {
				t.Errorf("%s: %v, want %s", shopper, hit.header, generation)
			}
			if !strings.Contains(hit.body, "Some time ago") || strings.Contains(hit.body, "1,234.56") {
				t.Errorf("%s: not the old page, or old prices", shopper)
			}
		}
	}
	w.startGenerator()
	for _, shopper := range []string{"aged", "assortment", "prompt", "persona"} {
		eventually(t, shopper+" has a new page", func() bool {
			hit := visit(t, e, "magic-wands", shopper)
			return hit.header.Get("X-Generation") == "ready" && !strings.Contains(hit.body, "Some time ago") && !strings.Contains(hit.header.Get("Cache-Status"), "ttl")
		})
	}
	if hit := visit(t, e, "magic-wands", "persona"); hit.header.Get("X-Persona") != persona.Dealhunter {
		t.Errorf("X-Persona %q, want dealhunter", hit.header.Get("X-Persona"))
	}
	// Another change of mind right after the page was made is followed too.
	bought := `[` + strings.TrimSuffix(strings.Repeat(`{"shopper":"persona","store":"magic-wands","event":"purchase","product":"nightjar"},`, 4), ",") + `]`
	if a := post(t, e.base+"/api/shopper/track", bought); a.status != http.StatusAccepted {
		t.Fatalf("track: %d %s", a.status, a.body)
	}
	if hit := visit(t, e, "magic-wands", "persona"); hit.header.Get("X-Generation") != "triggered" {
		t.Errorf("after a purchase: %v", hit.header)
	}
	eventually(t, "the page is a loyalist's", func() bool {
		return visit(t, e, "magic-wands", "persona").header.Get("X-Persona") == persona.Loyalist
	})
}

// A page that holds no design cannot be corrected: it is not served, and a new one
// is made.
func TestPageOfAnotherCatalogueWithoutDesignIsNotServed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.startEdge()
	w.keep(kept{"returning", "<h1>Old prices</h1>", "0ld", "", time.Hour})
	first := visit(t, e, "magic-wands", "returning")
	if first.header.Get("X-Cache") != "MISS" || first.header.Get("X-Generation") != "triggered" || strings.Contains(first.body, "Old prices") {
		t.Errorf("%v", first.header)
	}
	if s := get(t, e.base+"/api/generation/status?store=magic-wands&shopper=returning").json(t); s["state"] != "queued" {
		t.Errorf("status %v", s)
	}
	w.startGenerator()
	if hit := becomesHit(t, e, "magic-wands", "returning"); strings.Contains(hit.body, "Old prices") {
		t.Error("the old page is served")
	}
}

// While a new catalogue or prompt is rolled out, generators that do not have it
// yet are not asked again and again: what they made since this edge knows of it is
// as good as it gets.
func TestRolloutDoesNotLoop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.startEdge()
	_, js := w.connect()
	other := wands(t, func(file map[string]any) { file["about"] = "Another shop, as far as a model can tell." })
	w.keep(kept{"undrawable", "<h1>Old prices</h1>", "0ld", "", 0})
	w.keep(kept{"drawable", madeOf(t, other, "From a generator"), other.Version, "before", 0})
	if a := visit(t, e, "magic-wands", "undrawable"); a.header.Get("X-Cache") != "MISS" || a.header.Get("X-Generation") != "off" {
		t.Errorf("%v", a.header)
	}
	if a := visit(t, e, "magic-wands", "drawable"); a.header.Get("X-Cache") != "HIT" || a.header.Get("X-Generation") != "ready" || !strings.Contains(a.body, "From a generator") {
		t.Errorf("%v", a.header)
	}
	if jobs := w.waiting(js); len(jobs) != 0 {
		t.Errorf("jobs %v", jobs)
	}
}
