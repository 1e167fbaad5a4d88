package operate_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/generator"
	"github.com/wandstore/wandstore/services/kimisim"
)

// obeyedWithin is how soon a stop holds everywhere. Two seconds are promised; the bound is
// that of a machine that is busy.
const obeyedWithin = time.Minute

// hears waits until generators have heard of a switch. They hear by themselves, sooner or
// later than the edges.
func hears(t *testing.T, generators []*world.Process, what, key string) {
	t.Helper()
	for _, g := range generators {
		eventually.TrueWithin(t, obeyedWithin, "every generator hears that "+what, func() bool {
			for line := range strings.Lines(g.Log.String()) {
				if strings.Contains(line, what) && strings.Contains(line, fmt.Sprintf(`"switch":%q`, key)) {
					return true
				}
			}
			return false
		})
	}
}

// generation is the X-Generation of a visit.
func generation(t *testing.T, e *world.Process, shop, shopper string) string {
	t.Helper()
	return e.Visit(t, shop, shopper).Header.Get("X-Generation")
}

// becomesReady waits until the shopper's page is made, and returns its status.
func becomesReady(t *testing.T, e *world.Process, shop, shopper string) map[string]any {
	t.Helper()
	var status map[string]any
	eventually.True(t, shopper+"'s page is made", func() bool {
		status = e.GenerationStatus(t, shop, shopper)
		return status["state"] == "ready"
	})
	return status
}

// reason is why the template served a shopper, as their job's record has it.
func reason(t *testing.T, w *world.World, shop, shopper string) string {
	t.Helper()
	var rec wandstorev1.JobRecord
	eventually.True(t, "the record of "+shopper+" is ready", func() bool {
		entry, err := w.KV(wandnats.BucketJobs).Get(t.Context(), wandnats.JobKey(shop, shopper))
		return err == nil && wire.Unmarshal(entry.Value(), &rec) == nil && rec.GetState() == wandstorev1.JobState_JOB_STATE_READY
	})
	return rec.GetReason()
}

// An operator's stop holds at once on every edge and generator: no job is made, jobs that
// wait end as the template's page with the reason, and the model is not called again. The
// call under way goes on. So it is with the word to resume.
func TestStopIsObeyed(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	edges := []*world.Process{w.StartEdge(), w.StartEdge()}
	generators := []*world.Process{
		w.StartGenerator(func(c *generator.Config) { c.Members = "0-4" }),
		w.StartGenerator(func(c *generator.Config) { c.Members = "5-9" }),
	}
	everywhere := func(shop, shopper string, want ...string) {
		t.Helper()
		for _, e := range edges {
			eventually.TrueWithin(t, obeyedWithin, fmt.Sprintf("X-Generation is one of %v", want), func() bool {
				return slices.Contains(want, generation(t, e, shop, shopper))
			})
		}
	}
	running, waiting := ofMember(3, 2)[0], ofMember(3, 2)[1]
	gate := w.Sim.Gate()
	generation(t, edges[0], "magic-wands", running)
	eventually.Receive(t, gate.Arrived(), "call of the model")
	generation(t, edges[0], "magic-wands", waiting)

	w.CLI("kv", "put", wandnats.BucketControl, wandnats.KeyGeneration, "off")
	everywhere("magic-wands", "newcomer", "off")
	everywhere("whitby-tea", "newcomer", "off")
	hears(t, generators, "generation is off", wandnats.KeyGeneration)
	calls := w.Sim.Stats().Requests
	gate.Open()
	if status := becomesReady(t, edges[0], "magic-wands", running); status["source"] != "llm" {
		t.Errorf("the page whose call was under way is the %v's", status["source"])
	}
	if status := becomesReady(t, edges[0], "magic-wands", waiting); status["source"] != "template" {
		t.Errorf("the page that waited is the %v's", status["source"])
	}
	if why := reason(t, w, "magic-wands", waiting); !strings.Contains(why, "switched off by an operator") {
		t.Errorf("the page that waited is the template's because %q", why)
	}
	if now := w.Sim.Stats().Requests; now != calls {
		t.Errorf("%d calls of the model after the stop", now-calls)
	}

	// For one shop only.
	w.CLI("kv", "put", wandnats.BucketControl, wandnats.GenerationKey("whitby-tea"), "off")
	w.CLI("kv", "put", wandnats.BucketControl, wandnats.KeyGeneration, "on")
	hears(t, generators, "generation is on", wandnats.KeyGeneration)
	everywhere("magic-wands", "resumed", "triggered", "pending", "ready")
	everywhere("whitby-tea", "resumed", "off")
	if status := becomesReady(t, edges[1], "magic-wands", "resumed"); status["source"] != "llm" {
		t.Errorf("after the stop, a page is the %v's", status["source"])
	}
	w.CLI("kv", "del", wandnats.BucketControl, wandnats.GenerationKey("whitby-tea"), "--force")
	everywhere("whitby-tea", "resumed", "triggered", "pending", "ready")
}

// Five generators with as many calls at once as they may, of a model that fails now and
// then, use up a day's budget and never more. Then pages are the template's, and edges
// ask for none.
func TestBudgetHolds(t *testing.T) {
	t.Parallel()
	const budget = 400_000
	w := world.New(t)
	w.Pool.Concurrency = 5
	e := w.StartEdge()
	for range 5 {
		w.StartGenerator(func(c *generator.Config) {
			// Dear, so that two dozen calls are the budget.
			c.InputPrice, c.OutputPrice, c.DailyBudget = 1, 10, .4
			// The budget is to be what limits them, not what the account is known to allow.
			c.MaxConcurrency = 1000
		})
	}
	if err := w.Sim.SetFault(kimisim.Fault{Name: kimisim.Truncated, Probability: .2}); err != nil {
		t.Fatal(err)
	}
	spent := w.KV(wandnats.BucketSpend)
	today := func() *wandstorev1.Spend {
		var s wandstorev1.Spend
		entry, err := spent.Get(t.Context(), wandnats.SpendKey(time.Now()))
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			return &s // the first call is still to come
		}
		if err == nil {
			err = wire.Unmarshal(entry.Value(), &s)
		}
		if err != nil {
			t.Fatal(err)
		}
		used := s.GetSpentMicros()
		for _, r := range s.GetReservations() {
			used += r.GetMicros()
		}
		if used > budget {
			t.Errorf("%d of %d used", used, budget)
		}
		return &s
	}
	_, js := w.Connect()
	var shoppers []string
	comes := func() (off bool) {
		shopper := fmt.Sprintf("buyer-%d", len(shoppers))
		shoppers = append(shoppers, shopper)
		return generation(t, e, "magic-wands", shopper) == "off"
	}
	// All at once: what the calls under way have reserved is not there for the others.
	gate := w.Sim.Gate()
	eventually.True(t, "the calls under way have reserved the budget", func() bool {
		comes()
		return today().GetRefusedMicros() > 0
	})
	t.Logf("at once: %d visits, %d calls under way", len(shoppers), w.Sim.Stats().InFlight)
	gate.Open()
	eventually.True(t, "the budget is used up", func() bool {
		// For good: no call is under way whose reservation might come back.
		settled := len(w.Waiting(js)) == 0 && len(today().GetReservations()) == 0
		return settled && comes() && today().GetRefusedMicros() > 0
	})
	calls, templates := w.Sim.Stats().Requests, 0
	for _, shopper := range shoppers {
		status := e.GenerationStatus(t, "magic-wands", shopper)
		if status["source"] == "template" && strings.Contains(reason(t, w, "magic-wands", shopper), "budget") {
			templates++
		}
	}
	if generation(t, e, "magic-wands", "latecomer") != "off" {
		t.Error("a job is asked for with no budget left")
	}
	s := today()
	t.Logf("%d visits, %d calls, %d templates for want of budget, %d of %d spent, refused %d", len(shoppers), calls, templates, s.GetSpentMicros(), budget, s.GetRefusedMicros())
	if calls < 5 || s.GetSpentMicros() < budget/2 {
		t.Errorf("%d calls, %d spent: the budget was not used", calls, s.GetSpentMicros())
	}
	if now := w.Sim.Stats().Requests; now != calls {
		t.Errorf("%d calls with no budget left", now-calls)
	}
}
