package deploy_test

import (
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// The programs of links.md make tokens that count.
func TestLinkTokens(t *testing.T) {
	t.Parallel()
	key := []byte("a key of thirty-two bytes or so!")
	page := read(t, "links.md")
	for _, program := range []struct {
		language, file string
		command        []string
	}{
		{"sh", "token.sh", []string{"bash", "-euo", "pipefail"}},
		{"js", "token.js", []string{"node"}},
		{"go", "token.go", []string{"go", "run"}},
	} {
		t.Run(program.language, func(t *testing.T) {
			t.Parallel()
			blocks := strings.Split(page, "```"+program.language+"\n")
			// The last block of a language is the program; the shell's first makes a key.
			text, _, _ := strings.Cut(blocks[len(blocks)-1], "```")
			path := filepath.Join(t.TempDir(), program.file)
			must(t, os.WriteFile(path, []byte(text), 0o600))
			cmd := exec.CommandContext(t.Context(), program.command[0], append(program.command[1:], path)...)
			cmd.Env = append(os.Environ(), "GOWORK=off", "LINK_KEY="+base64.StdEncoding.EncodeToString(key))
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			var claims jwt.RegisteredClaims
			_, err = jwt.ParseWithClaims(strings.TrimSpace(string(out)), &claims, func(*jwt.Token) (any, error) { return key, nil },
				jwt.WithValidMethods([]string{"HS256"}), jwt.WithAudience("magic-wands"), jwt.WithExpirationRequired())
			if err != nil || claims.Subject != "customer-7" || time.Until(claims.ExpiresAt.Time) > time.Hour+time.Minute {
				t.Errorf("%s: %v, claims %+v", out, err, claims)
			}
		})
	}
}
