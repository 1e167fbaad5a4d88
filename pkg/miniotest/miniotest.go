// Package miniotest runs a real MinIO server for tests.
//
// MinIO is AGPL: it is only ever a separate process, the pinned binary that
// `task tools` builds into .bin at the top of the repository. A missing binary
// fails the test, for a test that skips in silence shows nothing.
//
// It promises a server that serves S3 when Start and Restart return, on loopback
// only, with its data in the test's temporary directory, asking nobody for
// updates, and killed when the test ends (on Linux also when the test's process
// dies without a clean-up). Stop and Restart are an outage: the same port, the
// same data.
package miniotest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// What clients sign with.
const (
	AccessKey = "wandstore-test"
	SecretKey = "wandstore-test-secret"
)

const (
	// patience is how long a server may take to come up, on a busy machine.
	patience = 60 * time.Second
	// poll is how often its readiness is asked for.
	poll = 25 * time.Millisecond
	// starts is how often another port is tried: a free one may be taken
	// between finding it and MinIO's listening on it.
	starts = 3
)

// Server is a MinIO process. Start, Stop and Restart are for the goroutine of
// the test.
type Server struct {
	t      testing.TB
	binary string
	dir    string
	addr   string
	proc   *process

	mu      sync.Mutex
	buckets int
}

// Start starts a server on a free port.
func Start(t testing.TB) *Server {
	t.Helper()
	binary, err := find()
	if err != nil {
		t.Fatalf("miniotest: %v", err)
	}
	s := &Server{t: t, binary: binary, dir: t.TempDir()}
	t.Cleanup(s.Stop)
	for range starts {
		if s.addr, err = freeAddr(); err != nil {
			t.Fatalf("miniotest: %v", err)
		}
		if err = s.run(); err == nil {
			return s
		}
	}
	t.Fatalf("miniotest: %v", err)
	return nil
}

// Addr is where S3 is served, host:port, without TLS. It outlives a Restart.
func (s *Server) Addr() string { return s.addr }

// Bucket makes a bucket of the caller's own and returns its name.
func (s *Server) Bucket(t testing.TB) string {
	t.Helper()
	s.mu.Lock()
	s.buckets++
	name := fmt.Sprintf("test-%d", s.buckets)
	s.mu.Unlock()

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

// Stop kills the process and waits for its end. Stopping twice is nothing.
func (s *Server) Stop() {
	if s.proc != nil {
		s.proc.kill()
		s.proc = nil
	}
}

// Restart stops the server if it runs, and starts it on the same port and data.
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	if err := s.run(); err != nil {
		s.t.Fatalf("miniotest: %v", err)
	}
}

// run starts the process and waits until it is ready to serve.
func (s *Server) run() error {
	proc, err := start(s.binary, s.addr, s.dir)
	if err != nil {
		return err
	}
	s.proc = proc
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := proc.ready(ctx, s.addr); err != nil {
		s.Stop()
		return fmt.Errorf("minio is not ready: %w\n%s", err, proc.output.String())
	}
	return nil
}

// process is one run of the binary.
type process struct {
	cmd    *exec.Cmd
	output bytes.Buffer // to be read once ended
	ended  chan struct{}
}

func start(binary, addr, dir string) (*process, error) {
	p := &process{ended: make(chan struct{})}
	p.cmd = exec.Command(binary, "server", "--quiet", "--address", addr, dir)
	p.cmd.Env = append(withoutMinIO(os.Environ()),
		"MINIO_PROMETHEUS_AUTH_TYPE=public",
		"HOME="+dir, // no configuration of the developer's
		"MINIO_ROOT_USER="+AccessKey,
		"MINIO_ROOT_PASSWORD="+SecretKey,
		"MINIO_BROWSER=off",
		"MINIO_UPDATE=off",
		// It otherwise refuses a directory on the root drive.
		"MINIO_CI_CD=1",
	)
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	dieWithParent(p.cmd)

	started := make(chan error)
	go func() {
		defer close(p.ended)
		// Linux ends the child with the thread that made it, not the process:
		// keep that thread until the child has ended.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			// Killed is how it ends; another end shows as not ready.
			_ = p.cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start minio: %w", err)
	}
	return p, nil
}

func (p *process) kill() {
	// An error means that it has ended already.
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// ready waits for the readiness probe to say yes.
func (p *process) ready(ctx context.Context, addr string) error {
	transport := &http.Transport{DisableKeepAlives: true}
	client := &http.Client{Transport: transport, Timeout: time.Second}
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/minio/health/ready", http.NoBody)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-p.ended:
			return errors.New("the process has ended")
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		case <-ticker.C:
		}
	}
}

// find walks up to the folder of go.work, where .bin is.
func find() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.work above the working directory")
		}
		dir = parent
	}
	binary := filepath.Join(dir, ".bin", "minio")
	if _, err := os.Stat(binary); err != nil {
		return "", fmt.Errorf("%w: run `task tools` first", err)
	}
	return binary, nil
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}

// withoutMinIO takes the developer's own settings out of env.
func withoutMinIO(env []string) []string {
	kept := make([]string, 0, len(env))
	for _, v := range env {
		if !strings.HasPrefix(v, "MINIO_") && !strings.HasPrefix(v, "HOME=") {
			kept = append(kept, v)
		}
	}
	return kept
}
