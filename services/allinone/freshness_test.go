package allinone_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/storefront"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// keep stores a page for good, as it was made some time ago.
func (w *world) keep(shopper, html, catalogue string, age time.Duration) {
	w.t.Helper()
	s3, err := pagestore.NewS3(w.s3)
	if err != nil {
		w.t.Fatal(err)
	}
	defer s3.Close()
	made := timestamppb.New(time.Now().Add(-age))
	page, err := pagestore.New(&wandstorev1.Page{
		StoreSlug: "magic-wands", ShopperId: shopper, Html: html, Persona: "explorer", Source: pagestore.SourceLLM,
		JobId: "kept", CatalogueVersion: catalogue, RequestedAt: made, GeneratedAt: made,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := s3.Put(w.t.Context(), page); err != nil {
		w.t.Fatal(err)
	}
}

func catalogueVersion(t *testing.T) string {
	t.Helper()
	stores, err := storefront.LoadStores()
	if err != nil {
		t.Fatal(err)
	}
	shop, ok := stores.Store("magic-wands")
	if !ok {
		t.Fatal("no magic-wands")
	}
	return shop.Version
}

// Old prices are not shown: a page of another catalogue is not served, and a new
// one is made.
func TestPageOfAnotherCatalogueIsNotServed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.startEdge()
	w.keep("returning", "<h1>Old prices</h1>", "0ld", time.Hour)
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

// While a new catalogue is rolled out, generators that do not have it yet are not
// asked again and again.
func TestRolloutDoesNotLoop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.startEdge()
	_, js := w.connect()
	w.keep("returning", "<h1>Old prices</h1>", "0ld", time.Minute)
	a := visit(t, e, "magic-wands", "returning")
	if a.header.Get("X-Cache") != "MISS" || a.header.Get("X-Generation") != "off" || len(w.waiting(js)) != 0 {
		t.Errorf("%v, jobs %v", a.header, w.waiting(js))
	}
}

// A page past PAGE_MAX_AGE is served as it is, says so, and is made anew.
func TestAgedPageIsServedAndRefreshed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.startEdge()
	w.keep("regular", "<h1>From last week</h1>", catalogueVersion(t), 7*24*time.Hour)
	aged := visit(t, e, "magic-wands", "regular")
	if aged.header.Get("X-Cache") != "HIT" || aged.header.Get("X-Generation") != "triggered" ||
		!strings.Contains(aged.header.Get("Cache-Status"), "; ttl=-") || !strings.Contains(aged.body, "From last week") {
		t.Errorf("%v", aged.header)
	}
	if again := visit(t, e, "magic-wands", "regular"); again.header.Get("X-Generation") != "pending" {
		t.Errorf("a refresh under way: X-Generation %q", again.header.Get("X-Generation"))
	}
	w.startGenerator()
	eventually(t, "the page is new", func() bool {
		hit := visit(t, e, "magic-wands", "regular")
		return hit.header.Get("X-Generation") == "ready" && !strings.Contains(hit.body, "From last week") && !strings.Contains(hit.header.Get("Cache-Status"), "ttl")
	})
}
