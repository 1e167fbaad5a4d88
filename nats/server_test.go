package wandnats_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
)

// patience is how long anything may take on a busy machine.
const patience = 30 * time.Second

// maxStore is more than the streams' bounds, which are reserved of it, whatever the disk
// of the tests has free.
const maxStore = 1 << 40

// live is a nats-server in the test's process.
type live struct {
	*server.Server
	url      string
	port     int
	storeDir string
}

// start runs a server on a free port of loopback with its data in the test's
// folder, and stops it when the test ends. What opts says besides stays.
func start(t *testing.T, opts *server.Options) *live {
	t.Helper()
	opts.Host, opts.Port = "127.0.0.1", server.RANDOM_PORT
	opts.HTTPPort = 0
	opts.NoLog, opts.NoSigs = true, true
	if opts.JetStreamMaxStore == 0 {
		opts.JetStreamMaxStore = maxStore
	}
	if opts.StoreDir == "" {
		opts.StoreDir = t.TempDir()
	}
	s := launch(t, opts)
	addr, ok := s.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatalf("no TCP address: %v", s.Addr())
	}
	return &live{s, fmt.Sprintf("nats://127.0.0.1:%d", addr.Port), addr.Port, opts.StoreDir}
}

// restart starts the server, once it is stopped, on the same port and data.
func (s *live) restart(t *testing.T) {
	t.Helper()
	s.Server = launch(t, &server.Options{
		Host: "127.0.0.1", Port: s.port, NoLog: true, NoSigs: true, JetStream: true, StoreDir: s.storeDir, JetStreamMaxStore: maxStore,
	})
}

func launch(t *testing.T, opts *server.Options) *server.Server {
	t.Helper()
	s, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { stop(s) })
	if !s.ReadyForConnections(patience) {
		t.Fatalf("server is not ready after %v", patience)
	}
	return s
}

func stop(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

// startPlain runs a server with JetStream and nothing else set.
func startPlain(t *testing.T) *live {
	t.Helper()
	return start(t, &server.Options{JetStream: true})
}

func connect(t *testing.T, url string, opts ...natsgo.Option) (*natsgo.Conn, jetstream.JetStream) {
	t.Helper()
	// A password's hash is slow on purpose, and slower under the race detector.
	nc, err := natsgo.Connect(url, append(opts, natsgo.Timeout(patience))...)
	if err != nil {
		t.Fatalf("connect to %s: %v", url, err)
	}
	t.Cleanup(nc.Close)
	return nc, jetStream(t, nc)
}

func jetStream(t *testing.T, nc *natsgo.Conn) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// eventually waits until holds gives nil.
func eventually(t *testing.T, what string, holds func() error) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	end := time.After(patience)
	for {
		err := holds()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("%s: not after %v: %v", what, patience, err)
		}
	}
}

// defaults are the settings without any variable set.
func defaults() wandnats.Settings {
	return wandnats.Settings{PoolSize: 10, Shards: 1, MaxQueueDepth: 100, Concurrency: 1, CacheTTLSeconds: 3600, Replicas: 1}
}

func ensure(t *testing.T, js jetstream.JetStream, s wandnats.Settings) {
	t.Helper()
	if err := wandnats.Ensure(within(t), js, s); err != nil {
		t.Fatalf("Ensure: %v", err)
	}
}

// root is the folder that holds go.work.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.work above the working directory")
		}
		dir = up
	}
}

// tool is the path of a pinned tool.
func tool(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(root(t), ".bin", name)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: run `task tools` first", err)
	}
	return path
}

// run runs a pinned tool at the root, where the documented commands are typed,
// without a terminal, so that one that asks a question fails.
func run(t *testing.T, name string, env []string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, tool(t, name), args...)
	cmd.Dir = root(t)
	// No context or variable of whoever runs the tests reaches the tool.
	home := t.TempDir()
	cmd.Env = append([]string{"HOME=" + home, "XDG_CONFIG_HOME=" + home, "PATH=" + os.Getenv("PATH")}, env...)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// cli runs the nats CLI and gives what it prints.
func (s *live) cli(t *testing.T, args ...string) string {
	t.Helper()
	stdout, stderr, err := run(t, "nats", []string{"NATS_URL=" + s.url}, args...)
	if err != nil {
		t.Fatalf("nats %s: %v\n%s%s", strings.Join(args, " "), err, stdout, stderr)
	}
	return stdout
}
