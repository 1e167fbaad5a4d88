package natstest

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// Runner runs tests; *testing.M is one.
type Runner interface{ Run() int }

// Main is for TestMain. Its Run runs the tests of m, then stops the server that they
// shared and deletes its data.
func Main(m Runner) Runner { return runner{m} }

type runner struct{ m Runner }

func (r runner) Run() int {
	shared.mu.Lock()
	shared.allowed = true
	shared.mu.Unlock()
	defer shared.stop()
	return r.m.Run()
}

// Start gives t an account on the shared server, which the first call starts.
func Start(t testing.TB) Account {
	t.Helper()
	srv, name, err := shared.account()
	if err != nil {
		t.Fatalf("natstest: %v", err)
	}
	t.Cleanup(func() {
		if err := shared.remove(name); err != nil {
			t.Errorf("natstest: remove the test's account: %v", err)
		}
	})
	return Account{addr: srv.Addr().String(), user: url.UserPassword(name, name)}
}

var shared sharedServer

// sharedServer is the server of the test binary. It is the one that authenticates its
// clients: a user is the account of the same name.
type sharedServer struct {
	mu       sync.Mutex
	allowed  bool // Main stops the server
	dir      string
	server   *server.Server
	accounts map[string]*server.Account
	started  int // accounts so far
}

// account starts the server if it does not run, and makes an account.
func (s *sharedServer) account() (*server.Server, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.allowed {
		return nil, "", errors.New("the package's TestMain does not run its tests by way of natstest.Main")
	}
	if s.server == nil {
		if err := s.run(); err != nil {
			return nil, "", err
		}
	}
	s.started++
	name := fmt.Sprintf("test-%d", s.started)
	account, err := s.server.RegisterAccount(name)
	if err != nil {
		return nil, "", err
	}
	if err := account.EnableJetStream(nil, nil); err != nil {
		return nil, "", err
	}
	s.accounts[name] = account
	return s.server, name, nil
}

func (s *sharedServer) run() error {
	dir, err := os.MkdirTemp("", "natstest-")
	if err != nil {
		return err
	}
	opts := options(dir)
	opts.CustomClientAuthentication = s
	srv, err := run(&opts)
	if err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	s.dir, s.server, s.accounts = dir, srv, map[string]*server.Account{}
	return nil
}

// Check implements server.Authentication.
func (s *sharedServer) Check(c server.ClientAuthentication) bool {
	user := c.GetOpts().Username
	s.mu.Lock()
	account := s.accounts[user]
	s.mu.Unlock()
	if account == nil {
		return false
	}
	c.RegisterUser(&server.User{Username: user, Account: account})
	return true
}

// remove stops an account's streams and deletes their files.
func (s *sharedServer) remove(name string) error {
	s.mu.Lock()
	account := s.accounts[name]
	delete(s.accounts, name)
	s.mu.Unlock()
	if err := account.DisableJetStream(); err != nil {
		return err
	}
	// What a late flush leaves behind goes with the server's directory.
	_ = os.RemoveAll(filepath.Join(s.dir, server.JetStreamStoreDir, name))
	return nil
}

func (s *sharedServer) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server != nil {
		stop(s.server)
		_ = os.RemoveAll(s.dir) // in the temporary directory: nothing depends on it
	}
}

func options(dir string) server.Options {
	return server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT,
		JetStream: true, StoreDir: dir, JetStreamMaxStore: maxStore,
		NoLog: true, NoSigs: true,
		// A client may be stopped between its connection and its sign-in for longer than the
		// server waits by default. Nor may a ping overtake the answer to the sign-in.
		AuthTimeout: patience.Seconds(), DisableShortFirstPing: true,
	}
}

// run starts a server and waits until it accepts connections.
func run(opts *server.Options) (*server.Server, error) {
	srv, err := server.NewServer(opts)
	if err != nil {
		return nil, err
	}
	srv.Start()
	if !srv.ReadyForConnections(patience) {
		stop(srv)
		return nil, fmt.Errorf("the server is not ready after %v", patience)
	}
	return srv, nil
}

func stop(srv *server.Server) {
	srv.Shutdown()
	srv.WaitForShutdown()
}
