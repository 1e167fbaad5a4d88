package world

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/wandstore/wandstore/pkg/checkout"
	"github.com/wandstore/wandstore/pkg/eventually"
)

// binaries are the services' commands that were built for this test binary.
var binaries struct {
	mu    sync.Mutex
	dir   string
	built map[string]error // by service
}

// Binary is the path of a service's command, built once per test binary. Every binary is
// in a folder of its own.
func Binary(t testing.TB, service string) string {
	t.Helper()
	root := checkout.Root(t)
	binaries.mu.Lock()
	defer binaries.mu.Unlock()
	if binaries.dir == "" {
		dir, err := os.MkdirTemp("", "world-") //nolint:usetesting // it outlives this test
		if err != nil {
			t.Fatal(err)
		}
		binaries.dir, binaries.built = dir, map[string]error{}
	}
	path := filepath.Join(binaries.dir, service, service)
	err, built := binaries.built[service]
	if !built {
		build := exec.Command("go", "build", "-o", path, "./cmd/"+service)
		build.Dir = filepath.Join(root, "services", service)
		if out, failed := build.CombinedOutput(); failed != nil {
			err = fmt.Errorf("build %s: %w: %s", service, failed, out)
		}
		binaries.built[service] = err
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func removeBinaries() {
	binaries.mu.Lock()
	defer binaries.mu.Unlock()
	if binaries.dir != "" {
		_ = os.RemoveAll(binaries.dir) // in the temporary directory: nothing depends on it
	}
}

// RefusesSetting checks that a service's command refuses a setting, NAME=value: one line
// that names the variable, nothing of a secret value, and exit 2.
func RefusesSetting(t testing.TB, service, setting string) {
	t.Helper()
	binary := Binary(t, service) // which takes its time to build
	// A service that starts nevertheless is killed, which is another status.
	ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary)
	cmd.Env = append(os.Environ(), setting)
	out, err := cmd.CombinedOutput()
	variable, _, _ := strings.Cut(setting, "=")
	if cmd.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), variable) || strings.Count(string(out), "\n") != 1 {
		t.Errorf("%s with %s: %v: %s", service, setting, err, out)
	}
	if strings.Contains(string(out), "s3cr3t!") {
		t.Errorf("%s with %s shows the value: %s", service, setting, out)
	}
}

// Command is a service of the world as a process, to be started and killed. What env says
// replaces the world's settings.
func (w *World) Command(service string, env ...string) *exec.Cmd {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), Binary(w.t, service))
	cmd.Env = append(append(cmd.Environ(), w.Environment()...), env...)
	return cmd
}

// GeneratorCommand is Command for a generator, which is given an address.
func (w *World) GeneratorCommand(env ...string) *exec.Cmd {
	w.t.Helper()
	return w.Command("generator", append([]string{"GENERATOR_ADDR=" + w.GeneratorConfig().Addr}, env...)...)
}

// CLIPatience is the setting of the nats CLI by which it waits longer than its five seconds.
const CLIPatience = "NATS_TIMEOUT=60s"

// CLI runs the pinned nats CLI in the world's account, whatever it exits with, and
// returns what it prints.
func (w *World) CLI(args ...string) string {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), checkout.Tool(w.t, "nats"), append([]string{"-s", w.NATS.URL()}, args...)...)
	cmd.Env = append(cmd.Environ(), "XDG_CONFIG_HOME="+w.t.TempDir(), CLIPatience)
	out, err := cmd.CombinedOutput()
	if err != nil && len(out) == 0 {
		w.t.Fatalf("nats %s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}
