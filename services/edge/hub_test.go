package edge

import (
	"net/http"
	"strings"
	"testing"
)

// A PoP whose hub is away is ready, says so, and serves.
func TestPoPWithoutItsHub(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(c *Config) { c.Pool.HubDomain = "hub" })
	if a := d.ask(http.MethodGet, "/health", ""); !strings.Contains(a.body, `"hub":"ok"`) {
		t.Errorf("health with the hub: %s", a.body)
	}
	d.offline = true
	for target, want := range map[string]struct {
		status int
		says   string
	}{
		"/ready":                           {http.StatusOK, `"ready"`},
		"/health":                          {http.StatusOK, `"hub":"away"`},
		"/s/" + slug + "?shopper=ada":      {http.StatusOK, "<!doctype html>"},
		"/s/no-such-shop?shopper=ada":      {http.StatusNotFound, ""},
		"/s/" + slug + "/cart?shopper=ada": {http.StatusServiceUnavailable, ""},
	} {
		if a := d.ask(http.MethodGet, target, ""); a.StatusCode != want.status || !strings.Contains(a.body, want.says) {
			t.Errorf("%s: %d, want %d and %q: %.200s", target, a.StatusCode, want.status, want.says, a.body)
		}
	}
}
