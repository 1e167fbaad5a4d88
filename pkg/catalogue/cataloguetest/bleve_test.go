package cataloguetest_test

import (
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/mapping"
	"github.com/blevesearch/bleve/v2/search/query"

	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
)

// bleveProduct is what bleve's own index would hold of a product.
type bleveProduct struct {
	Name, Text, Vendor, Type string
	Tags, Sizes, Colours     []string
	Price                    float64
	Available                bool
}

func bleveMapping() mapping.IndexMapping {
	m := bleve.NewIndexMapping()
	m.DefaultAnalyzer = "en"
	product := bleve.NewDocumentMapping()
	text, keyword, number, flag := bleve.NewTextFieldMapping(), bleve.NewKeywordFieldMapping(), bleve.NewNumericFieldMapping(), bleve.NewBooleanFieldMapping()
	text.Analyzer, text.Store, keyword.Store, number.Store, flag.Store = "en", false, false, false, false
	for _, field := range []string{"Name", "Text"} {
		product.AddFieldMappingsAt(field, text)
	}
	for _, field := range []string{"Vendor", "Type", "Tags", "Sizes", "Colours"} {
		product.AddFieldMappingsAt(field, keyword)
	}
	product.AddFieldMappingsAt("Price", number)
	product.AddFieldMappingsAt("Available", flag)
	m.DefaultMapping = product
	return m
}

// BenchmarkBleve is BenchmarkList by bleve's own index, in memory: why the index is ours.
// See the decision record about search.
func BenchmarkBleve(b *testing.B) {
	products := cataloguetest.SeededProducts(b, 20_000, 5)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began := time.Now()
	index, err := bleve.NewMemOnly(bleveMapping())
	if err != nil {
		b.Fatal(err)
	}
	defer index.Close()
	for chunk := range slices.Chunk(products, 1000) {
		batch := index.NewBatch()
		for _, p := range chunk {
			doc := bleveProduct{Name: p.Name, Text: p.DescriptionHTML, Vendor: p.Vendor, Type: p.Type, Tags: p.Tags, Price: float64(p.NowCents()), Available: p.Available()}
			for _, v := range p.Variants {
				doc.Sizes, doc.Colours = append(doc.Sizes, v.Options[0]), append(doc.Colours, v.Options[1])
			}
			if err := batch.Index(p.ID, doc); err != nil {
				b.Fatal(err)
			}
		}
		if err := index.Batch(batch); err != nil {
			b.Fatal(err)
		}
	}
	took := time.Since(began)
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.Logf("indexed in %v, %d MB", took, (after.HeapAlloc-before.HeapAlloc)>>20)
	fuzzy := func(words ...string) query.Query {
		all := make([]query.Query, len(words))
		for i, w := range words {
			q := bleve.NewMatchQuery(w)
			q.SetFuzziness(1)
			all[i] = q
		}
		return bleve.NewConjunctionQuery(all...)
	}
	match := func(words ...string) query.Query {
		all := make([]query.Query, len(words))
		for i, w := range words {
			all[i] = bleve.NewMatchQuery(w)
		}
		return bleve.NewConjunctionQuery(all...)
	}
	for name, q := range map[string]query.Query{
		"everything": bleve.NewMatchAllQuery(), "two-words": match("velvet", "lamp"), "misspelt": fuzzy("embroiderd", "jaket"),
	} {
		b.Run(name, func(b *testing.B) {
			took := make([]time.Duration, 0, b.N)
			for b.Loop() {
				at := time.Now()
				request := bleve.NewSearchRequestOptions(q, 24, 0, false)
				for _, facet := range []string{"Vendor", "Type", "Sizes", "Colours"} {
					request.AddFacet(facet, bleve.NewFacetRequest(facet, 40))
				}
				if _, err := index.Search(request); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(at))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms/p99")
		})
	}
}
