package kimisim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
)

// The faults a Server can show, as named in X-Kimisim-Fault and by the control
// endpoint.
const (
	// RateLimit is 429 with Retry-After.
	RateLimit = "rate-limit"
	// ServerError is 500.
	ServerError = "server-error"
	// InsufficientBalance is 403 in Moonshot's error shape.
	InsufficientBalance = "insufficient-balance"
	// Hang accepts the request and never answers, until the client goes away or
	// the server stops.
	Hang = "hang"
	// Reset breaks the connection (TCP RST) in the middle of the answer.
	Reset = "reset"
	// Truncated ends the answer in the middle: no finish_reason, no [DONE].
	Truncated = "truncated"
	// Malformed answers something that only begins like JSON.
	Malformed = "malformed"
	// HTML answers a web page with script tags and event handlers.
	HTML = "html"
	// Empty answers no content at all, as if that were an answer.
	Empty = "empty"
	// Slow sends one byte of the response a second.
	Slow = "slow"
	// Huge answers 50 MB of content.
	Huge = "huge"
	// Hostile answers in the requested shape, with scripts, javascript: URLs,
	// prices, ids of no product and bidirectional controls for its strings.
	Hostile = "hostile"
	// NoEnd streams the whole answer, but neither finish_reason nor [DONE].
	NoEnd = "no-end"
	// NoStream gives a whole completion although a stream was asked for.
	NoStream = "no-stream"
	// KeepAlive streams comments and never data, until the client goes away.
	KeepAlive = "keep-alive"
	// StreamError tells of an error of code 502 within a stream that began well.
	StreamError = "stream-error"
	// RawBreaks writes line breaks into the strings of the answer as they are.
	RawBreaks = "raw-breaks"
	// Thoughts writes thoughts with a draft before the answer, between <think> and </think>.
	Thoughts = "thoughts"
)

// faultNames lists them in the order above.
var faultNames = []string{
	RateLimit, ServerError, InsufficientBalance, Hang, Reset, Truncated,
	Malformed, HTML, Empty, Slow, Huge, Hostile,
	NoEnd, NoStream, KeepAlive, StreamError, RawBreaks, Thoughts,
}

// ErrUnknownFault is wrapped where a fault is named that is none.
var ErrUnknownFault = errors.New("unknown fault")

// Fault is one fault in force, and for how long.
type Fault struct {
	Name string `json:"fault"`
	// Count is how many requests get it; 0 is all, until it is cleared.
	Count int `json:"count"`
	// Probability is how likely a request gets it, 0 to 1; 0 counts as 1.
	Probability float64 `json:"probability,omitempty"`
	// RetryAfterSeconds is what RateLimit asks for; 0 counts as 1.
	RetryAfterSeconds int `json:"retryAfterSeconds,omitempty"`
}

func (f Fault) validate() error {
	switch {
	case !slices.Contains(faultNames, f.Name):
		return fmt.Errorf("%w %q: one of %s", ErrUnknownFault, f.Name, strings.Join(faultNames, ", "))
	case f.Count < 0:
		return errors.New("count is negative")
	case f.Probability < 0 || f.Probability > 1:
		return errors.New("probability is not between 0 and 1")
	case f.RetryAfterSeconds < 0:
		return errors.New("retryAfterSeconds is negative")
	}
	return nil
}

// faults holds the fault in force, at most one at a time.
type faults struct {
	mu      sync.Mutex
	rng     *rand.Rand
	current Fault // without a name: none
}

func newFaults(seed uint64) *faults {
	return &faults{rng: rand.New(rand.NewPCG(seed, 0))}
}

func (f *faults) set(fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.current = fault
}

// get returns the fault in force and how many more requests it is for.
func (f *faults) get() Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.current
}

// take returns the fault that one request gets and counts it; the zero Fault is none.
func (f *faults) take() Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.current
	if now.Name == "" || now.Probability > 0 && f.rng.Float64() >= now.Probability {
		return Fault{}
	}
	if now.Count == 1 {
		f.current = Fault{}
	} else if now.Count > 1 {
		f.current.Count--
	}
	return now
}
