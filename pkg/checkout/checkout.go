// Package checkout finds and builds for tests what belongs to this repository: its
// files, its pinned tools and its services' binaries.
package checkout

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// Root is the top of the repository: the folder that holds go.work.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := root()
	if err != nil {
		t.Fatalf("checkout: %v", err)
	}
	return dir
}

var root = sync.OnceValues(func() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.work above the working directory")
		}
		dir = parent
	}
})

// Tool is the path of a pinned tool. A missing tool fails the test.
func Tool(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(Root(t), ".bin", name)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("checkout: %v: run `task tools` first", err)
	}
	return path
}

// Service builds a service's command into the test's temporary directory and returns
// its path. Go's build cache makes every build but the first a copy.
func Service(t testing.TB, name string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), name)
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./cmd/"+name)
	build.Dir = filepath.Join(Root(t), "services", name)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("checkout: build %s: %v: %s", name, err, out)
	}
	return binary
}
