// Package miniotest runs real MinIO servers for tests.
//
// Start gives a test the one server that all tests of a test binary share; a test has
// buckets of its own on it. The TestMain of a package that calls Start runs its tests by
// way of Main, which stops the shared server.
//
// StartOwn gives a test a server of its own, which it may stop and restart: an outage
// keeps the port and the data.
//
// MinIO is AGPL: it is only ever a separate process, the pinned binary that
// `task tools` builds into .bin at the top of the repository. A missing binary fails the
// test, for a skipped test proves nothing.
//
// Every server serves S3 when the function that started it returns, listens on loopback
// only, asks nobody for updates, and is killed when its tests end (on Linux also when the
// test's process dies without a cleanup).
package miniotest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/wandstore/wandstore/pkg/checkout"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/freeport"
)

// What clients sign with.
const (
	AccessKey = "wandstore-test"
	SecretKey = "wandstore-test-secret"
)

const (
	// patience is how long a server may take to start on a busy machine.
	patience = eventually.Patience
	// poll is how often its readiness is asked for.
	poll = 10 * time.Millisecond
	// starts is how many ports are tried: a free one may be taken between finding it
	// and MinIO's listening on it.
	starts = 3
)

// Store is a server to keep objects on. It is safe for concurrent use.
type Store struct {
	addr    string
	buckets *atomic.Int64 // made so far
}

// Addr is where S3 is served, host:port, without TLS.
func (s Store) Addr() string { return s.addr }

// Bucket makes a bucket of the caller's own and returns its name.
func (s Store) Bucket(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test-%d", s.buckets.Add(1))
	transport, err := minio.DefaultTransport(false)
	if err != nil {
		t.Fatalf("miniotest: %v", err)
	}
	defer transport.CloseIdleConnections()
	client, err := minio.New(s.addr, &minio.Options{
		Creds:     credentials.NewStaticV4(AccessKey, SecretKey, ""),
		Transport: transport,
	})
	if err != nil {
		t.Fatalf("miniotest: %v", err)
	}
	if err := client.MakeBucket(t.Context(), name, minio.MakeBucketOptions{}); err != nil {
		t.Fatalf("miniotest: make bucket: %v", err)
	}
	return name
}

// Server is a MinIO process of the test's own. Stop and Restart are for the goroutine
// of the test.
type Server struct {
	Store

	t   testing.TB
	run *server
}

// StartOwn starts a server on a free port, with its data in the test's temporary
// directory.
func StartOwn(t testing.TB) *Server {
	t.Helper()
	return StartIn(t, t.TempDir())
}

// StartIn is StartOwn with the data in a directory of the test's.
func StartIn(t testing.TB, dir string) *Server {
	t.Helper()
	s := &Server{t: t, run: &server{binary: checkout.Tool(t, "minio"), dir: dir}}
	t.Cleanup(s.Stop)
	if err := s.run.startAnywhere(); err != nil {
		t.Fatalf("miniotest: %v", err)
	}
	s.Store = Store{s.run.addr, &atomic.Int64{}}
	return s
}

// Stop kills the process and waits for its end. Stopping a stopped server does nothing.
func (s *Server) Stop() { s.run.stop() }

// Restart stops the server if it runs, and starts it on the same port and data.
func (s *Server) Restart() {
	s.t.Helper()
	s.run.stop()
	if err := s.run.start(); err != nil {
		s.t.Fatalf("miniotest: %v", err)
	}
}

// server is a MinIO that can be started on the same address and data more than once.
type server struct {
	binary, dir, addr string
	proc              *process // nil while it does not run
}

// startAnywhere starts the server on a free port.
func (s *server) startAnywhere() (err error) {
	for range starts {
		if s.addr, err = freeport.Find(); err != nil {
			return err
		}
		if err = s.start(); err == nil {
			return nil
		}
	}
	return err
}

// start starts the process and waits until it is ready to serve.
func (s *server) start() error {
	proc, err := start(s.binary, s.addr, s.dir)
	if err != nil {
		return err
	}
	s.proc = proc
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := proc.ready(ctx, s.addr); err != nil {
		s.stop()
		return fmt.Errorf("minio is not ready: %w\n%s", err, proc.output.String())
	}
	return nil
}

func (s *server) stop() {
	if s.proc != nil {
		s.proc.kill()
		s.proc = nil
	}
}
