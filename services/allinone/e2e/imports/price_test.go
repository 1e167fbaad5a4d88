package imports_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
)

// changed is the webhook of a bowl of an export whose price has changed.
func changed(product, cents int) string {
	return fmt.Sprintf(`{"id":%[1]d,"handle":"bowl-%[2]d","title":"Bowl %[2]d","status":"active","published_at":"2026-01-01T00:00:00Z","updated_at":%[3]q,"product_type":"Bowls",
		"options":[{"name":"Size","position":1}],"images":[],"variants":[{"id":%[1]d1,"option1":"S","price":"%[4]d.%02[5]d","inventory_management":"shopify","inventory_quantity":9,"inventory_item_id":%[1]d2}]}`,
		7000+product, product, time.Now().UTC().Format(time.RFC3339Nano), cents/100, cents%100)
}

// late is how long it takes from now until the product's page of every edge has the price.
func late(t testing.TB, edges []*world.Process, product int, price string) time.Duration {
	t.Helper()
	began := time.Now()
	for i, e := range edges {
		eventually.True(t, fmt.Sprintf("edge %d has bowl-%d at %s", i, product, price), func() bool {
			page := world.Get(t, fmt.Sprintf("%s/s/linen/p/bowl-%d", e.Base, product))
			return page.Status == 200 && strings.Contains(page.Body, price)
		})
	}
	return time.Since(began)
}

// A price that an import or a webhook changes is on the next pages of every edge within a
// second, on a machine that is not busy; the bound is that of one that is, and of the median.
func TestAPriceIsOnEveryEdgesNextPage(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	edges := []*world.Process{w.StartEdge(), w.StartEdge()}
	_, js := w.Connect()
	s := &service{bus: &bus{w.NATS.URL(), js}}
	const bound = 15 * time.Second
	var took []time.Duration
	for i := range 3 {
		price := fmt.Sprintf("1%d.25", i)
		if status, says := s.run(t, "-shop", "linen", "-name", "Linen", "-currency", "EUR", write(t, export(20, func(int) string { return price }))); status != 0 {
			t.Fatal(says)
		}
		if shown := late(t, edges, 7, "€"+price); i > 0 {
			took = append(took, shown)
		}
	}
	s = serve(t, s.bus)
	for i := range 5 {
		if status := s.shopify(t, "products/update", changed(7, 2025+100*i)); status != 202 {
			t.Fatalf("the webhook is answered by %d", status)
		}
		took = append(took, late(t, edges, 7, fmt.Sprintf("€2%d.25", i)))
	}
	if slices.Sort(took); took[len(took)/2] > bound {
		t.Errorf("the prices came after %v", took)
	}
	for i, e := range edges {
		if front := world.Get(t, e.Base+"/s/linen"); !strings.Contains(front.Body, "€24.25") {
			t.Errorf("the front page of edge %d has an old price", i)
		}
	}
}

// BenchmarkPriceChanges sends 120 webhooks a second for half a minute, each with a
// change of a price in a shop of 20,000 products, and reports the slowest one and the 99th
// percentile of one in ten until the pages of two edges have it, and how many a second were
// taken.
func BenchmarkPriceChanges(b *testing.B) {
	const products, perSecond, seconds = 20_000, 120, 30
	w := world.New(b)
	edges := []*world.Process{w.StartEdge(), w.StartEdge()}
	_, js := w.Connect()
	bus := &bus{w.NATS.URL(), js}
	began := time.Now()
	if status, says := bus.run(b, "-shop", "linen", "-name", "Linen", "-currency", "EUR", write(b, export(products, nil))); status != 0 {
		b.Fatal(says)
	}
	b.ReportMetric(time.Since(began).Seconds(), "s/import")
	late(b, edges, products-1, "€10")
	s := serve(b, bus)
	b.ResetTimer()
	for range b.N {
		took := make(chan time.Duration, perSecond*seconds)
		var sent sync.WaitGroup
		tick := time.NewTicker(time.Second / perSecond)
		began := time.Now()
		for i := range perSecond * seconds {
			<-tick.C
			sent.Go(func() {
				cents := 3001 + 2*i
				if status := s.shopify(b, "products/update", changed(i%products, cents)); status != 202 {
					b.Errorf("the webhook is answered by %d", status)
				}
				if i%10 == 0 {
					took <- late(b, edges, i%products, fmt.Sprintf("€%d.%02d", cents/100, cents%100))
				}
			})
		}
		tick.Stop()
		sent.Wait()
		b.ReportMetric(float64(perSecond*seconds)/time.Since(began).Seconds(), "changes/s")
		close(took)
		all := slices.Sorted(func(yield func(time.Duration) bool) {
			for d := range took {
				if !yield(d) {
					return
				}
			}
		})
		b.ReportMetric(all[len(all)*99/100].Seconds()*1000, "ms/p99")
		b.ReportMetric(all[len(all)-1].Seconds()*1000, "ms/slowest")
	}
}
