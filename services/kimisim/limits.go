package kimisim

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Limits are what an account is allowed. Zero is no limit.
type Limits struct {
	// Concurrency is the most calls at a time.
	Concurrency int `json:"concurrency"`
	// RPM is the most calls a minute, and TPM the most tokens a minute: those of the prompt
	// and the most that was asked for of the answer. A minute is the last 60 seconds.
	RPM int `json:"rpm"`
	TPM int `json:"tpm"`
	// Bare has a refusal name neither the limit nor a time to wait.
	Bare bool `json:"bare,omitempty"`
	// MinuteSeconds is how long a minute is, for the impatient; 0 is 60.
	MinuteSeconds float64 `json:"minuteSeconds,omitempty"`
}

func (l Limits) validate() error {
	if l.Concurrency < 0 || l.RPM < 0 || l.TPM < 0 || !(l.MinuteSeconds >= 0) {
		return errors.New("a limit is negative")
	}
	return nil
}

func (l Limits) minute() time.Duration {
	if l.MinuteSeconds == 0 {
		return time.Minute
	}
	return time.Duration(l.MinuteSeconds * float64(time.Second))
}

// account holds the calls to its limits.
type account struct {
	mu     sync.Mutex
	limits Limits
	busy   int
	begun  []beginning
}

// beginning is a call of the last minute.
type beginning struct {
	at     time.Time
	tokens int
}

func (a *account) set(l Limits) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.limits = l
}

func (a *account) get() Limits {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.limits
}

// begin takes a call that asks for so many tokens, or says which limit it would exceed. A
// call that is taken has to end.
func (a *account) begin(tokens int, now time.Time) (end func(), refusal string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.begun) > 0 && now.Sub(a.begun[0].at) >= a.limits.minute() {
		a.begun = a.begun[1:]
	}
	used := 0
	for _, b := range a.begun {
		used += b.tokens
	}
	const who = "Your account org-kimisim<ak-kimisim> request reached "
	switch l := a.limits; {
	case l.Concurrency > 0 && a.busy >= l.Concurrency:
		refusal = fmt.Sprintf("%smax organization concurrency: %d, please try again after 1 seconds", who, l.Concurrency)
	case l.RPM > 0 && len(a.begun) >= l.RPM:
		refusal = fmt.Sprintf("%sorganization max RPM: %d, please try again after 1 seconds", who, l.RPM)
	case l.TPM > 0 && used+tokens > l.TPM:
		refusal = fmt.Sprintf("%sorganization TPM rate limit, current: %d, limit: %d", who, used+tokens, l.TPM)
	default:
		a.busy++
		if l.RPM > 0 || l.TPM > 0 {
			a.begun = append(a.begun, beginning{now, tokens})
		}
		return sync.OnceFunc(func() {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.busy--
		}), ""
	}
	if a.limits.Bare {
		refusal = "Organization Rate limit exceeded"
	}
	return nil, refusal
}

// admit takes a request, or answers that it exceeds a limit.
func (s *Server) admit(w http.ResponseWriter, req Request) (end func(), ok bool) {
	end, refusal := s.account.begin(tokens(req.conversation())+req.MaxTokens, time.Now())
	if end == nil {
		s.record.refused()
		writeBody(w, http.StatusTooManyRequests, map[string]any{"error": map[string]any{
			"type": "rate_limit_reached_error", "message": refusal,
		}})
		return nil, false
	}
	return end, true
}

// SetLimits holds the account to limits from now on; the zero Limits are none. The error says
// what is wrong with them.
func (s *Server) SetLimits(l Limits) error {
	if err := l.validate(); err != nil {
		return err
	}
	s.account.set(l)
	return nil
}

func (s *Server) getLimits(w http.ResponseWriter, _ *http.Request) {
	writeBody(w, http.StatusOK, s.account.get())
}

func (s *Server) putLimits(w http.ResponseWriter, r *http.Request) {
	var l Limits
	if !readControl(w, r, "limits", &l) {
		return
	}
	if err := s.SetLimits(l); err != nil {
		writeError(w, http.StatusBadRequest, "invalid_request_error", "The body is not limits: "+err.Error())
		return
	}
	s.log.InfoContext(r.Context(), "limits set", "concurrency", l.Concurrency, "rpm", l.RPM, "tpm", l.TPM)
	writeBody(w, http.StatusOK, l)
}
