package kimi

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/leaktest"
	"github.com/wandstore/wandstore/services/generator/internal/kimi/streamtest"
)

// spans records the spans of all tests. A test finds its own by its trace.
var spans = tracetest.NewSpanRecorder()

func TestMain(m *testing.M) {
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)))
	leaktest.Main(m)
}

const (
	key    = "sk-the-key"
	prompt = "the prompt"
	// patience bounds every wait of a test.
	patience = eventually.Patience
	// never is longer than any test.
	never = time.Hour
)

var ask = Request{System: "the system " + prompt, User: "the user " + prompt}

// model is a server that answers its nth request, from 1, by its nth step. The last step
// answers all further requests.
type model struct {
	*httptest.Server
	asked atomic.Int64
}

type step = http.HandlerFunc

func newModel(t *testing.T, steps ...step) *model {
	t.Helper()
	m := unstarted(steps)
	m.Start()
	t.Cleanup(m.Close)
	return m
}

// inBubble runs a test of timeouts, with a model that is reached by the network that it is
// given: they lapse at their time, however busy the machine is.
func inBubble(t *testing.T, steps []step, test func(t *testing.T, m *model, network ...Option)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		network, transport := streamtest.NewNetwork(), newTransport(1)
		transport.DialContext = network.Dial
		m := unstarted(steps)
		_ = m.Listener.Close()
		m.Listener = network
		m.Start()
		t.Cleanup(m.Close)
		t.Cleanup(transport.CloseIdleConnections)
		test(t, m, WithTransport(transport))
	})
}

func unstarted(steps []step) *model {
	m := &model{}
	m.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := int(m.asked.Add(1))
		// net/http notices that a client has left only after the body was read.
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		steps[min(n, len(steps))-1](w, r)
	}))
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

// says streams an answer, followed by the given lines of data.
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

const counts = `{"choices":[],"usage":{"prompt_tokens":11,"cached_tokens":4,"completion_tokens":7}}`

var fine = says("a fine answer", "stop", counts, "[DONE]")

// answers gives a status and an error of Moonshot's form.
func answers(status int, kind string, header ...string) step {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"error":{"type":%q,"message":"about %s by %s"}}`, kind, prompt, key)
	}
}

// page is no answer of a model.
func page(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	_, _ = io.WriteString(w, "<!DOCTYPE html>\n<html><body>Sign in</body></html>\n")
}

// resets breaks the connection after a part of an answer.
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

// stalls sends a part of an answer and then nothing until the client leaves.
func stalls(w http.ResponseWriter, r *http.Request) {
	says("a little", "")(w, r)
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

// hangs sends nothing until the client leaves.
func hangs(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// noise streams comments without end.
func noise(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	for r.Context().Err() == nil {
		if _, err := io.WriteString(w, ": keep-alive\n\n"); err != nil {
			return
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
