package kimi

import (
	"errors"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/eventually"
)

func TestBreakerOpensAndHeals(t *testing.T) {
	var broken atomic.Bool
	broken.Store(true)
	m := newModel(t, func(w http.ResponseWriter, r *http.Request) {
		if broken.Load() {
			answers(500, "")(w, r)
			return
		}
		fine(w, r)
	})
	// The cooldown is longer than this part of the test.
	c := newClient(t, Config{BaseURL: m.URL, BreakerCooldown: time.Minute})
	for range 2 {
		if _, err := c.Complete(t.Context(), ask); !errors.Is(err, ErrUnavailable) {
			t.Fatal(err)
		}
	}
	if c.BreakerState() != "open" || m.asked.Load() != tripAfter {
		t.Fatalf("%s after %d failures", c.BreakerState(), m.asked.Load())
	}
	if _, err := c.Complete(t.Context(), ask); !errors.Is(err, ErrUnavailable) || m.asked.Load() != tripAfter {
		t.Errorf("open: %v after %d requests", err, m.asked.Load())
	}

	broken.Store(false)
	c = newClient(t, Config{BaseURL: m.URL, BreakerCooldown: time.Millisecond})
	broken.Store(true)
	for range 2 {
		if _, err := c.Complete(t.Context(), ask); err == nil {
			t.Fatal("answered by a broken model")
		}
	}
	broken.Store(false)
	eventually.NoError(t, func() error { _, err := c.Complete(t.Context(), ask); return err })
	if got := c.BreakerState(); got != "closed" {
		t.Errorf("breaker %s after an answer", got)
	}
}

func TestRefusalOpensTheBreakerAtOnce(t *testing.T) {
	for _, status := range []int{401, 403} {
		m := newModel(t, answers(status, ""), fine)
		c := newClient(t, Config{BaseURL: m.URL, BreakerCooldown: time.Minute})
		if _, err := c.Complete(t.Context(), ask); !errors.Is(err, ErrRefused) || c.BreakerState() != "open" {
			t.Errorf("%d: %v, breaker %s", status, err, c.BreakerState())
		}
		if _, err := c.Complete(t.Context(), ask); !errors.Is(err, ErrUnavailable) || m.asked.Load() != 1 {
			t.Errorf("%d, then: %v", status, err)
		}
	}
}

func TestARefusalDoesNotOutliveItsBreaker(t *testing.T) {
	m := newModel(t, answers(403, ""), fine, answers(500, ""), fine)
	c := newClient(t, Config{BaseURL: m.URL, BreakerCooldown: time.Millisecond})
	if _, err := c.Complete(t.Context(), ask); !errors.Is(err, ErrRefused) {
		t.Fatal(err)
	}
	eventually.NoError(t, func() error { _, err := c.Complete(t.Context(), ask); return err })
	// A single ordinary failure is retried and does not open the breaker.
	if a, err := c.Complete(t.Context(), ask); err != nil || a.Tries != 2 {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestRateLimitsDoNotOpenTheBreaker(t *testing.T) {
	m := newModel(t, answers(429, ""))
	c := newClient(t, Config{BaseURL: m.URL})
	for range tripAfter {
		if _, err := c.Complete(t.Context(), ask); !errors.Is(err, ErrRateLimited) {
			t.Fatal(err)
		}
	}
	if got := c.BreakerState(); got != "closed" {
		t.Errorf("breaker %s", got)
	}
}

// A failure stops calls only for those whom it concerns.
func TestBreakersOpenForWhomItConcerns(t *testing.T) {
	for name, c := range map[string]struct {
		fails []string // the shops whose calls fail, in this order; "ok" is another shop's success
		with  *failure
		state string
		stops []string
	}{
		"one shop fails":              {[]string{"a", "a", "a", "a", "a"}, &failure{decision: ErrUnavailable}, "half-open", []string{"a"}},
		"not often enough":            {[]string{"a", "a", "a", "a"}, &failure{decision: ErrUnavailable}, "closed", nil},
		"others succeed":              {[]string{"a", "a", "ok", "a", "ok", "a", "a"}, &failure{decision: ErrUnavailable}, "half-open", []string{"a"}},
		"two shops fail":              {[]string{"a", "b", "a", "b", "a"}, &failure{decision: ErrUnavailable}, "open", []string{"a", "b", "c"}},
		"everybody is concerned":      {[]string{"a", "a", "a", "a", "a"}, &failure{decision: ErrUnavailable, everybody: true}, "open", []string{"a", "b", "c"}},
		"one shop is refused":         {[]string{"a"}, &failure{decision: ErrRefused}, "half-open", []string{"a"}},
		"two shops are refused":       {[]string{"a", "b"}, &failure{decision: ErrRefused}, "open", []string{"a", "b", "c"}},
		"the account is refused":      {[]string{"a"}, &failure{decision: ErrRefused, everybody: true}, "open", []string{"a", "b", "c"}},
		"a prompt is bad":             {[]string{"a", "b", "a", "b", "a", "b"}, &failure{decision: ErrBadRequest}, "closed", nil},
		"an envelope is not readable": {[]string{"a", "b", "a", "b", "a", "b"}, &failure{decision: ErrUnreadable}, "closed", nil},
	} {
		b := breakers{cooldown: never, shops: map[string]*circuit{}}
		for _, shop := range c.fails {
			f := c.with
			if shop == "ok" {
				f = nil
			}
			end, err := b.begin(shop)
			if err != nil {
				t.Fatalf("%s: stopped before its time", name)
			}
			end(f)
		}
		if got := b.state(); got != c.state {
			t.Errorf("%s: %s, want %s", name, got, c.state)
		}
		if got := b.stoppedShops(); c.state != "open" && !slices.Equal(got, c.stops) {
			t.Errorf("%s: the shops %v are told of, want %v", name, got, c.stops)
		}
		for _, shop := range []string{"a", "b", "c"} {
			if _, err := b.begin(shop); (err != nil) != slices.Contains(c.stops, shop) {
				t.Errorf("%s: shop %s: %v", name, shop, err)
			}
		}
	}
}
