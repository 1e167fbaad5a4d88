package catalogue_test

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/natstest"
)

// imported puts products of the seeded shop into the bucket CATALOGUE, many at a time.
func imported(t testing.TB, nc *nats.Conn, products ...*catalogue.Product) {
	t.Helper()
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(256))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range products {
		b, err := p.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := js.PublishAsync("$KV."+wandnats.BucketCatalogue+"."+wandnats.ProductKey(cataloguetest.SeededSlug, p.ID), b, jetstream.WithStallWait(eventually.Patience)); err != nil {
			t.Fatal(err)
		}
	}
	eventually.Receive(t, js.PublishAsyncComplete(), "end of the storing")
}

func TestProductsAreFollowed(t *testing.T) {
	t.Parallel()
	nc, kv := bucket(t, natstest.Start(t))
	products := cataloguetest.SeededProducts(t, 300, 5)
	put(t, kv, cataloguetest.SeededSlug, cataloguetest.SeededDocument(t))
	d := loaded(t, catalogue.Config{}, nc, kv)
	if fault := d.Faults()[cataloguetest.SeededSlug]; !strings.Contains(fault, "is not served") {
		t.Errorf("a shop without products: %q", fault)
	}
	imported(t, nc, products...)
	shop := func() *catalogue.Shop {
		s, ok := d.Shop(cataloguetest.SeededSlug)
		if !ok {
			return &catalogue.Shop{}
		}
		return s
	}
	eventually.True(t, "all products are there", func() bool { return len(shop().Products) == 300 && len(d.Faults()) == 0 })
	before := shop()

	// A price, a name, a new product, one that goes, and one with a fault.
	price, named, gone := *products[7], *products[8], products[9]
	price.Variants = append([]catalogue.Variant{}, price.Variants...)
	for i := range price.Variants {
		price.Variants[i].PriceCents, price.Variants[i].Stock = 123_45, 1
	}
	named.Name = "Quixotic lantern"
	imported(t, nc, &price, &named, cataloguetest.SeededProduct(t, 300, 5))
	catalogued := catalogueOf(t, nc)
	ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
	defer cancel()
	if err := catalogued.Purge(ctx, wandnats.ProductKey(cataloguetest.SeededSlug, gone.ID)); err != nil {
		t.Fatal(err)
	}
	put(t, catalogued, wandnats.ProductKey(cataloguetest.SeededSlug, products[10].ID), []byte(`{"id":"x","name":""}`))
	put(t, catalogued, "nobody.mug", []byte(`{"id":"mug","name":"Mug","priceCents":1200,"stock":1}`))
	put(t, catalogued, "whitby-tea.mug", []byte(`{"id":"mug","name":"Mug","priceCents":1200,"stock":1}`))
	own := cataloguetest.Shop(t, "whitby-tea").Products[0]
	put(t, catalogued, "whitby-tea."+own.ID, []byte(`{"id":"`+own.ID+`","name":"Imported","priceCents":1200,"stock":1}`))
	eventually.True(t, "the changes are there", func() bool {
		p, ok := shop().Product(price.ID)
		tea, _ := d.Shop("whitby-tea")
		_, mug := tea.Product("mug")
		both, _ := tea.Product(own.ID)
		return ok && p.NowCents() == 123_45 && mug && both.Name == "Imported" && len(d.Faults()) == 2 && len(shop().Products) == 299
	})
	if found := shop().Search(catalogue.Query{Words: "quixotik lanterns"}); len(found) != 1 || found[0].ID != named.ID {
		t.Errorf("the new name finds %d", len(found))
	}
	for _, p := range []*catalogue.Product{gone, products[10]} {
		if _, ok := shop().Product(p.ID); ok {
			t.Errorf("%s is still there", p.ID)
		}
		for _, found := range shop().Search(catalogue.Query{Words: p.Name}) {
			if found.ID == p.ID {
				t.Errorf("%s is still found", p.ID)
			}
		}
	}
	faults := d.Faults()
	if fault := faults["CATALOGUE/emporium"]; !strings.Contains(fault, `product left out: CATALOGUE/emporium.`+products[10].ID) || !strings.Contains(faults["CATALOGUE/nobody"], "no document") {
		t.Errorf("faults %v", faults)
	}
	tea, _ := d.Shop("whitby-tea")
	if all, own := len(tea.Products), len(cataloguetest.Shop(t, "whitby-tea").Products); all != own+1 {
		t.Errorf("%d products, want the document's %d and one more: that of both is there once", all, own)
	}
	// The shop of before is as it was.
	if p, _ := before.Product(price.ID); p.NowCents() == 123_45 || len(before.Products) != 300 || len(before.Search(catalogue.Query{Words: "quixotic"})) != 0 {
		t.Error("an earlier state of the shop has changed")
	}
}

// catalogueOf is the bucket CATALOGUE.
func catalogueOf(t testing.TB, nc *nats.Conn) jetstream.KeyValue {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	kv, err := js.KeyValue(t.Context(), wandnats.BucketCatalogue)
	if err != nil {
		t.Fatal(err)
	}
	return kv
}

// An edge has a shop of real size soon after its start, and follows a hundred changes a
// second. The bounds are those of a machine with two cores to itself, doubled.
func BenchmarkDirectory(b *testing.B) {
	b.Run("without-rules", func(b *testing.B) { benchmarkDirectory(b, catalogue.Rules{}) })
	b.Run("with-rules", func(b *testing.B) { benchmarkDirectory(b, cataloguetest.SeededRules()) })
}

func benchmarkDirectory(b *testing.B, rules catalogue.Rules) {
	b.Helper()
	nc, kv := bucket(b, natstest.Start(b))
	put(b, kv, cataloguetest.SeededSlug, cataloguetest.SeededDocumentWith(b, rules))
	products := cataloguetest.SeededProducts(b, 20_000, 5)
	imported(b, nc, products...)
	some := products[:200]
	catalogued := catalogueOf(b, nc)
	b.ResetTimer()
	for range b.N {
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		d, err := catalogue.New(catalogue.Config{}, slog.New(slog.DiscardHandler))
		if err != nil {
			b.Fatal(err)
		}
		if err := d.Load(b.Context(), kv, catalogued); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(began).Seconds(), "s/load")
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "MB/catalogue")

		ctx, stop := context.WithCancel(b.Context())
		done := make(chan error, 1)
		go func() { done <- d.Follow(ctx, nc, kv, catalogued) }()
		eventually.True(b, "the shop is there", func() bool { s, ok := d.Shop(cataloguetest.SeededSlug); return ok && len(s.Products) > 15_000 })
		var late time.Duration
		tick := time.NewTicker(10 * time.Millisecond)
		for i, p := range some {
			<-tick.C
			changed := *p
			changed.Variants = append([]catalogue.Variant{}, p.Variants...)
			for v := range changed.Variants {
				changed.Variants[v].PriceCents, changed.Variants[v].CompareAtCents, changed.Variants[v].Stock = 77_00+i, 0, 1
			}
			put := time.Now()
			imported(b, nc, &changed)
			if i%20 == 0 {
				eventually.True(b, fmt.Sprintf("change %d is there", i), func() bool {
					s, _ := d.Shop(cataloguetest.SeededSlug)
					p, ok := s.Product(changed.ID)
					return ok && p.NowCents() == 77_00+i || rules.Voice != "" && !ok // excluded
				})
				late = max(late, time.Since(put))
			}
		}
		tick.Stop()
		b.ReportMetric(late.Seconds()*1000, "ms/slowest-change")
		stop()
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
}
