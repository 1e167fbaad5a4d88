// Package checkout finds for tests what belongs to this repository: its files and its
// pinned tools.
package checkout

import (
	"errors"
	"os"
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
