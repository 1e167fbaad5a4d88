package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// model answers at once: it has kimisim answer the first request, and gives the same answer to
// all others, because inventing one costs as much as making a page of it.
type model struct {
	kimisim string
	first   sync.Once
	err     error
	header  http.Header
	body    []byte

	// together is how many requests there are at a time before any is answered.
	together int
	mu       sync.Mutex
	waiting  int
	met      chan struct{}
}

// startModel starts a model until the lab ends. It answers the first requests once so many
// wait for it, and the others at once.
func startModel(ctx context.Context, l *lab, together int) (addr string, err error) {
	m := &model{together: together, met: make(chan struct{})}
	if m.kimisim, err = freeAddress(ctx); err != nil {
		return "", err
	}
	p, err := l.start(ctx, "kimisim", nil, []string{"KIMISIM_ADDR=" + m.kimisim, "KIMISIM_FIRST_TOKEN=0s", "KIMISIM_TOKENS_PER_SECOND=0"})
	if err != nil {
		return "", err
	}
	if err := p.await(ctx, listens(m.kimisim)); err != nil {
		return "", err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: m, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	l.onEnd(func() { _ = server.Close() })
	return listener.Addr().String(), nil
}

func (m *model) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.first.Do(func() { m.err = m.ask(r) })
	_, _ = io.Copy(io.Discard, r.Body)
	if !m.meet(r.Context()) {
		return
	}
	if m.err != nil {
		http.Error(w, m.err.Error(), http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", m.header.Get("Content-Type"))
	_, _ = w.Write(m.body)
}

// meet waits until as many as should have asked; false if who asks has gone before.
func (m *model) meet(ctx context.Context) bool {
	m.mu.Lock()
	if m.waiting++; m.waiting == m.together {
		close(m.met)
	}
	m.mu.Unlock()
	select {
	case <-m.met:
		return true
	case <-ctx.Done():
		return false
	}
}

// ask has kimisim answer.
func (m *model) ask(r *http.Request) error {
	req := r.Clone(r.Context())
	req.RequestURI, req.URL.Scheme, req.URL.Host = "", "http", m.kimisim
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	m.header = res.Header
	m.body, err = io.ReadAll(res.Body)
	return err
}
