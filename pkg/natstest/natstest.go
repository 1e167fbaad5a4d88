// Package natstest runs a real nats-server in the test's process.
//
// It promises a server that accepts connections and JetStream requests when
// Start and Restart return, on loopback only, with its data in the test's
// temporary directory, and gone when the test ends. Stop and Restart are an
// outage: the same port, the same data. Anything that goes wrong fails the test.
package natstest

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// patience is how long a server may take to come up, on a busy machine.
const patience = 20 * time.Second

// Server is a nats-server with JetStream. Its methods are for the goroutine of
// the test.
type Server struct {
	t      testing.TB
	opts   server.Options
	server *server.Server
	url    string
}

// Start starts a server on a free port.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{t: t, opts: server.Options{
		Host:      "127.0.0.1",
		Port:      server.RANDOM_PORT,
		JetStream: true,
		StoreDir:  t.TempDir(),
		NoLog:     true,
		NoSigs:    true,
	}}
	s.run()
	addr, ok := s.server.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatalf("natstest: no TCP address: %v", s.server.Addr())
	}
	s.opts.Port = addr.Port
	s.url = fmt.Sprintf("nats://127.0.0.1:%d", addr.Port)
	t.Cleanup(s.Stop)
	return s
}

// URL is where clients connect; it outlives a Restart.
func (s *Server) URL() string { return s.url }

// Addr is the URL's host and port.
func (s *Server) Addr() string { return fmt.Sprintf("127.0.0.1:%d", s.opts.Port) }

// Connect connects a client that never gives up reconnecting and tries often;
// it is closed when t ends.
func (s *Server) Connect(t testing.TB) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	return Connect(t, s.url)
}

// Connect is Server.Connect by way of another address, such as a proxy's.
func Connect(t testing.TB, url string) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	nc, err := nats.Connect(url,
		nats.MaxReconnects(-1),
		nats.ReconnectWait(20*time.Millisecond),
		nats.ReconnectJitter(0, 0),
	)
	if err != nil {
		t.Fatalf("natstest: connect: %v", err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatalf("natstest: jetstream: %v", err)
	}
	return nc, js
}

// Stop shuts the server down and waits for it. Stopping twice is nothing.
func (s *Server) Stop() {
	s.server.Shutdown()
	s.server.WaitForShutdown()
}

// Restart stops the server if it runs, and starts it on the same port and data.
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	s.run()
}

func (s *Server) run() {
	s.t.Helper()
	// The server writes into the options it is given.
	opts := s.opts
	srv, err := server.NewServer(&opts)
	if err != nil {
		s.t.Fatalf("natstest: %v", err)
	}
	srv.Start()
	s.server = srv
	if !srv.ReadyForConnections(patience) {
		s.t.Fatalf("natstest: server is not ready after %v", patience)
	}
}
