package ratelimit

import "testing"

func TestHold(t *testing.T) {
	t.Parallel()
	var h Held
	of := func(client, shopper string) map[string]int { return map[string]int{client: 2, shopper: 1} }
	ada, ok := h.Hold(of("net", "ada"))
	if !ok {
		t.Fatal("no place for the first")
	}
	if _, ok := h.Hold(of("other", "ada")); ok {
		t.Error("a shopper holds two")
	}
	if _, ok := h.Hold(of("net", "bob")); !ok {
		t.Error("no place for the client's second")
	}
	if _, ok := h.Hold(of("net", "cat")); ok {
		t.Error("a client holds three")
	}
	ada()
	ada() // once counts
	if _, ok := h.Hold(of("net", "cat")); !ok {
		t.Error("the place is not given back")
	}
	if _, ok := h.Hold(of("net", "dan")); ok {
		t.Error("the place is given back twice")
	}
	if len(h.n) != 3 {
		t.Errorf("keys %v, want those that are held", h.n)
	}
}
