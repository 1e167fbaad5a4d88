// Package natstest runs real nats-servers in the test's process.
//
// Start gives a test an account of its own on the one server that all tests of a test
// binary share. Streams, subjects, advisories and micro services of an account are
// invisible to every other, so tests may run in parallel and use the same names. The
// account's data is deleted when the test ends. The TestMain of a package that calls
// Start runs its tests by way of Main, which stops the shared server.
//
// StartOwn gives a test a server of its own, which it may stop and restart: an outage
// keeps the port and the data, the loss of the disk only the port.
//
// Every server has JetStream, accepts connections when the function that started it
// returns, listens on loopback only, and is gone when its tests end. Anything that goes
// wrong fails the test.
package natstest

import (
	"net"
	"net/url"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/freeport"
)

// patience is how long a server may take to start, and to answer a sign-in, on a busy machine.
const patience = eventually.Patience

// requestTimeout bounds a client's JetStream requests whose context has no deadline: longer
// than a busy machine stops, and shorter than tests wait for a request that was lost in an
// outage to be made again.
const requestTimeout = 30 * time.Second

// maxStore is what the bounds of all accounts' streams are reserved of, in bytes. No test
// fills it; the tests of one binary reserve more than a disk may have free.
const maxStore = 1 << 44

// Account is where a test connects: an account of the shared server, or the whole of a
// server of the test's own. It is safe for concurrent use.
type Account struct {
	addr string
	user *url.Userinfo // nil on a server of the test's own
}

// At is the whole of a server that somebody else runs at host:port.
func At(addr string) Account { return Account{addr: addr} }

// As is the account for one of its users.
func (a Account) As(user, password string) Account {
	a.user = url.UserPassword(user, password)
	return a
}

// URL is where clients connect. It contains the account's credentials.
func (a Account) URL() string { return a.URLVia(a.addr) }

// URLVia is URL with another host:port, such as a proxy's.
func (a Account) URLVia(addr string) string {
	return (&url.URL{Scheme: "nats", User: a.user, Host: addr}).String()
}

// Addr is the server's host and port.
func (a Account) Addr() string { return a.addr }

// Connect connects a client that reconnects forever and at short intervals. It is
// closed when t ends.
func (a Account) Connect(t testing.TB) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	return Connect(t, a.URL())
}

// Connect is Account.Connect for a URL.
func Connect(t testing.TB, url string) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	nc, err := nats.Connect(url,
		nats.MaxReconnects(-1),
		nats.ReconnectWait(20*time.Millisecond),
		nats.ReconnectJitter(0, 0),
		// As in the services: what cannot be sent now is not sent later.
		nats.ReconnectBufSize(-1),
		nats.Timeout(patience),
	)
	if err != nil {
		t.Fatalf("natstest: connect: %v", err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(requestTimeout))
	if err != nil {
		t.Fatalf("natstest: jetstream: %v", err)
	}
	return nc, js
}

// Server is a server of the test's own. Stop and Restart are for the goroutine of the
// test.
type Server struct {
	Account

	t      testing.TB
	opts   server.Options
	server *server.Server
}

// StartOwn starts a server on a free port, with its data in a temporary directory.
func StartOwn(t testing.TB) *Server {
	t.Helper()
	return start(t, options(storeDir(t)))
}

// StartIn is StartOwn with the data in a directory of the test's.
func StartIn(t testing.TB, dir string) *Server {
	t.Helper()
	return start(t, options(dir))
}

// StartSynced is StartOwn with sync_interval always, as production has it: the server
// acknowledges what its disk has.
func StartSynced(t testing.TB) *Server {
	t.Helper()
	opts := options(storeDir(t))
	opts.SyncAlways = true
	return start(t, opts)
}

// StartMonitored is StartOwn with the server's monitoring port.
func StartMonitored(t testing.TB) *Server {
	t.Helper()
	opts := options(storeDir(t))
	opts.HTTPHost, opts.HTTPPort = "127.0.0.1", server.RANDOM_PORT
	return start(t, opts)
}

func start(t testing.TB, opts server.Options) *Server {
	t.Helper()
	s := &Server{t: t, opts: opts}
	// Not one of the kernel's choice: while the server is stopped, the kernel could give it
	// to another connection.
	s.addr = freeport.Addr(t)
	s.opts.Port = portOf(t, s.addr)
	s.run()
	t.Cleanup(s.Stop)
	return s
}

// storeDir makes a directory for a server's data, which is removed when t ends.
func storeDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "natstest-") //nolint:usetesting // its removal must not fail the test
	if err != nil {
		t.Fatalf("natstest: %v", err)
	}
	// A late flush of the server may put a file back.
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func portOf(t testing.TB, addr string) int {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatalf("natstest: %v", err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatalf("natstest: %v", err)
	}
	return n
}

// Monitor is the URL of the monitoring port that StartMonitored has opened.
func (s *Server) Monitor() string { return "http://" + s.server.MonitorAddr().String() }

// Stop shuts the server down and waits for it. Stopping a stopped server does nothing.
func (s *Server) Stop() { stop(s.server) }

// Restart stops the server if it runs, and starts it on the same port and data.
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	s.run()
}

// RestartEmpty is Restart after the loss of the disk: everything that the server kept is
// gone.
func (s *Server) RestartEmpty() {
	s.t.Helper()
	s.Stop()
	s.opts.StoreDir = storeDir(s.t)
	s.run()
}

func (s *Server) run() {
	s.t.Helper()
	// The server writes into the options it is given.
	opts := s.opts
	var err error
	if s.server, err = run(&opts); err != nil {
		s.t.Fatalf("natstest: %v", err)
	}
}
