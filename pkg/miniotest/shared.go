package miniotest

import (
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/wandstore/wandstore/pkg/checkout"
)

// Runner runs tests; *testing.M is one.
type Runner interface{ Run() int }

// Main is for TestMain. Its Run runs the tests of m, then kills the server that they
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

var shared sharedServer

// sharedServer is the server of the test binary.
type sharedServer struct {
	mu      sync.Mutex
	allowed bool // Main stops the server
	server  *server
	store   Store
}

func (s *sharedServer) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server != nil {
		s.server.stop()
		_ = os.RemoveAll(s.server.dir) // in the temporary directory: nothing depends on it
	}
}

// Start gives the shared server, which the first call starts.
func Start(t testing.TB) Store {
	t.Helper()
	binary := checkout.Tool(t, "minio")
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if !shared.allowed {
		t.Fatal("miniotest: the package's TestMain does not run its tests by way of miniotest.Main")
	}
	if shared.server == nil {
		dir, err := os.MkdirTemp("", "miniotest-") //nolint:usetesting // it outlives this test
		if err != nil {
			t.Fatalf("miniotest: %v", err)
		}
		s := &server{binary: binary, dir: dir}
		if err := s.startAnywhere(); err != nil {
			_ = os.RemoveAll(dir)
			t.Fatalf("miniotest: %v", err)
		}
		shared.server, shared.store = s, Store{s.addr, &atomic.Int64{}}
	}
	return shared.store
}
