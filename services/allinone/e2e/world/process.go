package world

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/services/generator"
)

// Process is a running service.
type Process struct {
	// Base is its address, http://host:port.
	Base string
	// Stop stops it and waits for its end. Stopping twice does nothing. It is nil if
	// the service runs in a process of its own.
	Stop func()
	// Log is what it logged so far, as lines of JSON.
	Log *Log
}

// start runs a service in this process and waits until it answers.
func start(t testing.TB, name, addr string, run func(context.Context, *slog.Logger) error) *Process {
	t.Helper()
	p := &Process{Base: "http://" + addr, Log: &Log{}}
	p.Stop = Background(t, name, func(ctx context.Context) error {
		return run(ctx, slog.New(slog.NewJSONHandler(p.Log, nil)))
	})
	p.Answers(t)
	return p
}

// Background runs f until the test ends or stop is called, which waits for its end. An
// error fails the test.
func Background(t testing.TB, name string, f func(ctx context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		late := time.NewTimer(eventually.Patience)
		defer late.Stop()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		case <-late.C:
			t.Errorf("%s: does not stop", name)
		}
	})
	t.Cleanup(stop)
	return stop
}

// Every calls f after each pause until the test ends or stop is called, which waits for the
// call under way.
func Every(t testing.TB, pause time.Duration, f func()) (stop func()) {
	t.Helper()
	return Background(t, "what is done every "+pause.String(), func(ctx context.Context) error {
		tick := time.NewTicker(pause)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
				f()
			}
		}
	})
}

// Answers waits until the service answers, whatever its state.
func (p *Process) Answers(t testing.TB) {
	t.Helper()
	eventually.True(t, p.Base+" answers", func() bool { return status(p.Base+"/health") != 0 })
}

// Healthy waits until GET /health is answered with 200.
func (p *Process) Healthy(t testing.TB) {
	t.Helper()
	eventually.True(t, p.Base+" is healthy", func() bool { return status(p.Base+"/health") == http.StatusOK })
}

// Ready waits until GET /ready is answered with 200.
func (p *Process) Ready(t testing.TB) {
	t.Helper()
	eventually.True(t, p.Base+" is ready", func() bool { return status(p.Base+"/ready") == http.StatusOK })
}

// Log is text that can be read while it is written.
type Log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// OpenConsole serves the operators' console of a generator with that configuration, as its
// private port does, and returns the address of the port.
func OpenConsole(t testing.TB, cfg generator.Config) string {
	t.Helper()
	private := http.NewServeMux()
	if err := generator.Console(t.Context(), cfg, private, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(private)
	t.Cleanup(server.Close)
	return server.URL
}
