package kimi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"github.com/wandstore/wandstore/pkg/eventually"
)

// spans are those of all tests; each finds its own by its trace.
var spans = tracetest.NewSpanRecorder()

func TestMain(m *testing.M) {
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)))
	code := m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

const (
	key    = "sk-the-key"
	prompt = "the prompt"
	// patience bounds what a test waits for; nothing waits for it to pass.
	patience = 20 * time.Second
	// never is longer than any test.
	never = time.Hour
)

var ask = Request{System: "the system " + prompt, User: "the user " + prompt}

// model is a server whose nth request, from 1, is answered by its nth step; the
// last answers all further ones.
type model struct {
	*httptest.Server
	asked atomic.Int64
}

type step = http.HandlerFunc

func newModel(t *testing.T, steps ...step) *model {
	t.Helper()
	m := &model{}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := int(m.asked.Add(1))
		// net/http notices that a client has gone once the body is read.
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		steps[min(n, len(steps))-1](w, r)
	}))
	t.Cleanup(m.Close)
	return m
}

func newClient(t *testing.T, cfg Config, opts ...Option) *Client {
	t.Helper()
	if cfg.APIKey == "" {
		cfg.APIKey = key
	}
	if cfg.Model == "" {
		cfg.Model = "kimi-test"
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = patience
	}
	if cfg.Backoff == 0 {
		cfg.Backoff = time.Microsecond
	}
	c, err := New(cfg, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// says streams an answer, and what else is given as lines of data.
func says(text, finish string, more ...string) step {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		content, err := json.Marshal(text)
		if err != nil {
			panic(err)
		}
		_, _ = fmt.Fprintf(w, `data: {"model":"kimi-said","choices":[{"delta":{"role":"assistant","content":%s}}]}`+"\n\n", content)
		if finish != "" {
			_, _ = fmt.Fprintf(w, `data: {"choices":[{"delta":{},"finish_reason":%q}]}`+"\n\n", finish)
		}
		for _, line := range more {
			_, _ = fmt.Fprintf(w, "data: %s\n\n", line)
		}
	}
}

const counts = `{"choices":[],"usage":{"prompt_tokens":11,"completion_tokens":7}}`

var fine = says("a fine answer", "stop", counts, "[DONE]")

// answers gives a status and Moonshot's error shape.
func answers(status int, kind string, header ...string) step {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"error":{"type":%q,"message":"about %s by %s"}}`, kind, prompt, key)
	}
}

// resets breaks the connection after some of an answer.
func resets(w http.ResponseWriter, r *http.Request) {
	says("half of the answer", "")(w, r)
	rc := http.NewResponseController(w)
	if err := rc.Flush(); err != nil {
		panic(err)
	}
	conn, _, err := rc.Hijack()
	if err != nil {
		panic(err)
	}
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
}

// stalls says a little and then nothing, until the client goes.
func stalls(w http.ResponseWriter, r *http.Request) {
	says("a little", "")(w, r)
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

// hangs says nothing at all, until the client goes.
func hangs(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func TestAnswer(t *testing.T) {
	var got struct {
		payload
		Temperature *float64 `json:"temperature"`
	}
	var header http.Header
	var path string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header, path = r.Header.Clone(), r.URL.Path
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
		a.PromptTokens != 11 || a.CompletionTokens != 7 || a.FirstToken <= 0 || a.Total < a.FirstToken {
		t.Errorf("answer %+v", a)
	}
	if path != "/v1/chat/completions" || header.Get("Authorization") != "Bearer "+key || header.Get("Traceparent") != "" {
		t.Errorf("sent to %s with %v", path, header)
	}
	if !got.Stream || !got.StreamOptions.IncludeUsage || got.ResponseFormat.Type != "json_object" ||
		got.MaxCompletionTokens != 123 || got.Temperature != nil || got.Thinking != nil || got.Model != "kimi-test" {
		t.Errorf("sent %+v", got)
	}
	if len(got.Messages) != 2 || got.Messages[0] != (message{"system", ask.System}) || got.Messages[1] != (message{"user", ask.User}) {
		t.Errorf("messages %+v", got.Messages)
	}

	second := ask
	second.Turns = []Turn{{Answer: "no JSON", Reply: "that is no JSON"}}
	if _, err := c.Complete(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	if len(got.Messages) != 4 || got.Messages[2] != (message{"assistant", "no JSON"}) || got.Messages[3] != (message{"user", "that is no JSON"}) {
		t.Errorf("second turn %+v", got.Messages)
	}
}

func TestThinkingIsDisabledWhereItCanBe(t *testing.T) {
	for id, want := range map[string]bool{
		"kimi-k2.5": true, "kimi-k2.6": true, "kimi-k2.6-turbo": true, "kimi-k2.7": false, "kimi-k2-thinking": false, "kimi-k3": false,
	} {
		var body map[string]json.RawMessage
		m := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
				t.Error(err)
			}
			fine(w, r)
		}))
		if _, err := newClient(t, Config{BaseURL: m.URL, Model: id}).Complete(t.Context(), ask); err != nil {
			t.Fatal(err)
		}
		m.Close()
		if got := string(body["thinking"]); (got == `{"type":"disabled"}`) != want || !want && got != "" {
			t.Errorf("%s: thinking %s", id, got)
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
		"no DONE":         {says("half", ""), Config{}, ErrTruncated, 2},
		"DONE, no reason": {says("half", "", "[DONE]"), Config{}, ErrTruncated, 2},
		"reason, no DONE": {says("half", "stop"), Config{}, ErrTruncated, 2},
		"length":          {says("half", "length", "[DONE]"), Config{}, ErrTruncated, 2},
		"empty":           {says(" \n", "stop", "[DONE]"), Config{}, ErrEmpty, 2},
		"filtered":        {says("x", "content_filter", "[DONE]"), Config{}, ErrBadRequest, 1},
		"too large":       {says(strings.Repeat("x", 101), "stop", "[DONE]"), Config{AnswerLimit: 100}, ErrAnswerTooLarge, 1},
		"a huge event":    {says(strings.Repeat("x", maxEvent), "stop", "[DONE]"), Config{}, ErrAnswerTooLarge, 1},
		"endless noise":   {noise, Config{AnswerLimit: 1000}, ErrAnswerTooLarge, 1},
		"not a stream":    {answers(200, ""), Config{}, ErrUnavailable, 3},
		"not chunks":      {says("x", "", "<html>"), Config{}, ErrUnavailable, 3},
		"error in stream": {says("x", "", `{"error":{"type":"engine_overloaded_error"}}`), Config{}, ErrUnavailable, 3},
	} {
		t.Run(name, func(t *testing.T) {
			m := newModel(t, c.step)
			c.cfg.BaseURL = m.URL
			_, err := newClient(t, c.cfg).Complete(t.Context(), ask)
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if got := int(m.asked.Load()); got != c.tries {
				t.Errorf("asked %d times, want %d", got, c.tries)
			}
			one := 0
			for _, decision := range []error{ErrRateLimited, ErrUnavailable, ErrRefused, ErrBadRequest, ErrTruncated, ErrAnswerTooLarge, ErrEmpty} {
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
		})
	}
}

// noise is a stream of comments without end.
func noise(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	for r.Context().Err() == nil {
		if _, err := io.WriteString(w, ": keep-alive\n\n"); err != nil {
			return
		}
	}
}

func TestWhatIsMendedByATryAgain(t *testing.T) {
	for name, c := range map[string]struct {
		steps []step
		tries int
	}{
		"rate limit, failure": {[]step{answers(429, ""), answers(502, ""), fine}, 3},
		"reset":               {[]step{resets, fine}, 2},
		"stall":               {[]step{stalls, fine}, 2},
		"truncated":           {[]step{says("half", ""), fine}, 2},
		"failure, empty":      {[]step{answers(500, ""), says("", "stop", "[DONE]"), fine}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			m := newModel(t, c.steps...)
			a, err := newClient(t, Config{BaseURL: m.URL, StallTimeout: 200 * time.Millisecond}).Complete(t.Context(), ask)
			if err != nil || a.Text != "a fine answer" || a.Tries != c.tries {
				t.Errorf("%+v, %v", a, err)
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = newClient(t, Config{BaseURL: "http://" + addr}).Complete(t.Context(), ask)
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

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

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

func TestRetryAfterForms(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"":                              0,
		"7":                             7 * time.Second,
		"-7":                            0,
		"soon":                          0,
		"99999999999":                   longestRetryAfter,
		"Fri, 02 Jan 2026 03:04:35 GMT": 30 * time.Second,
		"Fri, 02 Jan 2026 03:04:00 GMT": 0,
	} {
		if got := retryAfter(value, now); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
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

func TestTimeoutBoundsTheWholeCall(t *testing.T) {
	m := newModel(t, answers(500, ""), hangs)
	began := time.Now()
	_, err := newClient(t, Config{BaseURL: m.URL, Timeout: 100 * time.Millisecond, StallTimeout: never}).Complete(t.Context(), ask)
	if !errors.Is(err, ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrStalled) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(began); took > patience/2 || m.asked.Load() != 2 {
		t.Errorf("%d tries in %v", m.asked.Load(), took)
	}
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
		eventually.True(t, "the model is asked", func() bool { return m.asked.Load() > before })
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
	m := newModel(t, answers(500, ""))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	failed := make(chan error, 1)
	go func() {
		_, err := newClient(t, Config{BaseURL: m.URL, Timeout: never, Backoff: 10 * time.Second}).Complete(ctx, ask)
		failed <- err
	}()
	eventually.True(t, "the model is asked", func() bool { return m.asked.Load() > 0 })
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

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
	// A minute: nothing here may be decided by the cooldown's end.
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
	eventually.True(t, "the model is asked again", func() bool { _, err := c.Complete(t.Context(), ask); return err == nil })
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
	eventually.True(t, "the model is asked again", func() bool { _, err := c.Complete(t.Context(), ask); return err == nil })
	// One ordinary failure is retried: it does not open the breaker.
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

func TestASlowStreamIsNoStall(t *testing.T) {
	m := newModel(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for range 20 {
			<-tick.C
			_, _ = io.WriteString(w, `data: {"choices":[{"delta":{"content":"x"}}]}`+"\n\n")
			_ = http.NewResponseController(w).Flush()
		}
		says("", "stop", "[DONE]")(w, r)
	})
	a, err := newClient(t, Config{BaseURL: m.URL, StallTimeout: 300 * time.Millisecond}).Complete(t.Context(), ask)
	if err != nil || a.Text != strings.Repeat("x", 20) {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestReasoningIsNotTheAnswer(t *testing.T) {
	m := newModel(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, `data: {"choices":[{"delta":{"reasoning_content":"hm"}}]}`+"\n\n")
		says("an answer", "", `{"choices":[{"delta":{},"finish_reason":"stop","usage":{"prompt_tokens":3,"completion_tokens":2}}]}`, "[DONE]")(w, r)
	})
	a, err := newClient(t, Config{BaseURL: m.URL}).Complete(t.Context(), ask)
	if err != nil || a.Text != "an answer" || a.PromptTokens != 3 || a.CompletionTokens != 2 || a.FirstToken == 0 {
		t.Errorf("%+v, %v", a, err)
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

func TestConfig(t *testing.T) {
	good := Config{BaseURL: "https://api.moonshot.ai/v1", APIKey: key, Model: "moonshotai/kimi-k2.6"}
	if _, err := New(good); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*Config){
		"no URL":         func(c *Config) { c.BaseURL = "" },
		"other scheme":   func(c *Config) { c.BaseURL = "ftp://host" },
		"user in URL":    func(c *Config) { c.BaseURL = "https://me:hidden@host/v1" },
		"key in URL":     func(c *Config) { c.BaseURL = "https://host/v1?key=hidden" },
		"line in key":    func(c *Config) { c.APIKey = "hidden\n" },
		"no model":       func(c *Config) { c.Model = "" },
		"odd model":      func(c *Config) { c.Model = "kimi\r\nX: y" },
		"negative limit": func(c *Config) { c.AnswerLimit = -1 },
	} {
		c := good
		spoil(&c)
		if _, err := New(c); err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSpans(t *testing.T) {
	const id = "kimi-spans"
	m := newModel(t, answers(429, "rate_limit_reached_error"), fine)
	ctx, parent := otel.Tracer("test").Start(t.Context(), "job")
	if _, err := newClient(t, Config{BaseURL: m.URL, Model: id}).Complete(ctx, ask); err != nil {
		t.Fatal(err)
	}
	parent.End()
	var mine []sdktrace.ReadOnlySpan
	for _, s := range spans.Ended() {
		if s.Name() == "chat "+id && s.SpanContext().TraceID() == parent.SpanContext().TraceID() {
			mine = append(mine, s)
		}
	}
	if len(mine) != 2 {
		t.Fatalf("%d spans for two tries", len(mine))
	}
	for _, s := range mine {
		if s.SpanKind() != trace.SpanKindClient || s.Parent().SpanID() != parent.SpanContext().SpanID() {
			t.Errorf("kind %v below %v", s.SpanKind(), s.Parent().SpanID())
		}
		has(t, s, "gen_ai.operation.name", "chat")
		has(t, s, "gen_ai.provider.name", "moonshot_ai")
		has(t, s, "gen_ai.request.model", id)
		has(t, s, "server.address", "127.0.0.1")
		for _, a := range s.Attributes() {
			for _, secret := range []string{key, prompt, "a fine answer"} {
				if strings.Contains(a.Value.String(), secret) {
					t.Errorf("%s tells %q", a.Key, secret)
				}
			}
		}
	}
	has(t, mine[0], "error.type", "429")
	if mine[0].Status().Code != codes.Error {
		t.Errorf("status %+v", mine[0].Status())
	}
	has(t, mine[1], "gen_ai.response.model", "kimi-said")
	has(t, mine[1], "gen_ai.usage.input_tokens", "11")
	has(t, mine[1], "gen_ai.usage.output_tokens", "7")
	has(t, mine[1], "gen_ai.response.finish_reasons", `["stop"]`)
	has(t, mine[1], "http.request.resend_count", "1")
	if events := mine[1].Events(); len(events) != 1 || events[0].Name != "gen_ai.first_token" || mine[1].Status().Code == codes.Error {
		t.Errorf("events %+v, status %+v", events, mine[1].Status())
	}
}

func has(t *testing.T, s sdktrace.ReadOnlySpan, key attribute.Key, want string) {
	t.Helper()
	for _, a := range s.Attributes() {
		if a.Key == key {
			if got := a.Value.String(); got != want {
				t.Errorf("%s is %s, want %s", key, got, want)
			}
			return
		}
	}
	t.Errorf("no %s", key)
}
