package wandnats_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func readme(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A page that sends its reader to a file that is not there is worse than none.
func TestFilesOfTheREADMEExist(t *testing.T) {
	named := regexp.MustCompile(`\bnats/[A-Za-z0-9_./-]+\.(?:json|conf|go|md)\b`).FindAllString(readme(t), -1)
	if len(named) < 15 {
		t.Fatalf("only %d files are named: %v", len(named), named)
	}
	for _, file := range named {
		if _, err := os.Stat(filepath.Join(root(t), file)); err != nil {
			t.Errorf("README.md names %s: %v", file, err)
		}
	}
}

func TestREADMETellsOfEveryDefinition(t *testing.T) {
	page := readme(t)
	for _, pattern := range []string{"streams/*", "buckets/*", "consumers/*", "server/*"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %v", pattern, files, err)
		}
		for _, file := range files {
			if !strings.Contains(page, "`nats/"+file+"`") {
				t.Errorf("README.md does not tell of nats/%s", file)
			}
		}
	}
}
