package kimi

import (
	"errors"
	"net/http"
	"testing"
	"time"
)

func TestRetrySucceeds(t *testing.T) {
	for name, c := range map[string]struct {
		steps []step
		tries int
	}{
		"rate limit, failure": {[]step{answers(429, ""), answers(502, ""), fine}, 3},
		"reset":               {[]step{resets, fine}, 2},
		"stall":               {[]step{stalls, fine}, 2},
		"no answer":           {[]step{page, fine}, 2},
		"failure, empty":      {[]step{answers(500, ""), says("", "stop", "[DONE]"), fine}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			succeeds := func(t *testing.T, m *model, network ...Option) {
				t.Helper()
				a, err := newClient(t, Config{BaseURL: m.URL}, network...).Complete(t.Context(), ask)
				if err != nil || a.Text != "a fine answer" || a.Tries != c.tries {
					t.Errorf("%+v, %v", a, err)
				}
			}
			if name == "stall" {
				inBubble(t, c.steps, succeeds)
				return
			}
			succeeds(t, newModel(t, c.steps...))
		})
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	m := newModel(t, answers(429, "", "Retry-After", "1"), fine)
	began := time.Now()
	if _, err := newClient(t, Config{BaseURL: m.URL}).Complete(t.Context(), ask); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < time.Second {
		t.Errorf("asked again after %v", took)
	}
}

func TestRetryAfterPastTheDeadlineFailsNow(t *testing.T) {
	for name, after := range map[string]string{
		"seconds": "3600", "a date": time.Now().Add(time.Hour).UTC().Format(http.TimeFormat), "for ever": "99999999999999",
	} {
		m := newModel(t, answers(429, "", "Retry-After", after), fine)
		began := time.Now()
		_, err := newClient(t, Config{BaseURL: m.URL}).Complete(t.Context(), ask)
		if !errors.Is(err, ErrRateLimited) || m.asked.Load() != 1 || time.Since(began) > patience/2 {
			t.Errorf("%s: %v after %v", name, err, time.Since(began))
		}
	}
}

func TestBackoffGrowsWithFullJitter(t *testing.T) {
	c := newClient(t, Config{BaseURL: "http://127.0.0.1:1", Backoff: time.Second})
	for try, most := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 20: maxBackoff} {
		var lo, hi time.Duration = never, 0
		for range 500 {
			d := c.backoff(try, ErrUnavailable)
			lo, hi = min(lo, d), max(hi, d)
		}
		if lo < 0 || lo > most/4 || hi > most || hi < most*3/4 {
			t.Errorf("try %d waits %v to %v, want 0 to %v", try, lo, hi, most)
		}
	}
	for range 100 {
		if d := c.backoff(1, &failure{decision: ErrRateLimited, retryAfter: 5 * time.Second}); d < 5*time.Second || d > 6*time.Second {
			t.Fatalf("waits %v for a Retry-After of 5s", d)
		}
	}
}
