package allinone_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/services/edge"
)

// Nobody is told that there is a /debug, but who bears the token.
func TestDebugIsForOperators(t *testing.T) {
	t.Parallel()
	const token = "correct-horse-battery"
	w := newWorld(t)
	closed := w.startEdge(func(c *edge.Config) { c.DebugOnLoopback = false })
	open := w.startEdge(func(c *edge.Config) { c.DebugOnLoopback, c.DebugToken = false, token })
	for _, path := range []string{"/debug/errors?store=magic-wands&shopper=abc123", "/debug/container", "/debug/generate", "/debug/nothing", "/debug/"} {
		unknown := get(t, closed.base+"/nothing/of/ours")
		for _, c := range []struct {
			name, base, authorization string
		}{
			{"no token is set, none given", closed.base, ""},
			{"no token is set, an empty one given", closed.base, "Bearer "},
			{"no token is set, one given", closed.base, "Bearer " + token},
			{"none given", open.base, ""},
			{"an empty one", open.base, "Bearer "},
			{"a wrong one", open.base, "Bearer correct-horse-batterx"},
			{"another scheme", open.base, "Basic " + token},
			{"no scheme", open.base, token},
		} {
			got := get(t, c.base+path, "Authorization", c.authorization)
			if got.status != http.StatusNotFound || unknown.status != http.StatusNotFound {
				t.Errorf("%s, %s: got %d, want 404 as any unknown path", path, c.name, got.status)
			}
		}
	}
	got := get(t, open.base+"/debug/errors?store=magic-wands&shopper=abc123", "Authorization", "Bearer "+token)
	if got.status != http.StatusOK || !strings.Contains(got.body, `"breadcrumbs"`) {
		t.Errorf("with the token: got %d %.200s", got.status, got.body)
	}
}
