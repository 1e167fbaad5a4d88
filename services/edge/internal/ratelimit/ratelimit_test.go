package ratelimit

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// clocked are limits whose time stands until the test moves it.
func clocked(t *testing.T, rules Rules) (*Limits, *time.Time) {
	t.Helper()
	l, err := New(rules)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	l.now = func() time.Time { return now }
	return l, &now
}

func asker(addr, shop, shopper string) Asker {
	return Asker{Addr: netip.MustParseAddr(addr), Shop: shop, Shopper: shopper}
}

func TestTake(t *testing.T) {
	t.Parallel()
	l, now := clocked(t, Rules{Jobs: {Client: {2, time.Hour}, Shop: {3, time.Hour}, Shopper: {1, time.Hour}}})
	for i, tt := range []struct {
		asker     Asker
		allowed   bool
		scope     Scope
		remaining int
		retry     time.Duration
	}{
		{asker("192.0.2.1", "wands", "ada"), true, Shopper, 0, 0},
		{asker("192.0.2.9", "wands", "ada"), false, Shopper, 0, time.Hour},
		{asker("192.0.2.1", "wands", "bob"), true, Client, 0, 0},
		{asker("192.0.2.1", "wands", "cat"), false, Client, 0, 30 * time.Minute},
		// What a refused request would have taken is left.
		{asker("192.0.2.2", "wands", "cat"), true, Shop, 0, 0},
		{asker("192.0.2.3", "wands", "dan"), false, Shop, 0, 20 * time.Minute},
		{asker("192.0.2.3", "teas", "dan"), true, Shopper, 0, 0},
	} {
		got := l.Take(Jobs, tt.asker)
		want := Verdict{Allowed: tt.allowed, Limited: true, Scope: tt.scope, Limit: l.rules[Jobs][tt.scope].Limit, Period: time.Hour, Remaining: tt.remaining, Retry: tt.retry}
		if got != want {
			t.Errorf("%d: %+v, want %+v", i, got, want)
		}
	}
	*now = now.Add(time.Hour)
	if got := l.Take(Jobs, asker("192.0.2.1", "wands", "ada")); !got.Allowed {
		t.Errorf("an hour later: %+v", got)
	}
	if got := l.Take(Carts, asker("192.0.2.1", "wands", "ada")); got != (Verdict{Allowed: true}) {
		t.Errorf("a kind without rules: %+v", got)
	}
	if got := l.Take(Jobs, Asker{}); got != (Verdict{Allowed: true}) {
		t.Errorf("nobody in particular: %+v", got)
	}
}

func TestNetwork(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8:1:2:3::4": "2001:db8:1:2::/64", "2001:db8:1:2::1": "2001:db8:1:2::/64",
	} {
		if got := Network(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s counts as %s, want %s", addr, got, want)
		}
	}
	if got := Network(netip.Addr{}); got != "" {
		t.Errorf("no address counts as %s", got)
	}
}

// However many ask at once, no more pass than there are tokens.
func TestTakeByManyAtOnce(t *testing.T) {
	t.Parallel()
	l, _ := clocked(t, Rules{Jobs: {Client: {50, time.Hour}, Shop: {70, time.Hour}}})
	var passed atomic.Int64
	var askers sync.WaitGroup
	for _, addr := range []string{"192.0.2.1", "192.0.2.2"} {
		for range 100 {
			askers.Go(func() {
				if l.Take(Jobs, asker(addr, "wands", "")).Allowed {
					passed.Add(1)
				}
			})
		}
	}
	askers.Wait()
	if n := passed.Load(); n > 70 || n < 50 {
		t.Errorf("%d of 200 passed, want at most the shop's 70", n)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	rules, err := Parse(" jobs.client=5/d, searches.shop=0/m ,carts.shopper=7/s", Default())
	if err != nil {
		t.Fatal(err)
	}
	if got := rules[Jobs][Client]; got != (Rule{5, 24 * time.Hour}) {
		t.Errorf("jobs of a client: %+v", got)
	}
	if _, limited := rules[Searches][Shop]; limited {
		t.Error("a shop's searches are limited")
	}
	if got := rules[Carts][Shopper]; got != (Rule{7, time.Second}) {
		t.Errorf("carts of a shopper: %+v", got)
	}
	if got := rules[Jobs][Shop]; got != Default()[Jobs][Shop] {
		t.Errorf("jobs of a shop: %+v", got)
	}
	for _, text := range []string{"jobs", "jobs.client", "jobs.client=", "jobs.client=5", "jobs.client=5/y", "jobs.client=-1/h", "jobs.nobody=5/h", "money.client=5/h", "jobs.client=x/h", "jobs.client=99999999999999999999/h"} {
		if rules, err := Parse(text, Default()); err == nil {
			t.Errorf("%q is read as %+v", text, rules[Jobs])
		}
	}
}

func BenchmarkTake(b *testing.B) {
	l, err := New(Rules{Searches: {Client: {1 << 30, time.Second}, Shop: {1 << 30, time.Second}}})
	if err != nil {
		b.Fatal(err)
	}
	a := asker("192.0.2.1", "wands", "ada")
	b.ReportAllocs()
	for b.Loop() {
		l.Take(Searches, a)
	}
}
