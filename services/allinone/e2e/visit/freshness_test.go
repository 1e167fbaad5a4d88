package visit_test

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
	"github.com/wandstore/wandstore/pkg/checkout"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/persona"
	"github.com/wandstore/wandstore/pkg/prompt"
	"github.com/wandstore/wandstore/pkg/storefront"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
)

// kept is a page that was generated some time ago.
type kept struct {
	shopper, html string
	catalogue     catalogue.Version
	prompt        string
	age           time.Duration
}

// keep stores a page in MinIO.
func keep(t testing.TB, w *world.World, k kept) {
	t.Helper()
	s3, err := pagestore.NewS3(w.S3)
	if err != nil {
		t.Fatal(err)
	}
	defer s3.Close()
	made := timestamppb.New(time.Now().Add(-k.age))
	page, err := pagestore.New(&wandstorev1.Page{
		StoreSlug: "magic-wands", ShopperId: k.shopper, Html: k.html, Persona: persona.Explorer, Source: pagestore.SourceLLM,
		JobId: "kept", PromptVersion: k.prompt, CatalogueVersion: string(k.catalogue), RequestedAt: made, GeneratedAt: made,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s3.Put(t.Context(), page); err != nil {
		t.Fatal(err)
	}
}

// wandsFile is the built-in shop's document, edited.
func wandsFile(t testing.TB, edit func(file map[string]any)) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(checkout.Root(t), "pkg/catalogue/shops/magic-wands.json"))
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

// wand is the product with that id in the built-in shop's document.
func wand(file map[string]any, id string) map[string]any {
	for _, p := range file["products"].([]any) {
		if p.(map[string]any)["id"] == id {
			return p.(map[string]any)
		}
	}
	return nil
}

// wands is the built-in shop, read from the edited document.
func wands(t testing.TB, edit func(file map[string]any)) *catalogue.Shop {
	t.Helper()
	all, err := catalogue.ReadDir(fstest.MapFS{"magic-wands.json": {Data: wandsFile(t, edit)}})
	if err != nil {
		t.Fatal(err)
	}
	return all.All()[0]
}

// madeOf is an explorer's page, rendered from that version of the shop.
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

// A page that was generated before prices or stock changed is rendered again with
// today's, without a job.
func TestOldPricesAreCorrected(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
	_, js := w.Connect()
	before := wands(t, func(file map[string]any) { wand(file, "nightjar")["priceCents"] = 1_234_56 })
	keep(t, w, kept{"returning", madeOf(t, before, "Kept for a while"), before.Version, prompt.Version, time.Hour})
	var etags []string
	for _, tier := range []string{"minio", "memory"} {
		var hit world.Answer
		// Once the edge watches the pages, it looks again.
		eventually.True(t, "a hit comes from "+tier, func() bool {
			hit = e.Visit(t, "magic-wands", "returning")
			return hit.Tier() == tier
		})
		if hit.Header.Get("X-Cache") != "HIT" || hit.Header.Get("X-Generation") != "ready" || strings.Contains(hit.Header.Get("Cache-Status"), "ttl") {
			t.Errorf("%v", hit.Header)
		}
		if strings.Contains(hit.Body, "1,234.56") || !strings.Contains(hit.Body, "Kept for a while") {
			t.Error("the page has the old price, or is not the shopper's")
		}
		etags = append(etags, hit.Header.Get("ETag"))
	}
	if etags[0] != etags[1] {
		t.Errorf("ETags %v of one page", etags)
	}
	if a := world.Get(t, e.Base+"/s/magic-wands?shopper=returning", "If-None-Match", etags[0]); a.Status != http.StatusNotModified {
		t.Errorf("the same page again: %d", a.Status)
	}
	if jobs := w.Waiting(js); len(jobs) != 0 {
		t.Errorf("jobs %v for a change of price", jobs)
	}
}

// A page whose age, products, prompt or persona is out of date is served at once, and a
// new one is generated.
func TestOutdatedPagesAreServedAndRefreshed(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
	now := wands(t, unchanged)
	// One wand fewer, and another price of one that is left.
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
		keep(t, w, k)
	}
	ready := e.Visit(t, "magic-wands", "persona")
	if ready.Header.Get("X-Generation") != "ready" {
		t.Errorf("before anything is known of them: %v", ready.Header)
	}
	events := `[{"shopper":"persona","store":"magic-wands","event":"sort","query":"price-asc"},{"shopper":"persona","store":"magic-wands","event":"filter","query":"on sale"}]`
	if a := world.Post(t, e.Base+"/api/shopper/track", events); a.Status != http.StatusAccepted {
		t.Fatalf("track: %d %s", a.Status, a.Body)
	}
	for _, shopper := range []string{"aged", "assortment", "prompt", "persona"} {
		for _, generation := range []string{"triggered", "pending"} {
			hit := e.Visit(t, "magic-wands", shopper)
			if hit.Header.Get("X-Cache") != "HIT" || hit.Header.Get("X-Generation") != generation || !strings.Contains(hit.Header.Get("Cache-Status"), "; ttl=-") {
				t.Errorf("%s: %v, want %s", shopper, hit.Header, generation)
			}
			if !strings.Contains(hit.Body, "Some time ago") || strings.Contains(hit.Body, "1,234.56") {
				t.Errorf("%s: not the old page, or old prices", shopper)
			}
		}
	}
	w.StartGenerator()
	for _, shopper := range []string{"aged", "assortment", "prompt", "persona"} {
		eventually.True(t, shopper+" has a new page", func() bool {
			hit := e.Visit(t, "magic-wands", shopper)
			return hit.Header.Get("X-Generation") == "ready" && !strings.Contains(hit.Body, "Some time ago") && !strings.Contains(hit.Header.Get("Cache-Status"), "ttl")
		})
	}
	if hit := e.Visit(t, "magic-wands", "persona"); hit.Header.Get("X-Persona") != persona.Dealhunter {
		t.Errorf("X-Persona %q, want dealhunter", hit.Header.Get("X-Persona"))
	}
	// A change of persona right after the page was generated is followed too. The page is stored
	// before its job has ended, and there is one job at a time.
	eventually.True(t, "the job has ended", func() bool { return e.GenerationStatus(t, "magic-wands", "persona")["state"] == "ready" })
	bought := `[` + strings.TrimSuffix(strings.Repeat(`{"shopper":"persona","store":"magic-wands","event":"purchase","product":"nightjar"},`, 4), ",") + `]`
	if a := world.Post(t, e.Base+"/api/shopper/track", bought); a.Status != http.StatusAccepted {
		t.Fatalf("track: %d %s", a.Status, a.Body)
	}
	if hit := e.Visit(t, "magic-wands", "persona"); hit.Header.Get("X-Generation") != "triggered" {
		t.Errorf("after a purchase: %v", hit.Header)
	}
	eventually.True(t, "the page is a loyalist's", func() bool {
		return e.Visit(t, "magic-wands", "persona").Header.Get("X-Persona") == persona.Loyalist
	})
}

// A page of another catalogue that contains no design cannot be rendered again. It is
// not served, and a new one is generated.
func TestPageOfAnotherCatalogueWithoutDesignIsNotServed(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
	keep(t, w, kept{"returning", "<h1>Old prices</h1>", "0ld", "", time.Hour})
	first := e.Visit(t, "magic-wands", "returning")
	if first.Header.Get("X-Cache") != "MISS" || first.Header.Get("X-Generation") != "triggered" || strings.Contains(first.Body, "Old prices") {
		t.Errorf("%v", first.Header)
	}
	if s := e.GenerationStatus(t, "magic-wands", "returning"); s["state"] != "queued" {
		t.Errorf("status %v", s)
	}
	w.StartGenerator()
	if hit := e.BecomesHit(t, "magic-wands", "returning"); strings.Contains(hit.Body, "Old prices") {
		t.Error("the old page is served")
	}
}

// During the rollout of a catalogue or a prompt, generators that do not have it yet are
// not asked repeatedly: a page that they generated after this edge learned of the change
// counts as fresh.
func TestRolloutDoesNotLoop(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
	_, js := w.Connect()
	other := wands(t, func(file map[string]any) { file["about"] = "Another shop, as far as a model can tell." })
	keep(t, w, kept{"undrawable", "<h1>Old prices</h1>", "0ld", "", 0})
	keep(t, w, kept{"drawable", madeOf(t, other, "From a generator"), other.Version, "before", 0})
	if a := e.Visit(t, "magic-wands", "undrawable"); a.Header.Get("X-Cache") != "MISS" || a.Header.Get("X-Generation") != "off" {
		t.Errorf("%v", a.Header)
	}
	if a := e.Visit(t, "magic-wands", "drawable"); a.Header.Get("X-Cache") != "HIT" || a.Header.Get("X-Generation") != "ready" || !strings.Contains(a.Body, "From a generator") {
		t.Errorf("%v", a.Header)
	}
	if jobs := w.Waiting(js); len(jobs) != 0 {
		t.Errorf("jobs %v", jobs)
	}
}
