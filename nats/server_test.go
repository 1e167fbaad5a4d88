package wandnats_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
)

// patience is how long anything may take on a busy machine.
const patience = 3 * time.Minute

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

// start runs a server on a free port of loopback with its data in a folder of the
// test's, and stops it when the test ends. What opts says besides stays.
func start(t *testing.T, opts *server.Options) *live {
	t.Helper()
	opts.Host, opts.Port = "127.0.0.1", freePort(t)
	opts.HTTPPort = 0
	waitsForClients(opts)
	opts.NoLog, opts.NoSigs = true, true
	if opts.JetStreamMaxStore == 0 {
		opts.JetStreamMaxStore = maxStore
	}
	if opts.StoreDir == "" {
		opts.StoreDir = storeDir(t)
	}
	port := opts.Port
	return &live{launch(t, opts), fmt.Sprintf("nats://127.0.0.1:%d", port), port, opts.StoreDir}
}

// storeDir makes a folder for a server's data, which is removed when the test ends.
func storeDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "wandnats-") //nolint:usetesting // its removal must not fail the test
	if err != nil {
		t.Fatal(err)
	}
	// A late flush of the server may put a file back.
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// waitsForClients has a server wait for whoever is stopped between connection and sign-in for
// longer than it waits by default. Nor may a ping overtake the answer to a sign-in, whose hash
// takes long: a client would take the one for the other.
func waitsForClients(opts *server.Options) {
	opts.DisableShortFirstPing = true
	for _, timeout := range []*float64{&opts.AuthTimeout, &opts.TLSTimeout, &opts.Cluster.AuthTimeout, &opts.Cluster.TLSTimeout, &opts.LeafNode.AuthTimeout, &opts.LeafNode.TLSTimeout} {
		*timeout = patience.Seconds()
	}
}

// given are the ports that freePort has returned.
var given sync.Map

// freePort gives a port of loopback that was free a moment ago, and no port twice. It is below
// those that kernels choose: nobody is given it by chance while a server is stopped.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 10_000 + rand.IntN(22_000)
		if _, twice := given.LoadOrStore(port, true); twice {
			continue
		}
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return 0
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
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(patience))
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
	cmd.Env = append([]string{"NATS_TIMEOUT=1m", "HOME=" + home, "XDG_CONFIG_HOME=" + home, "PATH=" + os.Getenv("PATH")}, env...)
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
