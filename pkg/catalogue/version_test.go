package catalogue_test

import (
	"maps"
	"testing"

	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
)

func TestVersionSeparatesAssortmentAndFacts(t *testing.T) {
	was := cataloguetest.Shop(t, "magic-wands").Version
	for name, c := range map[string]struct {
		edit func(map[string]any)
		same bool
	}{
		"price":             {func(f map[string]any) { cataloguetest.Product(f, 0)["priceCents"] = 60_00 }, true},
		"sale":              {func(f map[string]any) { cataloguetest.Product(f, 0)["salePriceCents"] = 10_00 }, true},
		"stock":             {func(f map[string]any) { cataloguetest.Product(f, 0)["stock"] = 99 }, true},
		"reviews":           {func(f map[string]any) { cataloguetest.Product(f, 0)["reviews"] = 999 }, true},
		"story":             {func(f map[string]any) { f["story"].(map[string]any)["headline"] = "Other words" }, true},
		"order":             {func(f map[string]any) { p := f["products"].([]any); p[0], p[1] = p[1], p[0] }, true},
		"name":              {func(f map[string]any) { cataloguetest.Product(f, 0)["name"] = "Renamed" }, false},
		"description":       {func(f map[string]any) { cataloguetest.Product(f, 0)["description"] = "Said otherwise." }, false},
		"tags":              {func(f map[string]any) { cataloguetest.Product(f, 0)["tags"] = []any{"quiet"} }, false},
		"shop's about":      {func(f map[string]any) { f["about"] = "Another shop altogether." }, false},
		"collection's name": {func(f map[string]any) { f["collections"].([]any)[0].(map[string]any)["name"] = "Elsewhere" }, false},
		"one more wand":     {func(f map[string]any) { f["products"] = append(f["products"].([]any), another(f)) }, false},
	} {
		now := cataloguetest.Edited(t, "magic-wands", c.edit).Version
		if now == was {
			t.Errorf("%s: the version is the same", name)
		}
		if was.SameAssortment(now) != c.same {
			t.Errorf("%s: the assortment is the same: %t", name, !c.same)
		}
	}
	if was.SameAssortment("0123456789ab") || was.SameAssortment("") {
		t.Error("a version of another form counts as the same assortment")
	}
}

// another is a copy of the first product with its own id and name.
func another(file map[string]any) map[string]any {
	p := maps.Clone(cataloguetest.Product(file, 0))
	p["id"], p["name"] = "newcomer", "Newcomer"
	return p
}
