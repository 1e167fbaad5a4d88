package edge

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagestore"
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

// What a mirror lacks may be at the hub, so only where the hub is the miss is certain.
func TestMissWithoutTheHubIsUncertain(t *testing.T) {
	t.Parallel()
	key, err := pagekey.New(slug, "ada")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		mirrors   *wandnats.Keeper
		bus       *bus
		uncertain bool
	}{
		"one region":             {},
		"a PoP without its hub":  {mirrors: &wandnats.Keeper{}, uncertain: true},
		"a PoP that has its hub": {mirrors: &wandnats.Keeper{}, bus: &bus{}},
	} {
		p := &parts{mirrors: test.mirrors}
		p.near.Store(&near{pages: pagestore.NewKV(emptyBucket{})})
		p.bus.Store(test.bus)
		if _, err := (kvTier{p}).Get(t.Context(), key); !errors.Is(err, pagestore.ErrMiss) || errors.Is(err, pagestore.ErrUnavailable) != test.uncertain {
			t.Errorf("%s: %v; uncertain: want %t", name, err, test.uncertain)
		}
	}
}

// emptyBucket has no entries.
type emptyBucket struct{ jetstream.KeyValue }

func (emptyBucket) Get(context.Context, string) (jetstream.KeyValueEntry, error) {
	return nil, jetstream.ErrKeyNotFound
}
