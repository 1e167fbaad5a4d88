package catalogue_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/persona"
)

func at(t testing.TB, text string) time.Time {
	t.Helper()
	when, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return when
}

var advent = doc{"products": []any{
	doc{"product": "emberhollow", "do": "exclude", "from": "2026-12-01", "until": "2026-12-24"},
}}

func TestProductsByRule(t *testing.T) {
	t.Parallel()
	shop := cataloguetest.Edited(t, "magic-wands", func(d doc) {
		p := []any{}
		for i := range 4 {
			p = append(p, doc{"product": cataloguetest.Product(d, i)["id"], "do": []string{"pin", "promote", "demote", "exclude"}[i]})
		}
		d["rules"] = doc{"products": append(p, doc{"product": cataloguetest.Product(d, 4)["id"], "do": "exclude", "personas": []any{persona.Loyalist}})}
	})
	all := cataloguetest.Shop(t, "magic-wands").Products
	ids := shop.Pick(len(all), nil, catalogue.ByPrice)
	switch {
	case ids[0] != all[0].ID, ids[1] != all[1].ID, ids[len(ids)-1] != all[2].ID:
		t.Errorf("order: %v", ids)
	case len(ids) != len(all)-1, slices.Contains(ids, all[3].ID):
		t.Errorf("the excluded one is there: %v", ids)
	}
	if _, ok := shop.Product(all[3].ID); ok {
		t.Error("the excluded product is in the shop")
	}
	for _, p := range shop.Search(catalogue.Query{Words: all[3].Name}) {
		if p.ID == all[3].ID {
			t.Error("the excluded product is found")
		}
	}
	if list := shop.List(catalogue.Query{}); list.Total != len(all)-1 || list.Products[0].ID != all[0].ID {
		t.Errorf("listed: %d, first %s", list.Total, list.Products[0].ID)
	}
	if ranked := shop.Rank(3, nil, catalogue.ByPrice); slices.Contains(ranked, all[2].ID) {
		t.Errorf("ranked: %v", ranked)
	}
	loyal := shop.For(persona.Loyalist)
	if _, ok := loyal.Product(all[4].ID); ok || len(loyal.Products) != len(all)-2 {
		t.Error("what is excluded for a persona is on its pages")
	}
	if _, ok := shop.Product(all[4].ID); !ok {
		t.Error("what is excluded for a persona is not in the shop")
	}
	if loyal.For(persona.Explorer) != shop || shop.For(persona.Loyalist) != loyal || loyal.Version != shop.Version {
		t.Error("views of one shop are not shared")
	}
	if got := shop.Pinned(); !slices.Equal(got, []string{all[0].ID}) {
		t.Errorf("pinned: %v", got)
	}
}

// A rule begins at midnight, UTC, and ends at the end of its last day. The version tells.
func TestRulesByDate(t *testing.T) {
	t.Parallel()
	shop := cataloguetest.Edited(t, "magic-wands", func(d doc) { d["rules"] = advent })
	before := shop.On(at(t, "2026-11-30T23:59:59Z"))
	for when, excluded := range map[string]bool{
		"2026-11-30T23:59:59Z": false, "2026-12-01T00:00:00Z": true, "2026-12-24T23:59:59Z": true, "2026-12-25T00:00:00Z": false,
		"2026-11-30T20:00:00-05:00": true,
	} {
		now := shop.On(at(t, when))
		if _, has := now.Product("emberhollow"); has == excluded {
			t.Errorf("%s: in the shop: %v", when, has)
		}
		if page := []byte(`<a href="/s/magic-wands/p/emberhollow">`); (now.Shown(page) != before.Shown(page)) != excluded {
			t.Errorf("%s: shown %s, before %s", when, now.Shown(page), before.Shown(page))
		}
		if !now.Version.SameAssortment(before.Version) {
			t.Errorf("%s: a date makes new pages", when)
		}
	}
}

// A directory's shops are as their rules have them now, whoever asks and without a restart.
func TestDirectoryFollowsTheDate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := cataloguetest.Document(t, "magic-wands", func(d doc) { d["rules"] = advent })
	if err := os.WriteFile(filepath.Join(dir, "magic-wands.json"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	var now atomic.Int64
	now.Store(at(t, "2026-11-30T23:59:59Z").UnixNano())
	d, err := catalogue.New(catalogue.Config{Dir: dir, Now: func() time.Time { return time.Unix(0, now.Load()) }}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	has := func() bool {
		shop, _ := d.Shop("magic-wands")
		_, ok := shop.Product("emberhollow")
		return ok
	}
	first, _ := d.Shop("magic-wands")
	if !has() {
		t.Fatal("excluded before its day")
	}
	now.Store(at(t, "2026-12-01T00:00:00Z").UnixNano())
	if has() {
		t.Error("not excluded on its day")
	}
	if in, _ := d.Shop("magic-wands"); in.Version == first.Version || !in.Since.Equal(at(t, "2026-12-01T00:00:00Z")) {
		t.Errorf("version %s since %v", in.Version, in.Since)
	}
	now.Store(at(t, "2026-12-25T00:00:00Z").UnixNano())
	if last, _ := d.Shop("magic-wands"); !has() || last.Version != first.Version {
		t.Error("still excluded after its last day")
	}
}

// A product that the bucket changes is ruled by what it is then.
func TestRulesOfImportedProducts(t *testing.T) {
	t.Parallel()
	shop := cataloguetest.Edited(t, "magic-wands", func(d doc) {
		d["rules"] = doc{"products": []any{doc{"tag": "secret", "do": "exclude"}, doc{"tag": "loved", "do": "pin"}}}
	})
	read := func(tags string) *catalogue.Product {
		p, err := catalogue.ReadProduct("x", "x", []byte(`{"id":"x","name":"X","description":"A thing.","collection":"first","priceCents":100,"stock":1,"tags":[`+tags+`]}`))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	plain, secret, loved := shop.With([]*catalogue.Product{read("")}), shop.With([]*catalogue.Product{read(`"secret"`)}), shop.With([]*catalogue.Product{read(`"loved"`)})
	if _, ok := secret.Product("x"); ok {
		t.Error("the excluded product is there")
	}
	if _, ok := secret.With([]*catalogue.Product{read("")}).Product("x"); !ok {
		t.Error("the product did not come back")
	}
	if !slices.Contains(loved.Pinned(), "x") || loved.Version == plain.Version {
		t.Error("a product that is pinned now renders no page again")
	}
}
