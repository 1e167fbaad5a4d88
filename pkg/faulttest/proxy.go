// Package faulttest puts network faults between a service and what it depends
// on.
//
// A Proxy forwards TCP, byte for byte, until it is told to fail: Cut is a
// process that is gone, Hang one that is stuck or a network that drops packets,
// Latency one that is far. Restore ends all of them. Connections that were made
// before feel a fault too, except that Restore does not bring back those that
// Cut closed. It is safe for concurrent use; it and its goroutines are gone when
// the test ends.
package faulttest

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy stands between a client and a target.
type Proxy struct {
	t      testing.TB
	target string
	addr   string
	conns  sync.WaitGroup

	mu       sync.Mutex
	listener net.Listener
	live     map[net.Conn]struct{}
	latency  time.Duration
	hung     chan struct{} // not nil while hanging; closed to go on
	accepted int
	closed   bool
}

// NewProxy starts a proxy to target (host:port) on a free port of 127.0.0.1.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	p := &Proxy{t: t, target: target, live: make(map[net.Conn]struct{})}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("faulttest: %v", err)
	}
	p.addr = listener.Addr().String()
	p.serve(listener)
	t.Cleanup(p.close)
	return p
}

// Addr is where clients connect, host:port. It stays the same.
func (p *Proxy) Addr() string { return p.addr }

// Accepted is how many connections were accepted so far.
func (p *Proxy) Accepted() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.accepted
}

// Cut closes all connections and refuses new ones.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut()
}

// Hang accepts connections and forwards nothing, in either direction.
func (p *Proxy) Hang() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hung == nil {
		p.hung = make(chan struct{})
	}
}

// Latency holds every piece of data back for d, in each direction; 0 ends it.
func (p *Proxy) Latency(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.latency = d
}

// Restore ends all faults. What hung goes on.
func (p *Proxy) Restore() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.latency = 0
	p.resume()
	if p.listener != nil || p.closed {
		return
	}
	listener, err := net.Listen("tcp", p.addr)
	if err != nil {
		p.t.Errorf("faulttest: restore: %v", err)
		return
	}
	p.serve(listener)
}

func (p *Proxy) close() {
	p.mu.Lock()
	p.closed = true
	p.cut()
	p.mu.Unlock()
	p.conns.Wait()
}

func (p *Proxy) cut() {
	if p.listener != nil {
		_ = p.listener.Close()
		p.listener = nil
	}
	for conn := range p.live {
		_ = conn.Close()
	}
	clear(p.live)
	// Those that hang find their connections closed.
	p.resume()
}

func (p *Proxy) resume() {
	if p.hung != nil {
		close(p.hung)
		p.hung = nil
	}
}

func (p *Proxy) serve(listener net.Listener) {
	p.listener = listener
	p.conns.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			if p.keep(listener, client) {
				p.conns.Go(func() { p.forward(listener, client) })
			}
		}
	})
}

// keep notes a connection, unless the listener it came by was cut meanwhile.
func (p *Proxy) keep(by net.Listener, conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != by {
		_ = conn.Close()
		return false
	}
	p.live[conn] = struct{}{}
	return true
}

func (p *Proxy) forward(by net.Listener, client net.Conn) {
	defer p.drop(client)
	p.mu.Lock()
	p.accepted++
	p.mu.Unlock()
	target, err := net.Dial("tcp", p.target)
	if err != nil {
		return // as a target that is gone looks to a client
	}
	if !p.keep(by, target) {
		return
	}
	defer p.drop(target)

	var back sync.WaitGroup
	back.Go(func() {
		p.pipe(client, target)
		halfClose(client)
	})
	p.pipe(target, client)
	halfClose(target)
	back.Wait()
}

// pipe copies until src ends or either is closed, and lets faults have their way
// with every piece.
func (p *Proxy) pipe(dst io.Writer, src io.Reader) {
	buf := make([]byte, 32<<10)
	for {
		n, err := src.Read(buf)
		p.suffer()
		if n > 0 {
			if _, err := dst.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// suffer waits as long as the faults of the moment ask for.
func (p *Proxy) suffer() {
	p.mu.Lock()
	latency, hung := p.latency, p.hung
	p.mu.Unlock()
	if latency > 0 {
		<-time.After(latency)
	}
	if hung != nil {
		<-hung
	}
}

// halfClose passes the end of one direction on; the other may go on.
func halfClose(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
	}
}

func (p *Proxy) drop(conn net.Conn) {
	p.mu.Lock()
	delete(p.live, conn)
	p.mu.Unlock()
	if err := conn.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		p.t.Logf("faulttest: close: %v", err)
	}
}
