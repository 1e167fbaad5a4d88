package kimisim

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/eventually"
)

var instant = Config{Addr: "127.0.0.1:0", Seed: 1}

// serve starts a server on a real listener.
func serve(t *testing.T, cfg Config) (*Server, string) {
	t.Helper()
	s, err := New(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(srv.Close)
	t.Cleanup(s.Close)
	return s, srv.URL
}

func do(t *testing.T, method, url, body string, headers ...string) *http.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer any")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

func ask(t *testing.T, url, body string, headers ...string) *http.Response {
	t.Helper()
	return do(t, http.MethodPost, url+"/v1/chat/completions", body, headers...)
}

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// heard is a stream as a client puts it together.
type heard struct {
	text, finish, model string
	chunks              int
	usage               *usage
	done                bool
	err                 error
}

func listen(res *http.Response) heard {
	var h heard
	var text strings.Builder
	in := bufio.NewScanner(res.Body)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		data, ok := strings.CutPrefix(in.Text(), "data: ")
		if !ok {
			continue
		}
		if data == "[DONE]" {
			h.done = true
			continue
		}
		var c completion
		if h.err = json.Unmarshal([]byte(data), &c); h.err != nil {
			return h
		}
		h.model = c.Model
		if c.Usage != nil {
			h.usage = c.Usage
		}
		for _, ch := range c.Choices {
			if ch.Delta.Content != nil && *ch.Delta.Content != "" {
				text.WriteString(*ch.Delta.Content)
				h.chunks++
			}
			if ch.FinishReason != nil {
				h.finish = *ch.FinishReason
			}
		}
	}
	h.text, h.err = text.String(), in.Err()
	return h
}

const (
	hello       = `{"model":"kimi-k2.6","messages":[{"role":"user","content":"hello"}]}`
	helloStream = `{"model":"kimi-k2.6","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hello"}]}`
)

func TestWholeAnswer(t *testing.T) {
	_, url := serve(t, instant)
	res := ask(t, url, hello)
	var c completion
	if err := json.Unmarshal([]byte(body(t, res)), &c); err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK || c.Model != Model || c.Object != "chat.completion" || len(c.Choices) != 1 {
		t.Fatalf("status %d, answer %+v", res.StatusCode, c)
	}
	if got := *c.Choices[0].Message.Content; !strings.Contains(got, Model) {
		t.Errorf("it does not say what it is: %q", got)
	}
	if *c.Choices[0].FinishReason != "stop" || c.Usage.Completion == 0 || c.Usage.Total != c.Usage.Prompt+c.Usage.Completion {
		t.Errorf("finish %q, usage %+v", *c.Choices[0].FinishReason, c.Usage)
	}
}

func TestStreamedAnswerIsTheWholeOne(t *testing.T) {
	_, url := serve(t, Config{Addr: "127.0.0.1:0", FirstToken: time.Millisecond, TokensPerSecond: 100_000, Seed: 1})
	var c completion
	if err := json.Unmarshal([]byte(body(t, ask(t, url, hello))), &c); err != nil {
		t.Fatal(err)
	}
	res := ask(t, url, helloStream)
	if ct := res.Header.Get("Content-Type"); ct != "text/event-stream" {
		t.Errorf("content type %q", ct)
	}
	h := listen(res)
	if h.err != nil || !h.done || h.finish != "stop" || h.model != Model {
		t.Errorf("heard %+v", h)
	}
	if want := *c.Choices[0].Message.Content; h.text != want {
		t.Errorf("streamed %q, whole %q", h.text, want)
	}
	if h.chunks < 2 || h.usage == nil || *h.usage != *c.Usage {
		t.Errorf("%d chunks, usage %+v, want %+v", h.chunks, h.usage, c.Usage)
	}
}

func TestStreamWithoutUsageHasNone(t *testing.T) {
	_, url := serve(t, instant)
	h := listen(ask(t, url, `{"model":"m","stream":true,"messages":[{"role":"user","content":"hello"}]}`))
	if !h.done || h.usage != nil {
		t.Errorf("heard %+v", h)
	}
}

func TestPace(t *testing.T) {
	const first, rate = 30 * time.Millisecond, 400
	s, url := serve(t, Config{Addr: "127.0.0.1:0", FirstToken: first, TokensPerSecond: rate, Seed: 1})
	s.SetAnswer(func(Request) string { return strings.Repeat("word", 20) })
	began := time.Now()
	h := listen(ask(t, url, helloStream))
	if want := first + 20*time.Second/rate; time.Since(began) < want {
		t.Errorf("20 tokens in %v, which takes %v", time.Since(began), want)
	}
	if h.chunks != 5 || h.usage.Completion != 20 {
		t.Errorf("%d chunks, usage %+v", h.chunks, h.usage)
	}
}

func TestTokenLimit(t *testing.T) {
	s, url := serve(t, instant)
	s.SetAnswer(func(Request) string { return strings.Repeat("wörd", 20) })
	for _, limit := range []string{"max_completion_tokens", "max_tokens"} {
		h := listen(ask(t, url, `{"model":"m","stream":true,"`+limit+`":5,"messages":[{"role":"user","content":"hi"}]}`))
		if h.text != strings.Repeat("wörd", 5) || h.finish != "length" || !h.done {
			t.Errorf("%s: heard %+v", limit, h)
		}
	}
}

func TestKeyIsRequired(t *testing.T) {
	_, url := serve(t, instant)
	for _, auth := range []string{"", "Bearer", "Bearer ", "Basic YTpi"} {
		res := ask(t, url, hello, "Authorization", auth)
		var e struct {
			Error struct{ Message, Type string } `json:"error"`
		}
		if err := json.Unmarshal([]byte(body(t, res)), &e); err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != http.StatusUnauthorized || e.Error.Message == "" || e.Error.Type != "invalid_authentication_error" {
			t.Errorf("%q: status %d, %+v", auth, res.StatusCode, e)
		}
	}
}

func TestOtherEndpoints(t *testing.T) {
	s, url := serve(t, instant)
	if got := body(t, do(t, "GET", url+"/v1/models", "")); !strings.Contains(got, `"id":"kimisim-1"`) {
		t.Errorf("models: %s", got)
	}
	balance := func() float64 {
		var b struct {
			Status bool `json:"status"`
			Data   struct {
				Available float64 `json:"available_balance"`
			} `json:"data"`
		}
		if err := json.Unmarshal([]byte(body(t, do(t, "GET", url+"/v1/users/me/balance", ""))), &b); err != nil || !b.Status {
			t.Fatalf("%+v, %v", b, err)
		}
		return b.Data.Available
	}
	if balance() <= 0 {
		t.Error("no balance")
	}
	if err := s.SetFault(Fault{Name: InsufficientBalance}); err != nil {
		t.Fatal(err)
	}
	if balance() != 0 {
		t.Error("a balance, though it is said to be insufficient")
	}
	if res := do(t, "GET", url+"/v1/engines", ""); res.StatusCode != http.StatusNotFound {
		t.Errorf("unknown path: %d", res.StatusCode)
	}
}

func TestBadRequests(t *testing.T) {
	_, url := serve(t, instant)
	for name, c := range map[string]struct {
		body   string
		status int
	}{
		"not JSON":      {`{`, 400},
		"no model":      {`{"messages":[{"role":"user","content":"x"}]}`, 400},
		"no messages":   {`{"model":"m"}`, 400},
		"odd content":   {`{"model":"m","messages":[{"role":"user","content":7}]}`, 400},
		"bad schema":    {`{"model":"m","messages":[{"role":"user","content":"x"}],"response_format":{"json_schema":{"schema":{"type":"thing"}}}}`, 400},
		"negative":      {`{"model":"m","max_tokens":-1,"messages":[{"role":"user","content":"x"}]}`, 400},
		"too large":     {`{"model":"` + strings.Repeat("x", maxBody) + `"}`, 413},
		"content parts": {`{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"x"}]}]}`, 200},
	} {
		res := ask(t, url, c.body)
		if got := body(t, res); res.StatusCode != c.status || c.status != 200 && !strings.Contains(got, "invalid_request_error") {
			t.Errorf("%s: %d %s", name, res.StatusCode, got)
		}
	}
	if res := ask(t, url, hello, FaultHeader, "sneeze"); res.StatusCode != 400 {
		t.Errorf("unknown fault: %d", res.StatusCode)
	}
}

func TestRun(t *testing.T) {
	s, err := New(instant, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	<-s.Started()

	// A second server on the same address says which setting to change.
	other, err := New(Config{Addr: s.Addr()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = other.Run(t.Context())
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "KIMISIM_ADDR") {
		t.Errorf("taken port: %v", err)
	}

	// A hanging request does not hold up the end.
	hung := make(chan error, 1)
	go func() {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.Addr()+"/v1/chat/completions", strings.NewReader(hello))
		if err != nil {
			hung <- err
			return
		}
		req.Header.Set("Authorization", "Bearer any")
		req.Header.Set(FaultHeader, Hang)
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			_ = res.Body.Close()
		}
		hung <- err
	}()
	eventually.True(t, "a request is in flight", func() bool { return s.Stats().InFlight == 1 })
	stop()
	if err := eventually.Receive(t, ran, "end of Run"); err != nil {
		t.Error(err)
	}
	if err := <-hung; err == nil {
		t.Error("the hanging request was answered")
	}
}

func TestConfig(t *testing.T) {
	err := Config{Addr: "nowhere", FirstToken: -1, TokensPerSecond: -1}.Validate()
	for _, name := range []string{"KIMISIM_ADDR", "KIMISIM_FIRST_TOKEN", "KIMISIM_TOKENS_PER_SECOND"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named: %v", name, err)
		}
	}
	for _, addr := range []string{"", ":x", "127.0.0.1:70000", "127.0.0.1:-1"} {
		if _, err := New(Config{Addr: addr}, nil); err == nil {
			t.Errorf("%q passes", addr)
		}
	}
	if err := (Config{Addr: "127.0.0.1:8090", FirstToken: time.Second, TokensPerSecond: 200, Seed: 1}).Validate(); err != nil {
		t.Error(err)
	}
}

func TestFaultsInsteadOfAnAnswer(t *testing.T) {
	s, url := serve(t, instant)
	res := ask(t, url, hello, FaultHeader, RateLimit)
	if res.StatusCode != 429 || res.Header.Get("Retry-After") != "1" {
		t.Errorf("rate limit: %d, Retry-After %q", res.StatusCode, res.Header.Get("Retry-After"))
	}
	if err := s.SetFault(Fault{Name: RateLimit, RetryAfterSeconds: 7, Count: 1}); err != nil {
		t.Fatal(err)
	}
	if res := ask(t, url, hello); res.Header.Get("Retry-After") != "7" {
		t.Errorf("Retry-After %q, want 7", res.Header.Get("Retry-After"))
	}
	if res := ask(t, url, hello, FaultHeader, ServerError); res.StatusCode != 500 {
		t.Errorf("server error: %d", res.StatusCode)
	}
	res = ask(t, url, hello, FaultHeader, InsufficientBalance)
	if got := body(t, res); res.StatusCode != 403 || !strings.Contains(got, "exceeded_current_quota_error") {
		t.Errorf("balance: %d %s", res.StatusCode, got)
	}
}

func TestFaultsOfTheStream(t *testing.T) {
	s, url := serve(t, instant)
	s.SetAnswer(func(Request) string { return `{"a":"` + strings.Repeat("word", 100) + `"}` })

	h := listen(ask(t, url, helloStream, FaultHeader, Reset))
	if !errors.Is(h.err, syscall.ECONNRESET) || h.done {
		t.Errorf("reset: %v, done %v", h.err, h.done)
	}
	h = listen(ask(t, url, helloStream, FaultHeader, Truncated))
	if h.err != nil || h.done || h.finish != "" || h.text == "" || json.Valid([]byte(h.text)) {
		t.Errorf("truncated: %+v", h)
	}
	for fault, want := range map[string]string{Malformed: "Let me know", HTML: "onerror=", Empty: ""} {
		h = listen(ask(t, url, helloStream, FaultHeader, fault))
		if h.err != nil || !h.done || h.finish != "stop" || !strings.Contains(h.text, want) || json.Valid([]byte(h.text)) {
			t.Errorf("%s: %+v", fault, h)
		}
	}
	if got := listen(ask(t, url, helloStream, FaultHeader, Empty)).text; got != "" {
		t.Errorf("empty: %q", got)
	}
}

func TestFaultsOfTheWhole(t *testing.T) {
	s, url := serve(t, instant)
	s.SetAnswer(func(Request) string { return `{"a":"` + strings.Repeat("word", 100) + `"}` })
	if _, err := io.ReadAll(ask(t, url, hello, FaultHeader, Reset).Body); err == nil {
		t.Error("reset: a whole answer")
	}
	var c completion
	if err := json.Unmarshal([]byte(body(t, ask(t, url, hello, FaultHeader, Truncated))), &c); err != nil {
		t.Fatal(err)
	}
	if *c.Choices[0].FinishReason != "length" || json.Valid([]byte(*c.Choices[0].Message.Content)) {
		t.Errorf("truncated: %+v", c)
	}
}

func TestHugeIs50MB(t *testing.T) {
	_, url := serve(t, instant)
	for name, request := range map[string]string{"streamed": helloStream, "whole": hello} {
		n, err := io.Copy(io.Discard, ask(t, url, request, FaultHeader, Huge).Body)
		if err != nil || n < 50<<20 {
			t.Errorf("%s: %d bytes, %v", name, n, err)
		}
	}
}

func TestHugeIsWellFormed(t *testing.T) {
	s, url := serve(t, instant)
	s.hugeSize = 1 << 20
	h := listen(ask(t, url, helloStream, FaultHeader, Huge))
	if h.err != nil || len(h.text) < s.hugeSize || !h.done || !json.Valid([]byte(h.text)) {
		t.Errorf("streamed %d bytes, done %v, %v", len(h.text), h.done, h.err)
	}
	var c completion
	if err := json.NewDecoder(ask(t, url, hello, FaultHeader, Huge).Body).Decode(&c); err != nil {
		t.Fatal(err)
	}
	if got := *c.Choices[0].Message.Content; len(got) < s.hugeSize || !json.Valid([]byte(got)) {
		t.Errorf("whole: %d bytes", len(got))
	}
}

func TestSlowIsAByteAStep(t *testing.T) {
	s, url := serve(t, instant)
	if s.slowStep != time.Second {
		t.Errorf("a step is %v", s.slowStep)
	}
	s.slowStep = time.Millisecond
	s.SetAnswer(func(Request) string { return "hi" })
	began := time.Now()
	res := ask(t, url, hello, FaultHeader, Slow)
	got := body(t, res)
	if took := time.Since(began); took < time.Duration(len(got))*time.Millisecond {
		t.Errorf("%d bytes in %v", len(got), took)
	}
	if !json.Valid([]byte(got)) {
		t.Errorf("got %q", got)
	}
}

func TestHangEndsWithTheClient(t *testing.T) {
	s, url := serve(t, instant)
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/chat/completions", strings.NewReader(hello))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer any")
	req.Header.Set(FaultHeader, Hang)
	ended := make(chan error, 1)
	go func() {
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			_ = res.Body.Close()
		}
		ended <- err
	}()
	eventually.True(t, "a request is in flight", func() bool { return s.Stats().InFlight == 1 })
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	eventually.True(t, "no request is in flight", func() bool { return s.Stats().InFlight == 0 })
}

func TestControl(t *testing.T) {
	s, url := serve(t, instant)
	control := url + "/control/faults"
	if res := do(t, "PUT", control, `{"fault":"server-error","count":2}`, "Authorization", ""); res.StatusCode != 200 {
		t.Fatalf("put: %d", res.StatusCode)
	}
	var got []int
	for range 3 {
		got = append(got, ask(t, url, hello).StatusCode)
	}
	if got[0] != 500 || got[1] != 500 || got[2] != 200 {
		t.Errorf("statuses %v, want two faults and an answer", got)
	}
	for _, bad := range []string{`{"fault":"sneeze"}`, `{"fault":"hang","cuont":1}`, `{"fault":"hang","count":-1}`, `{"fault":"hang","probability":2}`, `x`} {
		if res := do(t, "PUT", control, bad); res.StatusCode != 400 {
			t.Errorf("%s: %d", bad, res.StatusCode)
		}
	}
	if res := do(t, "PUT", control, `"`+strings.Repeat("x", maxControlBody)+`"`); res.StatusCode != 413 {
		t.Errorf("large body: %d", res.StatusCode)
	}

	if err := s.SetFault(Fault{Name: ServerError, Probability: 0.5}); err != nil {
		t.Fatal(err)
	}
	failed := 0
	for range 40 {
		if ask(t, url, hello).StatusCode == 500 {
			failed++
		}
	}
	if failed < 5 || failed > 35 {
		t.Errorf("%d of 40 failed at a probability of one half", failed)
	}
	var f Fault
	if err := json.Unmarshal([]byte(body(t, do(t, "GET", control, ""))), &f); err != nil || f.Name != ServerError {
		t.Errorf("in force: %+v, %v", f, err)
	}
	if res := do(t, "DELETE", control, ""); res.StatusCode != http.StatusNoContent {
		t.Errorf("delete: %d", res.StatusCode)
	}
	if got := ask(t, url, hello).StatusCode; got != 200 {
		t.Errorf("after clearing: %d", got)
	}
	var stats Stats
	if err := json.Unmarshal([]byte(body(t, do(t, "GET", url+"/control/stats", ""))), &stats); err != nil {
		t.Fatal(err)
	}
	if stats.Requests != 44 || stats.Faults[ServerError] != 2+failed {
		t.Errorf("stats %+v", stats)
	}
	if err := s.SetFault(Fault{Name: "sneeze"}); !errors.Is(err, ErrUnknownFault) {
		t.Errorf("unknown fault: %v", err)
	}
}

func TestGate(t *testing.T) {
	s, url := serve(t, instant)
	gate := s.Gate()
	answers := make(chan int, 3)
	for range 3 {
		go func() {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v1/chat/completions", strings.NewReader(hello))
			if err != nil {
				answers <- 0
				return
			}
			req.Header.Set("Authorization", "Bearer any")
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				answers <- 0
				return
			}
			_ = res.Body.Close()
			answers <- res.StatusCode
		}()
	}
	for range 3 {
		<-gate.Arrived()
	}
	if got := s.Stats(); got.InFlight != 3 || got.PeakInFlight != 3 {
		t.Errorf("stats %+v", got)
	}
	select {
	case got := <-answers:
		t.Fatalf("answered %d through a closed gate", got)
	default:
	}
	gate.Open()
	gate.Open()
	for range 3 {
		if got := <-answers; got != 200 {
			t.Errorf("status %d", got)
		}
	}
}

func TestRequestsAreRememberedWithinBounds(t *testing.T) {
	s, url := serve(t, instant)
	s.SetAnswer(func(r Request) string { return "to " + string(r.Messages[0].Content) })
	if got := listen(ask(t, url, helloStream)).text; got != "to hello" {
		t.Errorf("answer %q", got)
	}
	s.SetAnswer(nil)
	if got := listen(ask(t, url, helloStream)).text; got == "to hello" {
		t.Error("the explicit answer stayed")
	}
	for range keptRequests {
		_ = body(t, ask(t, url, hello))
	}
	kept := s.Requests()
	if len(kept) != keptRequests || !bytes.Equal(kept[0].Body, []byte(hello)) || kept[0].Model != "kimi-k2.6" {
		t.Errorf("%d kept, the oldest %s", len(kept), kept[0].Body)
	}
}

func TestAddrIsWhereItListens(t *testing.T) {
	s, err := New(instant, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	<-s.Started()
	if host, port, err := net.SplitHostPort(s.Addr()); err != nil || host != "127.0.0.1" || port == "0" {
		t.Errorf("addr %q", s.Addr())
	}
	if res := do(t, "GET", "http://"+s.Addr()+"/v1/models", ""); res.StatusCode != 200 {
		t.Errorf("status %d", res.StatusCode)
	}
	stop()
	if err := <-ran; err != nil {
		t.Error(err)
	}
}
