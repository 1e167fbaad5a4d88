package kimi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/eventually"
)

func TestAnswer(t *testing.T) {
	type sent struct{ Role, Content string }
	var got struct {
		settings
		Messages    []sent
		Temperature *float64 `json:"temperature"`
	}
	var header http.Header
	var size int64
	var path string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header, path, size = r.Header.Clone(), r.URL.Path, r.ContentLength
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		fine(w, r)
	}))
	defer srv.Close()
	c := newClient(t, Config{BaseURL: srv.URL + "/v1/", MaxCompletionTokens: 123})

	a, err := c.Complete(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	if a.Text != "a fine answer" || a.Model != "kimi-said" || a.FinishReason != "stop" || a.Tries != 1 ||
		a.Tokens.Prompt != 11 || a.Tokens.Cached != 4 || a.Tokens.Completion != 7 || a.FirstToken <= 0 || a.Total < a.FirstToken {
		t.Errorf("answer %+v", a)
	}
	if size <= 0 {
		t.Errorf("the length is not told: %d", size)
	}
	if path != "/v1/chat/completions" || header.Get("Authorization") != "Bearer "+key || header.Get("Traceparent") != "" {
		t.Errorf("sent to %s with %v", path, header)
	}
	if !got.Stream || !got.StreamOptions.IncludeUsage || got.ResponseFormat.Type != "json_object" ||
		got.MaxCompletionTokens != 123 || got.Temperature != nil || got.Thinking != nil || got.Model != "kimi-test" {
		t.Errorf("sent %+v", got)
	}
	if len(got.Messages) != 2 || got.Messages[0] != (sent{"system", ask.System}) || got.Messages[1] != (sent{"user", ask.User}) {
		t.Errorf("messages %+v", got.Messages)
	}

	second := ask
	second.Turns = []Turn{{Answer: "no JSON", Reply: "that is no JSON"}}
	if _, err := c.Complete(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	if len(got.Messages) != 4 || got.Messages[2] != (sent{"assistant", "no JSON"}) || got.Messages[3] != (sent{"user", "that is no JSON"}) {
		t.Errorf("second turn %+v", got.Messages)
	}
}

func TestModels(t *testing.T) {
	const disabled, enabled, neither = `{"type":"disabled"}`, `{"type":"enabled"}`, ""
	for _, c := range []struct {
		id       string
		thinking Thinking
		want     string // thinking
		effort   string
		room     int
	}{
		{"kimi-k2.5", "", disabled, "", 8192},
		{"kimi-k2.6", ThinkingAuto, disabled, "", 8192},
		{"kimi-k2.6-turbo", "", disabled, "", 8192},
		{"moonshotai/kimi-k2.6", "", disabled, "", 8192},
		{"openrouter/moonshotai/Kimi-K2.6:free", "", disabled, "", 8192},
		{"Pro/moonshotai/KIMI-K2.5", "", disabled, "", 8192},
		{"moonshotai.kimi-k2.5", "", disabled, "", 8192},
		{"accounts/fireworks/models/kimi-k2p6", "", disabled, "", 8192},
		{"kimi-k2.6/other-model", "", neither, "", 8192},
		{"kimi-k2.6", ThinkingOff, disabled, "", 8192},
		{"kimi-k2.6", ThinkingOn, enabled, "", 24_576},
		{"other-model", "", neither, "", 8192},
		{"other-model", ThinkingOff, disabled, "", 8192},
		{"other-model", ThinkingOn, enabled, "", 24_576},
		{"kimi-k2.7-code", "", neither, "", 24_576},
		{"moonshotai/Kimi-K2.7-Code:exacto", ThinkingOff, neither, "", 24_576},
		{"kimi-k2-thinking-turbo", "", neither, "", 24_576},
		{"kimi-k3", "", neither, "low", 24_576},
		{"moonshotai/Kimi-K3.1-Pro", "", neither, "low", 24_576},
		{"kimi-k3", ThinkingOff, neither, "low", 24_576},
		{"kimi-k3", ThinkingOn, neither, "", 24_576},
	} {
		var body map[string]json.RawMessage
		m := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
				t.Error(err)
			}
			fine(w, r)
		}))
		metered := &meter{permits: -1}
		if _, err := newClient(t, Config{BaseURL: m.URL, Model: c.id, Thinking: c.thinking, Meter: metered}).Complete(t.Context(), ask); err != nil {
			t.Fatal(err)
		}
		m.Close()
		if got := string(body["thinking"]); got != c.want {
			t.Errorf("%s, %q: thinking %s, want %q", c.id, c.thinking, got, c.want)
		}
		if got := strings.Trim(string(body["reasoning_effort"]), `"`); got != c.effort {
			t.Errorf("%s, %q: effort %s, want %q", c.id, c.thinking, got, c.effort)
		}
		if got := string(body["max_completion_tokens"]); got != strconv.Itoa(c.room) || metered.most[0].Completion != c.room {
			t.Errorf("%s, %q: %s tokens, %d reserved, want %d", c.id, c.thinking, got, metered.most[0].Completion, c.room)
		}
	}
}

func TestDecisions(t *testing.T) {
	for name, c := range map[string]struct {
		step  step
		cfg   Config
		want  error
		tries int
	}{
		"429":             {answers(429, "rate_limit_reached_error"), Config{}, ErrRateLimited, 3},
		"500":             {answers(500, "server_error"), Config{}, ErrUnavailable, 3},
		"503":             {answers(503, ""), Config{}, ErrUnavailable, 3},
		"401":             {answers(401, "invalid_authentication_error"), Config{}, ErrRefused, 1},
		"403":             {answers(403, "exceeded_current_quota_error"), Config{}, ErrRefused, 1},
		"429 no balance":  {answers(429, "exceeded_current_quota_error"), Config{}, ErrRefused, 1},
		"400":             {answers(400, "invalid_request_error"), Config{}, ErrBadRequest, 1},
		"404":             {answers(404, "resource_not_found_error"), Config{}, ErrBadRequest, 1},
		"redirect":        {answers(307, "", "Location", "http://127.0.0.1:1/elsewhere"), Config{}, ErrBadRequest, 1},
		"reset":           {resets, Config{}, ErrUnavailable, 3},
		"stall":           {stalls, Config{StallTimeout: 20 * time.Millisecond}, ErrStalled, 3},
		"hang":            {hangs, Config{StallTimeout: 20 * time.Millisecond}, ErrStalled, 3},
		"only thoughts":   {says("<think>half", "length", "[DONE]"), Config{}, ErrEmpty, 2},
		"empty":           {says(" \n", "stop", "[DONE]"), Config{}, ErrEmpty, 2},
		"filtered":        {says("x", "content_filter", "[DONE]"), Config{}, ErrBadRequest, 1},
		"too large":       {says(strings.Repeat("x", 101), "stop", "[DONE]"), Config{AnswerLimit: 100}, ErrAnswerTooLarge, 1},
		"a huge event":    {says(strings.Repeat("x", maxPayload), "stop", "[DONE]"), Config{}, ErrAnswerTooLarge, 1},
		"endless noise":   {noise, Config{AnswerLimit: 1000}, ErrAnswerTooLarge, 1},
		"not a stream":    {page, Config{}, ErrUnreadable, 2},
		"half a chunk":    {says("x", "", `{"choices":[{"del`), Config{}, ErrUnreadable, 2},
		"error in stream": {says("x", "", `{"error":{"type":"server_error"}}`), Config{}, ErrUnavailable, 3},
	} {
		decide := func(t *testing.T, m *model, network ...Option) {
			t.Helper()
			c.cfg.BaseURL = m.URL
			_, err := newClient(t, c.cfg, network...).Complete(t.Context(), ask)
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if got := int(m.asked.Load()); got != c.tries {
				t.Errorf("asked %d times, want %d", got, c.tries)
			}
			one := 0
			for _, decision := range []error{ErrRateLimited, ErrUnavailable, ErrRefused, ErrBadRequest, ErrUnreadable, ErrAnswerTooLarge, ErrEmpty} {
				if errors.Is(err, decision) {
					one++
				}
			}
			if one != 1 {
				t.Errorf("%v is %d decisions", err, one)
			}
			for _, secret := range []string{key, prompt, "half", "a little", m.URL, strings.TrimPrefix(m.URL, "http://")} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error tells %q: %v", secret, err)
				}
			}
		}
		t.Run(name, func(t *testing.T) {
			if c.cfg.StallTimeout > 0 {
				inBubble(t, []step{c.step}, decide)
				return
			}
			decide(t, newModel(t, c.step))
		})
	}
}

func TestConnectionRefused(t *testing.T) {
	const addr = "127.0.0.1:1"
	_, err := newClient(t, Config{BaseURL: "http://" + addr}).Complete(t.Context(), ask)
	if !errors.Is(err, ErrUnavailable) || !errors.Is(err, syscall.ECONNREFUSED) || strings.Contains(err.Error(), addr) {
		t.Errorf("got %v", err)
	}
}

func TestConnectionErrorsTellNothing(t *testing.T) {
	telltale := errors.New("malformed HTTP response: a secret")
	c := newClient(t, Config{BaseURL: "http://model.invalid"}, WithTransport(roundTrip(func(*http.Request) (*http.Response, error) {
		return nil, telltale
	})))
	if _, err := c.Complete(t.Context(), ask); !errors.Is(err, ErrUnavailable) || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "invalid") {
		t.Errorf("got %v", err)
	}
}

func TestTimeoutBoundsTheWholeCall(t *testing.T) {
	inBubble(t, []step{answers(500, ""), hangs}, func(t *testing.T, m *model, network ...Option) {
		const timeout = 100 * time.Millisecond
		began := time.Now()
		_, err := newClient(t, Config{BaseURL: m.URL, Timeout: timeout, StallTimeout: never}, network...).Complete(t.Context(), ask)
		if !errors.Is(err, ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrStalled) {
			t.Errorf("got %v", err)
		}
		if took := time.Since(began); took != timeout || m.asked.Load() != 2 {
			t.Errorf("%d tries in %v", m.asked.Load(), took)
		}
	})
}

func TestCallerCancels(t *testing.T) {
	m := newModel(t, hangs)
	c := newClient(t, Config{BaseURL: m.URL, StallTimeout: never})
	for range tripAfter + 1 {
		ctx, cancel := context.WithCancel(t.Context())
		before := m.asked.Load()
		failed := make(chan error, 1)
		go func() {
			_, err := c.Complete(ctx, ask)
			failed <- err
		}()
		eventually.True(t, "the model is asked again", func() bool { return m.asked.Load() > before })
		cancel()
		if err := <-failed; !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnavailable) {
			t.Fatalf("got %v", err)
		}
	}
	if got := c.BreakerState(); got != "closed" {
		t.Errorf("breaker %s: cancelling counts", got)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	before := m.asked.Load()
	if _, err := c.Complete(ctx, ask); !errors.Is(err, context.Canceled) || m.asked.Load() != before {
		t.Errorf("cancelled before it began: %v", err)
	}
}

func TestCallerCancelsAWait(t *testing.T) {
	m := newModel(t, answers(500, "", "Retry-After", "600"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	failed := make(chan error, 1)
	go func() {
		_, err := newClient(t, Config{BaseURL: m.URL, Timeout: never}).Complete(ctx, ask)
		failed <- err
	}()
	eventually.True(t, "the model is asked", func() bool { return m.asked.Load() > 0 })
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestASlowStreamIsNoStall(t *testing.T) {
	slow := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		tick := time.NewTicker(299 * time.Millisecond)
		defer tick.Stop()
		for range 20 {
			<-tick.C
			_, _ = io.WriteString(w, `data: {"choices":[{"delta":{"content":"x"}}]}`+"\n\n")
			_ = http.NewResponseController(w).Flush()
		}
		says("", "stop", "[DONE]")(w, r)
	}
	inBubble(t, []step{slow}, func(t *testing.T, m *model, network ...Option) {
		a, err := newClient(t, Config{BaseURL: m.URL, StallTimeout: 300 * time.Millisecond}, network...).Complete(t.Context(), ask)
		if err != nil || a.Text != strings.Repeat("x", 20) {
			t.Errorf("%+v, %v", a, err)
		}
	})
}

// Who listens may take long, as with a NATS that does not answer: that is no silence of the
// model's, and its answer is not paid for again. The model may be silent for as long after.
func TestASlowListenerIsNoStall(t *testing.T) {
	pieces := func(silences ...time.Duration) step {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			for _, silence := range silences {
				_, _ = io.WriteString(w, `data: {"choices":[{"delta":{"content":"x"}}]}`+"\n\n")
				_ = http.NewResponseController(w).Flush()
				select {
				case <-time.After(silence):
				case <-r.Context().Done():
					return
				}
			}
			says("", "stop", "[DONE]")(w, r)
		}
	}
	for name, c := range map[string]struct {
		step  step
		tries int
	}{
		"all the time":       {pieces(0, 0, 0), 1},
		"at the end":         {pieces(0), 1},
		"and a slow model":   {pieces(590*time.Millisecond, 590*time.Millisecond), 1},
		"and a silent model": {pieces(0, 610*time.Millisecond), 2},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, []step{c.step, says("x", "stop", "[DONE]")}, func(t *testing.T, m *model, network ...Option) {
				req := ask
				req.OnText = func(string) { <-time.After(300 * time.Millisecond) }
				a, err := newClient(t, Config{BaseURL: m.URL, StallTimeout: 300 * time.Millisecond}, network...).Complete(t.Context(), req)
				if err != nil || a.Tries != c.tries || errors.Is(a.Again, ErrStalled) != (c.tries > 1) {
					t.Errorf("%d tries, want %d: %+v, %v", a.Tries, c.tries, a, err)
				}
			})
		})
	}
}

func TestReasoningIsNotTheAnswer(t *testing.T) {
	m := newModel(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, `data: {"choices":[{"delta":{"reasoning_content":"hm"}}]}`+"\n\n")
		says("an answer", "", `{"choices":[{"delta":{},"finish_reason":"stop","usage":{"prompt_tokens":3,"completion_tokens":2}}]}`, "[DONE]")(w, r)
	})
	a, err := newClient(t, Config{BaseURL: m.URL}).Complete(t.Context(), ask)
	if err != nil || a.Text != "an answer" || a.Tokens.Prompt != 3 || a.Tokens.Completion != 2 || a.FirstToken == 0 {
		t.Errorf("%+v, %v", a, err)
	}
}

// What is said is heard as it comes, without the thoughts, and void with its try.
func TestTheAnswerIsHeardAsItComes(t *testing.T) {
	heard := make(chan string, 10)
	req := ask
	req.OnText = func(piece string) { heard <- piece }
	req.OnRestart = func() { heard <- "restart" }
	m := newModel(t, resets, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i, piece := range []string{"<think>a draft</th", "ink>one", " two"} {
			_, _ = fmt.Fprintf(w, `data: {"choices":[{"delta":{"content":%q}}]}`+"\n\n", piece)
			_ = http.NewResponseController(w).Flush()
			if i == 1 {
				if got := []string{<-heard, <-heard, <-heard}; !slices.Equal(got, []string{"half of the answer", "restart", "one"}) {
					t.Errorf("heard %q", got)
				}
			}
		}
		says("", "stop", "[DONE]")(w, r)
	})
	a, err := newClient(t, Config{BaseURL: m.URL}).Complete(t.Context(), req)
	if got := <-heard; err != nil || a.Text != "one two" || got != " two" {
		t.Errorf("%+v, %v, at last heard %q", a, err, got)
	}
}

func TestNoKeySendsNone(t *testing.T) {
	var auth []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		auth = r.Header.Values("Authorization")
		fine(w, r)
	}))
	defer srv.Close()
	c, err := New(Config{BaseURL: srv.URL, Model: "kimi-test"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Complete(t.Context(), ask); err != nil || len(auth) != 0 {
		t.Errorf("Authorization %q, %v", auth, err)
	}
}
