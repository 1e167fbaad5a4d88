package kimisim

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestLimits(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		limits  Limits
		ask     int // tokens of each call
		taken   int // of five calls at once
		refusal string
		later   int // of five calls a minute after those, which have ended
	}{
		"none":           {Limits{}, 100, 5, "", 5},
		"concurrency":    {Limits{Concurrency: 2}, 100, 2, "max organization concurrency: 2, please try again", 2},
		"calls":          {Limits{RPM: 3}, 100, 3, "organization max RPM: 3, please try again", 3},
		"tokens":         {Limits{TPM: 450}, 100, 4, "TPM rate limit, current: 500, limit: 450", 4},
		"bare":           {Limits{RPM: 3, Bare: true}, 100, 3, "Organization Rate limit exceeded", 3},
		"a short minute": {Limits{RPM: 3, MinuteSeconds: 1}, 100, 3, "max RPM: 3", 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &account{limits: c.limits}
			five := func(now time.Time) (ends []func(), refusal string) {
				for range 5 {
					end, why := a.begin(c.ask, now)
					if end == nil {
						refusal = why
						continue
					}
					ends = append(ends, end)
				}
				return ends, refusal
			}
			ends, refusal := five(noon)
			if len(ends) != c.taken || !strings.Contains(refusal, c.refusal) {
				t.Errorf("%d taken, %q; want %d, %q", len(ends), refusal, c.taken, c.refusal)
			}
			for _, end := range ends {
				end()
				end()
			}
			if ends, _ := five(noon.Add(c.limits.minute())); len(ends) != c.later {
				t.Errorf("a minute later %d taken, want %d", len(ends), c.later)
			}
		})
	}
}

func TestLimitsByControl(t *testing.T) {
	t.Parallel()
	s, err := New(Config{Addr: "127.0.0.1:0", Concurrency: 7}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ask := func(method, path, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer any")
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		return w
	}
	if w := ask(http.MethodGet, "/control/limits", ""); !strings.Contains(w.Body.String(), `"concurrency":7`) {
		t.Errorf("the settings' limits: %s", w.Body)
	}
	for _, body := range []string{`{"rpm": -1}`, `{"rmp": 3}`, `3`, `{"minuteSeconds": -1}`} {
		if w := ask(http.MethodPut, "/control/limits", body); w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
	if w := ask(http.MethodPut, "/control/limits", `{"rpm": 1}`); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	const chat = `{"model": "kimi-k2.6", "messages": [{"role": "user", "content": "Hello"}]}`
	for i, want := range []int{http.StatusOK, http.StatusTooManyRequests} {
		w := ask(http.MethodPost, "/v1/chat/completions", chat)
		if w.Code != want || w.Header().Get("Retry-After") != "" || want != http.StatusOK && !strings.Contains(w.Body.String(), `"type":"rate_limit_reached_error"`) {
			t.Errorf("call %d: %d %s", i+1, w.Code, w.Body)
		}
	}
	if got := s.Stats().Refused; got != 1 {
		t.Errorf("%d refused in the counts, want 1", got)
	}
}
