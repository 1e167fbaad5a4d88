package kimi

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/spend"
)

// meter permits so many tries and notes what they used.
type meter struct {
	permits int // -1 is all
	refusal error

	mu       sync.Mutex
	calls    []Call
	most     []spend.Tokens
	used     []spend.Tokens
	outcomes []string
}

func (m *meter) Begin(_ context.Context, call Call, most spend.Tokens) (func(context.Context, spend.Tokens, string), error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.permits == len(m.most) {
		return nil, m.refusal
	}
	m.calls, m.most = append(m.calls, call), append(m.most, most)
	return func(_ context.Context, used spend.Tokens, outcome string) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.used, m.outcomes = append(m.used, used), append(m.outcomes, outcome)
	}, nil
}

func used(prompt, completion int) spend.Tokens {
	return spend.Tokens{Prompt: prompt, Completion: completion}
}

// Every try is booked, also a failed one: what the provider counted, else what was sent
// and what came.
func TestEveryTryIsMetered(t *testing.T) {
	body, err := (&Client{cfg: Config{Model: "kimi-test", MaxCompletionTokens: 100}}).body(ask)
	if err != nil {
		t.Fatal(err)
	}
	var (
		sent    = int(body.size)
		told    = spend.Tokens{Prompt: 11, Cached: 4, Completion: 7}
		nothing = spend.Tokens{}
	)
	for name, c := range map[string]struct {
		steps []step
		cfg   Config
		want  []spend.Tokens
	}{
		"an answer":                   {[]step{fine}, Config{}, []spend.Tokens{told}},
		"without a count":             {[]step{says("a fine answer", "stop", "[DONE]")}, Config{}, []spend.Tokens{used(sent, 13)}},
		"turned down, then an answer": {[]step{answers(429, ""), fine}, Config{}, []spend.Tokens{nothing, told}},
		"refused":                     {[]step{answers(401, "")}, Config{}, []spend.Tokens{nothing}},
		"redirected":                  {[]step{answers(307, "", "Location", "http://127.0.0.1:1/")}, Config{}, []spend.Tokens{nothing}},
		"a server's errors":           {[]step{answers(500, "")}, Config{}, []spend.Tokens{used(sent, 0), used(sent, 0), used(sent, 0)}},
		"broken off":                  {[]step{resets, fine}, Config{}, []spend.Tokens{used(sent, len("half of the answer")), told}},
		"stalled":                     {[]step{stalls, fine}, Config{StallTimeout: 100 * time.Millisecond}, []spend.Tokens{used(sent, len("a little")), told}},
		"no answer at all":            {[]step{hangs, fine}, Config{StallTimeout: 100 * time.Millisecond}, []spend.Tokens{used(sent, 0), told}},
		"truncated, with a count":     {[]step{says("half", "length", counts, "[DONE]")}, Config{}, []spend.Tokens{told}},
		"counted, then broken off":    {[]step{says("half", "", counts, "{"), fine}, Config{}, []spend.Tokens{told, told}},
		"reasoning":                   {[]step{says("", "", `{"choices":[{"delta":{"reasoning_content":"hm, hm"}}]}`), fine}, Config{}, []spend.Tokens{used(sent, 6), told}},
		"too large, up to the bound":  {[]step{says(strings.Repeat("x", 200), "stop", "[DONE]")}, Config{AnswerLimit: 150}, []spend.Tokens{used(sent, 100)}},
		"a huge event":                {[]step{says(strings.Repeat("x", maxPayload), "stop", "[DONE]")}, Config{}, []spend.Tokens{used(sent, 100)}},
		"no answer of a model":        {[]step{page, fine}, Config{}, []spend.Tokens{used(sent, 100), told}},
	} {
		counted := func(t *testing.T, m *model, network ...Option) {
			t.Helper()
			metered := &meter{permits: -1}
			c.cfg.BaseURL, c.cfg.Meter, c.cfg.MaxCompletionTokens = m.URL, metered, 100
			asked := ask
			asked.Call = Call{Shop: "magic-wands", Persona: "explorer"}
			answer, err := newClient(t, c.cfg, network...).Complete(t.Context(), asked)
			if !slices.Equal(metered.used, c.want) {
				t.Errorf("used %v, want %v", metered.used, c.want)
			}
			if !slices.Equal(answer.Used, c.want) {
				t.Errorf("the answer says %v, want %v", answer.Used, c.want)
			}
			if last := metered.outcomes[len(metered.outcomes)-1]; last != Outcome(err) || len(metered.outcomes) != len(c.want) {
				t.Errorf("outcomes %v, want %d up to %s", metered.outcomes, len(c.want), Outcome(err))
			}
			for i, most := range metered.most {
				if most != used(sent, 100) || metered.calls[i] != asked.Call {
					t.Errorf("asked for %v of %v, want at most the body's %d bytes and 100", most, metered.calls[i], sent)
				}
			}
		}
		t.Run(name, func(t *testing.T) {
			if c.cfg.StallTimeout > 0 {
				inBubble(t, c.steps, counted)
				return
			}
			counted(t, newModel(t, c.steps...))
		})
	}
}

// The bound holds for the prompt as it is sent: no tokenizer of bytes makes more tokens
// of a message than it has bytes, and its JSON is no shorter.
func TestBoundHasRoomForEveryMessage(t *testing.T) {
	c := newClient(t, Config{BaseURL: "http://127.0.0.1:1"})
	for _, text := range []string{"", "a", "ünï✨", "\xff\xfe", strings.Repeat("<", 1000), strings.Repeat("\n", 1000)} {
		req := Request{System: text, User: text, Turns: []Turn{{Answer: text, Reply: text}}}
		body, err := c.body(req)
		if err != nil {
			t.Fatal(err)
		}
		const markers = 8 // that a provider puts around a message
		if most := c.most(body); most.Prompt < 4*(len(text)+markers) {
			t.Errorf("%d tokens at most for four messages of %d bytes", most.Prompt, len(text))
		}
	}
}

// A request that never leaves costs nothing.
func TestUnsentIsFree(t *testing.T) {
	metered := &meter{permits: -1}
	_, _ = newClient(t, Config{BaseURL: "http://127.0.0.1:1", Meter: metered}).Complete(t.Context(), ask)
	if !slices.Equal(metered.used, []spend.Tokens{{}, {}, {}}) {
		t.Errorf("used %v", metered.used)
	}
}

// What the meter refuses is not sent and not tried again, tells why, and does not count
// for the breaker.
func TestMeterRefuses(t *testing.T) {
	refusal := errors.New("no room")
	for name, c := range map[string]struct {
		permits, calls int
	}{"at once": {0, 0}, "the second try": {1, 1}} {
		t.Run(name, func(t *testing.T) {
			m := newModel(t, answers(500, ""))
			metered := &meter{permits: c.permits, refusal: refusal}
			client := newClient(t, Config{BaseURL: m.URL, Meter: metered})
			for range 2 * tripAfter {
				_, err := client.Complete(t.Context(), ask)
				if !errors.Is(err, ErrNotPermitted) || !errors.Is(err, refusal) || errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "no room") {
					t.Fatalf("got %v", err)
				}
			}
			if got := int(m.asked.Load()); got != c.calls || client.BreakerState() != "closed" {
				t.Errorf("asked %d times, want %d; breaker %s", got, c.calls, client.BreakerState())
			}
		})
	}
}

// What the breaker keeps from being sent is given back.
func TestOpenBreakerUsesNothing(t *testing.T) {
	m := newModel(t, answers(401, ""))
	metered := &meter{permits: -1}
	c := newClient(t, Config{BaseURL: m.URL, Meter: metered, BreakerCooldown: never})
	for range 2 {
		if _, err := c.Complete(t.Context(), ask); err == nil {
			t.Fatal("no error")
		}
	}
	if c.BreakerState() != "open" || m.asked.Load() != 1 || !slices.Equal(metered.used, []spend.Tokens{{}, {}}) || !slices.Equal(metered.outcomes, []string{"refused", NotSent}) {
		t.Errorf("breaker %s, asked %d times, used %v", c.BreakerState(), m.asked.Load(), metered.used)
	}
}
