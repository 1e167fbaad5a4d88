package deploy_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The README's tree has every folder that a newcomer meets.
func TestREADMEHasEveryFolder(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, parent := range []string{"pkg", "services", "deploy"} {
		entries, err := os.ReadDir(filepath.Join("..", parent))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if folder := parent + "/" + e.Name(); e.IsDir() && !strings.Contains(string(readme), "]("+folder+")") {
				t.Errorf("%s is not in the README's tree", folder)
			}
		}
	}
}
