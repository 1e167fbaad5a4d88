package kimisim

import (
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

const (
	hello       = `{"model":"kimi-k2.6","messages":[{"role":"user","content":"hello"}]}`
	helloStream = `{"model":"kimi-k2.6","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hello"}]}`
)

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
