package contract_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/checkout"
)

// The linter's configuration refuses every type of html/template that marks text as safe:
// as a conversion, by an alias, and in files with a build tag. So the pages cannot be
// opened to a model's markup without a change of that configuration.
func TestLintRefusesMarkupOfText(t *testing.T) {
	t.Parallel()
	linter, dir := checkout.Tool(t, "golangci-lint"), t.TempDir()
	types := []string{"HTML", "HTMLAttr", "CSS", "JS", "JSStr", "URL", "Srcset"}
	source := func(build, function string) string {
		var b strings.Builder
		b.WriteString(build + "package probe\n\nimport page \"html/template\"\n\nfunc " + function + "(s string) {\n")
		for _, name := range types {
			fmt.Fprintf(&b, "\t_ = page.%s(s)\n\tvar _ page.%s\n", name, name)
		}
		b.WriteString("}\n")
		return b.String()
	}
	for name, text := range map[string]string{
		"go.mod":     "module probe\n\ngo 1.26\n",
		"plain.go":   source("", "plain"),
		"gallery.go": source("//go:build gallery\n\n", "tagged"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), linter, "run", "--allow-parallel-runners", "--enable-only", "forbidigo",
		"--max-same-issues", "0", "--max-issues-per-linter", "0", "--config", filepath.Join(checkout.Root(t), ".golangci.yml"), "./...")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off")
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatal("the linter finds nothing")
	}
	for _, file := range []string{"plain.go", "gallery.go"} {
		for _, name := range types {
			found := 0
			for line := range strings.Lines(string(out)) {
				if strings.Contains(line, "/"+file+":") && strings.Contains(line, "page."+name+"` forbidden") {
					found++
				}
			}
			if found != 2 {
				t.Errorf("%s: %d of 2 uses of template.%s are refused", file, found, name)
			}
		}
	}
	if t.Failed() {
		t.Logf("%s", out)
	}
}
