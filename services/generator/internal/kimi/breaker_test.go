package kimi

import (
	"errors"
	"net/http"
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
