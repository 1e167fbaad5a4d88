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
}

// startModel starts a model until the lab ends.
func startModel(ctx context.Context, l *lab) (addr string, err error) {
	m := &model{}
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
	if m.err != nil {
		http.Error(w, m.err.Error(), http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", m.header.Get("Content-Type"))
	_, _ = w.Write(m.body)
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
