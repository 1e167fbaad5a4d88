package faulttest_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/faulttest"
	"github.com/wandstore/wandstore/pkg/freeport"
	"github.com/wandstore/wandstore/pkg/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// patience is how long the tests wait for something that must happen, and blink for
// something that must not.
const (
	patience = eventually.Patience
	blink    = 50 * time.Millisecond
)

// echo starts a server that returns all data that it receives.
func echo(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer func() { _ = conn.Close() }()
				_, _ = io.Copy(conn, conn) // an error is expected after Cut
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		conns.Wait()
	})
	return listener.Addr().String()
}

type client struct {
	t *testing.T
	net.Conn
	lines *bufio.Reader
}

func dial(t *testing.T, addr string) *client {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &client{t: t, Conn: conn, lines: bufio.NewReader(conn)}
}

func (c *client) say(line string) {
	c.t.Helper()
	if _, err := io.WriteString(c, line+"\n"); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) hear(want string) {
	c.t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		c.t.Fatal(err)
	}
	if got, err := c.lines.ReadString('\n'); err != nil || got != want+"\n" {
		c.t.Fatalf("heard %q, %v; want %q", got, err, want)
	}
}

func (c *client) hearNothing() {
	c.t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(blink)); err != nil {
		c.t.Fatal(err)
	}
	if got, err := c.lines.ReadString('\n'); !errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Fatalf("heard %q, %v; want nothing", got, err)
	}
}

func TestForwards(t *testing.T) {
	proxy := faulttest.NewProxy(t, echo(t))
	c := dial(t, proxy.Addr())
	c.say("one")
	c.hear("one")
	if got := proxy.Accepted(); got != 1 {
		t.Errorf("Accepted: got %d, want 1", got)
	}
	// The end of one direction is forwarded, and then the end of the other.
	if err := c.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.lines.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("after the end: got %v, want EOF", err)
	}
}

func TestCut(t *testing.T) {
	proxy := faulttest.NewProxy(t, echo(t))
	c := dial(t, proxy.Addr())
	c.say("one")
	c.hear("one")
	proxy.Cut()
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.lines.ReadByte(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a connection outlives Cut: %v", err)
	}
	if conn, err := net.Dial("tcp", proxy.Addr()); err == nil {
		_ = conn.Close()
		t.Error("Cut does not refuse")
	}
	proxy.Cut() // a second call has no effect
	proxy.Restore()
	c = dial(t, proxy.Addr())
	c.say("two")
	c.hear("two")
}

func TestHang(t *testing.T) {
	proxy := faulttest.NewProxy(t, echo(t))
	before := dial(t, proxy.Addr())
	before.say("one")
	before.hear("one")
	proxy.Hang()
	during := dial(t, proxy.Addr())
	for _, c := range []*client{before, during} {
		c.say("two")
		c.hearNothing()
	}
	proxy.Restore()
	for _, c := range []*client{before, during} {
		c.hear("two")
	}
	proxy.Hang()
	before.say("three")
	before.hearNothing()
	proxy.Cut() // hanging connections can be cut
}

func TestLatency(t *testing.T) {
	proxy := faulttest.NewProxy(t, echo(t))
	c := dial(t, proxy.Addr())
	proxy.Latency(blink)
	begun := time.Now()
	c.say("one")
	c.hear("one")
	if took := time.Since(begun); took < 2*blink {
		t.Errorf("there and back took %v, want at least %v", took, 2*blink)
	}
}

func TestTargetGone(t *testing.T) {
	proxy := faulttest.NewProxy(t, freeport.Addr(t))
	c := dial(t, proxy.Addr())
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.lines.ReadByte(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a connection to nobody stays open: %v", err)
	}
}
