// Package faulttest simulates network faults between a service and its dependencies.
//
// A Proxy forwards TCP unchanged until a fault is set. Cut simulates a process that has
// died. Hang simulates a process that is stuck, or a network that drops packets. Latency
// simulates a distant network. Restore ends all faults. Faults also affect existing
// connections. Restore does not reopen connections that Cut has closed. A Proxy is safe
// for concurrent use. It ends, with its goroutines, when the test ends.
package faulttest

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/freeport"
)

// Proxy forwards connections of clients to a target.
type Proxy struct {
	t      testing.TB
	target string
	addr   string
	conns  sync.WaitGroup

	mu       sync.Mutex
	listener net.Listener
	live     map[net.Conn]struct{}
	latency  time.Duration
	hung     chan struct{} // closed when Hang ends; nil without Hang
	accepted int
	closed   bool
}

// NewProxy starts a proxy to target (host:port) on a free port of 127.0.0.1. It fails the
// test if it cannot listen.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	p := &Proxy{t: t, target: target, live: make(map[net.Conn]struct{})}
	// Not one of the kernel's choice: after Cut, the kernel could give it to another connection.
	listener, err := net.Listen("tcp", freeport.Addr(t))
	if err != nil {
		t.Fatalf("faulttest: %v", err)
	}
	p.addr = listener.Addr().String()
	p.serve(listener)
	t.Cleanup(p.close)
	return p
}

// Addr is the proxy's address, host:port. It never changes.
func (p *Proxy) Addr() string { return p.addr }

// Accepted is the number of connections accepted so far.
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

// Latency delays all data by d, in each direction; 0 ends the delay.
func (p *Proxy) Latency(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.latency = d
}

// Restore ends all faults. Data that Hang held back is forwarded.
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
	// Goroutines that hang continue, and then fail because their connections are closed.
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
			if p.track(listener, client) {
				p.conns.Go(func() { p.forward(listener, client) })
			}
		}
	})
}

// track adds a connection to the live ones. If Cut has closed its listener by now, it
// closes the connection and returns false.
func (p *Proxy) track(by net.Listener, conn net.Conn) bool {
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
		return // the client's connection is closed, as by a target that has died
	}
	if !p.track(by, target) {
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

// pipe copies until src ends or either side is closed. The current faults apply to every
// read.
func (p *Proxy) pipe(dst io.Writer, src io.Reader) {
	buf := make([]byte, 32<<10)
	for {
		n, err := src.Read(buf)
		p.waitForFaults()
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

// waitForFaults waits for the current latency, and until Hang ends.
func (p *Proxy) waitForFaults() {
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

// halfClose closes the writing side of a connection. The other direction stays open.
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
