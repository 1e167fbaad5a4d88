package catalogue_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
)

func TestListPagesWithoutOverlap(t *testing.T) {
	t.Parallel()
	shop := cataloguetest.Seeded(t, 700, 5)
	for _, q := range []catalogue.Query{{}, {Sort: catalogue.SortPriceUp}, {Words: "velvet lamp"}, {Sort: catalogue.SortNewest, Collection: "lamps"}, {OnSale: true, Sort: catalogue.SortSaving}} {
		all := shop.Search(q)
		var paged []*catalogue.Product
		for q.Page = 1; ; q.Page++ {
			l := shop.List(q)
			if l.Total != len(all) || l.Page != q.Page {
				t.Fatalf("%+v: page %d of %d, %d of %d", q, l.Page, l.Pages, l.Total, len(all))
			}
			paged = append(paged, l.Products...)
			if q.Page == l.Pages {
				break
			}
		}
		if !slices.Equal(paged, all) || len(all) == 0 {
			t.Errorf("%+v: the pages hold %d products, want the %d of the search in its order", q, len(paged), len(all))
		}
	}
	if l := shop.List(catalogue.Query{Page: 9999}); l.Page != l.Pages || len(l.Products) == 0 {
		t.Errorf("beyond the last page: %d of %d", l.Page, l.Pages)
	}
}

func TestFacets(t *testing.T) {
	t.Parallel()
	shop := cataloguetest.Seeded(t, 700, 7)
	counts := func(l catalogue.Listing, field string) map[string]int {
		m := map[string]int{}
		for _, f := range l.Facets {
			if f.Field == field {
				for _, v := range f.Values {
					m[v.Value] = v.Count
				}
			}
		}
		return m
	}
	l := shop.List(catalogue.Query{})
	if len(counts(l, catalogue.FacetVendor)) < 5 || len(counts(l, catalogue.FacetType)) < 5 || len(counts(l, catalogue.FacetOption+"Size")) < 5 {
		t.Fatalf("facets %+v", l.Facets)
	}
	for maker, n := range counts(l, catalogue.FacetVendor) {
		chosen := shop.List(catalogue.Query{Vendor: maker})
		if chosen.Total != n {
			t.Errorf("%s counts %d, and finds %d", maker, n, chosen.Total)
		}
		// The other makers' counts stay, so that a shopper can choose another.
		if now := counts(chosen, catalogue.FacetVendor); len(now) != len(counts(l, catalogue.FacetVendor)) || now[maker] != n {
			t.Errorf("with %s chosen: %v", maker, now)
		}
	}
	if chosen := shop.List(catalogue.Query{OnSale: true}); chosen.Total != l.OnSale || chosen.OnSale != l.OnSale {
		t.Errorf("%d on sale, counted %d", chosen.Total, l.OnSale)
	}
	// Two options have to be one variant's, which can be bought.
	q := catalogue.Query{Options: []catalogue.Attribute{{Name: "Colour", Value: "Ochre"}, {Name: "Size", Value: "XL"}}}
	found := shop.Search(q)
	if len(found) == 0 {
		t.Fatal("nothing is XL and ochre")
	}
	for _, p := range found {
		v, ok := p.Chosen([]string{"XL", "Ochre"})
		if !ok || v.SoldOut() {
			t.Errorf("%s is not to be had in XL and ochre", p.ID)
		}
	}
	// Queries and addresses say the same.
	q.Words, q.Least, q.Most, q.Page = "brass", 5, 300, 2
	u, err := url.Parse(shop.SearchPath(q))
	if err != nil {
		t.Fatal(err)
	}
	if got := shop.ParseQuery(u.Query().Get); fmt.Sprint(got) != fmt.Sprint(q) {
		t.Errorf("%s\ngives %+v\nwant  %+v", u, got, q)
	}
}

// Words are found by their stems, with a misspelling, and in scripts without spaces, in the
// language of the shop.
func TestSearchInTheLanguageOfTheShop(t *testing.T) {
	t.Parallel()
	type product struct {
		ID    string   `json:"id"`
		Name  string   `json:"name"`
		Price int      `json:"priceCents"`
		Stock int      `json:"stock"`
		Tags  []string `json:"tags,omitempty"`
	}
	for _, tt := range []struct{ language, name, typed string }{
		{"en", "Running shoes", "run shoe"},
		{"en", "Knitted blankets", "blanket knit"},
		{"en", "Enamel teapot", "enammel tepot"},
		{"de", "Gläserne Vasen", "vase gläsern"},
		{"fr", "Chaussures légères", "chaussure legere"},
		{"es", "Lámparas de mesa", "lampara"},
		{"sv", "Röda stolar", "stol röd"},
		{"ru", "Шерстяные одеяла", "шерстяное одеяло"},
		{"ar", "قمصان كتان", "قمصان"},
		{"ja", "有田焼の茶碗", "茶碗"},
		{"th", "กาน้ำชาดินเผา", "น้ำชา"},
		{"tr", "Yün battaniyeler", "battaniye"},
		{"eo", "Ligna tablo", "tablo"},
	} {
		shop := cataloguetest.Edited(t, "whitby-tea", func(d map[string]any) { d["language"] = tt.language })
		b, err := json.Marshal(product{"it", tt.name, 1000, 1, nil})
		if err != nil {
			t.Fatal(err)
		}
		p, err := catalogue.ReadProduct("it", "it", b)
		if err != nil {
			t.Fatal(err)
		}
		shop = shop.With([]*catalogue.Product{p})
		if found := shop.Search(catalogue.Query{Words: tt.typed}); len(found) == 0 || found[0].ID != "it" {
			t.Errorf("%s: %q does not find %q", tt.language, tt.typed, tt.name)
		}
		if found := shop.Search(catalogue.Query{Words: "qqqqqqq"}); len(found) != 0 {
			t.Errorf("%s: nonsense finds %d", tt.language, len(found))
		}
	}
}

func TestCodesAreFound(t *testing.T) {
	t.Parallel()
	shop := cataloguetest.Seeded(t, 200, 3)
	want := shop.Products[42]
	found := shop.Search(catalogue.Query{Words: want.Variants[1].SKU})
	if len(found) == 0 || found[0].ID != want.ID {
		t.Errorf("%s finds %d products", want.Variants[1].SKU, len(found))
	}
}

// A page need not be rendered again while nothing that it shows has changed.
func TestShown(t *testing.T) {
	t.Parallel()
	products := cataloguetest.SeededProducts(t, 50, 2)
	shop := cataloguetest.Seeded(t, 0, 0).With(products)
	page := []byte(`<a href="` + shop.ProductPath(products[3].ID) + `">x</a><a href="` + shop.ProductPath(products[4].ID) + `">`)
	was := shop.Shown(page)
	other := slices.Clone(products)
	other[7] = cataloguetest.SeededProduct(t, 7, 5)
	if now := shop.With(other).Shown(page); now != was {
		t.Error("a product elsewhere changes the page")
	}
	other[3] = cataloguetest.SeededProduct(t, 3, 5)
	if now := shop.With(other).Shown(page); now == was {
		t.Error("a product of the page does not change it")
	}
	if now := shop.With(slices.Delete(slices.Clone(products), 3, 4)).Shown(page); now == was {
		t.Error("a product that is gone does not change the page")
	}
	if plain := cataloguetest.Shop(t, "whitby-tea"); plain.Shown(page) != plain.Version {
		t.Error("a shop without imported products has another version")
	}
	if !was.SameAssortment(shop.Version) {
		t.Error("another assortment")
	}
}

// BenchmarkList reports the 99th percentile of searches in a shop of 20,000 products of five
// variants each.
func BenchmarkList(b *testing.B) {
	began := time.Now()
	products := cataloguetest.SeededProducts(b, 20_000, 5)
	shop := cataloguetest.Seeded(b, 0, 0)
	joining := time.Now()
	shop = shop.With(products)
	b.Logf("made in %v, joined and indexed in %v", joining.Sub(began), time.Since(joining))
	option := catalogue.Query{Sort: catalogue.SortPriceUp, Vendor: "Harrow", Options: []catalogue.Attribute{{Name: "Colour", Value: "Ochre"}, {Name: "Size", Value: "M"}}}
	for name, q := range map[string]catalogue.Query{
		"everything": {}, "page-300": {Page: 300, Sort: catalogue.SortNewest}, "two-words": {Words: "velvet lamp"}, "prefix": {Words: "em la"},
		"misspelt": {Words: "embroiderd jaket"}, "nothing": {Words: "zzyzx quuxly frobnicate plugh"}, "eight-words": {Words: "brass and copper lamp for days summer gift kitchen"},
		"collection": {Collection: "teapots", OnSale: true}, "facets": option, "code": {Words: "SKU-00042-1"},
	} {
		b.Run(name, func(b *testing.B) {
			took := make([]time.Duration, 0, b.N)
			for b.Loop() {
				at := time.Now()
				shop.List(q)
				took = append(took, time.Since(at))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms/p99")
		})
	}
}
