package faults_test

import (
	"sync"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/generator"
	"github.com/wandstore/wandstore/services/kimisim"
)

// Two hundred shoppers come at once, to two generators that share an account of 3 calls at a
// time and 20 a minute. Each shopper gets a page by the model, none is lost, and less than one
// in twenty calls is refused. The minute is short, since two hundred calls take ten of them.
// So it runs by itself: what else keeps the machine busy would make calls late.
//
//nolint:paralleltest // see above
func TestCrowdOnASmallAccount(t *testing.T) {
	const (
		crowd  = 200
		minute = 1500 * time.Millisecond
	)
	w := world.New(t, world.Paced(minute/15, 0))
	w.Pool.Concurrency = 20
	w.Sim.SetAnswer(func(kimisim.Request) string {
		return `{"theme":{"palette":"ember"},"sections":[{"type":"story"},{"type":"quote"},{"type":"figures"},{"type":"faq"}]}`
	})
	allowed := kimisim.Limits{Concurrency: 3, RPM: 20, MinuteSeconds: minute.Seconds()}
	if err := w.Sim.SetLimits(allowed); err != nil {
		t.Fatal(err)
	}
	e := w.StartEdge()
	for range 2 {
		w.StartGenerator(func(c *generator.Config) {
			c.AccountMinute, c.MaxConcurrency, c.RPM = minute, allowed.Concurrency, allowed.RPM
		})
	}
	began := time.Now()
	shoppers := world.Shoppers("crowd", crowd)
	var all sync.WaitGroup
	for _, shopper := range shoppers {
		all.Go(func() { e.Visit(t, "magic-wands", shopper) })
	}
	all.Wait()
	eventually.TrueWithin(t, 2*eventually.Patience, "every page's call is answered", func() bool {
		stats := w.Sim.Stats()
		return stats.Requests-stats.Refused >= crowd && stats.InFlight == 0
	})
	for _, shopper := range shoppers {
		var status map[string]any
		eventually.True(t, shopper+" has a page", func() bool {
			status = e.GenerationStatus(t, "magic-wands", shopper)
			return status["state"] == "ready" || status["state"] == "failed"
		})
		if status["state"] != "ready" || status["source"] != "llm" {
			t.Errorf("%s: %v, by %v", shopper, status["state"], status["source"])
		}
	}
	stats := w.Sim.Stats()
	t.Logf("%d of %d calls refused, %d at a time, %s", stats.Refused, stats.Requests, stats.PeakInFlight, time.Since(began).Round(time.Second))
	if 20*stats.Refused >= stats.Requests {
		t.Errorf("%d of %d calls were refused", stats.Refused, stats.Requests)
	}
	if made := stats.Requests - stats.Refused; made != crowd {
		t.Errorf("%d calls were answered for %d pages", made, crowd)
	}
}
