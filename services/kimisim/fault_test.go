package kimisim

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/eventually"
)

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

// What gateways do to answers that are fine.
func TestFaultsOfTheGateway(t *testing.T) {
	s, url := serve(t, instant)
	s.slowStep = time.Millisecond
	const text = `{"a":"one two"}`
	s.SetAnswer(func(Request) string { return text })
	if h := listen(ask(t, url, helloStream, FaultHeader, NoEnd)); h.err != nil || h.done || h.finish != "" || h.text != text {
		t.Errorf("no end: %+v", h)
	}
	if h := listen(ask(t, url, helloStream, FaultHeader, RawBreaks)); h.text != "{\"a\":\"one \ntwo\"}" || !h.done {
		t.Errorf("raw breaks: %+v", h)
	}
	if h := listen(ask(t, url, helloStream, FaultHeader, Thoughts)); !strings.HasPrefix(h.text, "<think>A draft: {") || !strings.HasSuffix(h.text, "</think>\n\n"+text) {
		t.Errorf("thoughts: %+v", h)
	}
	res := ask(t, url, helloStream, FaultHeader, NoStream)
	var c completion
	if err := json.Unmarshal([]byte(body(t, res)), &c); err != nil || *c.Choices[0].Message.Content != text || res.Header.Get("Content-Type") != "application/json" {
		t.Errorf("no stream: %+v, %v", c, err)
	}
	if got := body(t, ask(t, url, helloStream, FaultHeader, StreamError)); !strings.Contains(got, `"code":502`) || strings.Contains(got, "[DONE]") {
		t.Errorf("stream error: %s", got)
	}
	res = ask(t, url, helloStream, FaultHeader, KeepAlive)
	alive := make([]byte, len(": processing\n\n: processing\n\n"))
	if _, err := io.ReadFull(res.Body, alive); err != nil || string(alive) != ": processing\n\n: processing\n\n" {
		t.Errorf("keep alive: %q, %v", alive, err)
	}
	_ = res.Body.Close()
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
