package spend

import "testing"

// Prices are US dollars for a million tokens, so that many millionths of a dollar for one.
func TestPrices(t *testing.T) {
	k26 := Prices{Input: .95, Cached: .16, Output: 4}
	for _, tt := range []struct {
		prices     Prices
		used       Tokens
		cost, most Micros
	}{
		{k26, Tokens{}, 0, 0},
		{k26, Tokens{Prompt: 4000, Completion: 500}, 5800, 5800},
		{k26, Tokens{Prompt: 4000, Cached: 3840, Completion: 500}, 2767, 5800}, // 152 + 614.4 + 2000
		{k26, Tokens{Prompt: 1}, 1, 1},                                         // upward
		{k26, Tokens{Prompt: 262_144, Completion: 8192}, 281_805, 281_805},
		{k26, Tokens{Prompt: 100, Cached: 1000}, 16, 95}, // a provider that counts oddly
		{Prices{Input: 1, Cached: .1, Write: .25, Output: 4}, Tokens{Prompt: 1000, Cached: 400, Written: 600}, 790, 1250},
		{Prices{Input: 1, Cached: 2}, Tokens{Prompt: 1000, Cached: 1000}, 2000, 2000},
		{Prices{}, Tokens{Prompt: 4000, Cached: 1000, Completion: 500}, 0, 0},
	} {
		if got := tt.prices.Cost(tt.used); got != tt.cost {
			t.Errorf("%+v for %+v: %d, want %d", tt.prices, tt.used, got, tt.cost)
		}
		if got := tt.prices.Most(tt.used); got != tt.most || got < tt.cost {
			t.Errorf("%+v for %+v: at most %d, want %d", tt.prices, tt.used, got, tt.most)
		}
	}
}
