package spend

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	wandnats "github.com/wandstore/wandstore/nats"
)

func (b *books) report(shop string) Report {
	b.t.Helper()
	r, err := ReadReport(b.t.Context(), b.kv, b.now(), shop)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

// Every call is told of by shop, model, persona and outcome, and nothing twice.
func TestReport(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	l := b.ledger(Config{Budget: dollar})
	call := func(shop, model, persona string, used Used) {
		t.Helper()
		c := Call{Shop: shop, Model: model, Persona: persona}
		r, err := l.Reserve(t.Context(), c, 100_000)
		if err != nil {
			t.Fatal(err)
		}
		r.Settle(t.Context(), used)
		r.Settle(t.Context(), used) // again, as after an answer that was lost
		if used.Outcome == OutcomeAnswered {
			l.Page(t.Context(), c)
		}
	}
	if r := b.report(""); r.Day != b.now().Format(time.DateOnly) || r.USD != 0 || r.Total != (Line{}) || len(r.Shops) != 0 {
		t.Errorf("a day without calls: %+v", r)
	}
	first := Used{Tokens{Prompt: 4000, Completion: 1000}, 7800, OutcomeAnswered}
	later := Used{Tokens{Prompt: 4000, Cached: 3840, Completion: 1000}, 4767, OutcomeAnswered}
	call("magic-wands", "kimi-k2.6", "explorer", first)
	call("magic-wands", "kimi-k2.6", "explorer", later)
	call("magic-wands", "kimi-k2.6", "loyalist", later)
	call("magic-wands", "kimi-k2.6", "loyalist", Used{Tokens{Prompt: 4000}, 3800, "stalled"})
	call("whitby-tea", "kimi-k3", "explorer", later)
	unmade := b.reserve(l, "whitby-tea", 100_000)
	unmade.Release(t.Context())
	b.reserve(l, "whitby-tea", 50_000) // under way
	l.Flush(t.Context())

	wands := b.report("magic-wands")
	if wands.Shop != "magic-wands" || wands.USD != .021134 || wands.Total.micros != 21_134 || wands.LimitUSD != 0 || wands.Shops != nil {
		t.Errorf("one shop: %+v", wands)
	}
	if total := wands.Total; total.Tries != 4 || total.Pages != 3 || total.PromptTokens != 16_000 || total.CachedTokens != 7680 || total.CachedShare != .48 ||
		total.CompletionTokens != 3000 || total.USDPerPage != .021134/3 {
		t.Errorf("in total: %+v", total)
	}
	var lines []string
	for _, line := range wands.Lines {
		lines = append(lines, fmt.Sprintf("%s %s %s %d", line.Model, line.Persona, line.Outcome, line.Tries))
	}
	if want := []string{"kimi-k2.6 explorer answered 2", "kimi-k2.6 loyalist answered 1", "kimi-k2.6 loyalist stalled 1"}; !slices.Equal(lines, want) {
		t.Errorf("lines %q, want %q", lines, want)
	}
	all := b.report("")
	if all.USD != .025901 || all.ReservedUSD != .05 || all.LimitUSD != 1 || all.Total.Pages != 4 || all.Total.micros != 25_901 || len(all.Lines) != 4 {
		t.Errorf("all shops: %+v", all)
	}
	if len(all.Shops) != 2 || all.Shops[0].Shop != "magic-wands" || all.Shops[0].USDPerPage != wands.Total.USDPerPage || all.Shops[1].Shop != "whitby-tea" || all.Shops[1].USD != .004767 {
		t.Errorf("the shops: %+v", all.Shops)
	}
}

// What the uses of a shop's record cost adds up to what it has spent, however calls end,
// and the record stays small.
func TestUsesAddUp(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	l := b.ledger(Config{Hold: time.Minute})
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range maxUses + 40 {
		r, err := l.Reserve(t.Context(), Call{Shop: "magic-wands", Model: fmt.Sprint("model-", i)}, 1000)
		if err != nil {
			t.Fatal(err)
		}
		switch rng.IntN(4) {
		case 0: // its generator crashes
		case 1:
			r.Release(t.Context())
		default:
			r.Settle(t.Context(), Used{Tokens{Prompt: 10}, Micros(rng.IntN(2000)), "answered"})
		}
	}
	l.Flush(t.Context())
	b.at(b.now().Add(2 * time.Minute))
	l.Page(t.Context(), Call{Shop: "magic-wands", Model: "model-0"})
	l.Flush(t.Context())
	r := b.record(wandnats.ShopSpendKey(b.now(), "magic-wands"))
	var micros int64
	for _, use := range r.GetUses() {
		micros += use.GetMicros()
	}
	if micros != r.GetSpentMicros() || micros == 0 || len(r.GetUses()) > maxUses+1 || len(r.GetReservations()) != 0 {
		t.Errorf("%d uses cost %d of %d, %d reserved", len(r.GetUses()), micros, r.GetSpentMicros(), len(r.GetReservations()))
	}
	if day := b.record(wandnats.SpendKey(b.now())); len(day.GetUses()) != 0 {
		t.Errorf("the day's record has %d uses", len(day.GetUses()))
	}
}

func TestDearest(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	l := b.ledger(Config{})
	for shop, cost := range map[string]Micros{"a": 30, "b": 10, "c": 20, "d": 0} {
		b.settle(b.reserve(l, shop, 100), costing(cost))
	}
	got := b.following().Dearest(2)
	if want := []ShopSpent{{"a", 30}, {"c", 20}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
