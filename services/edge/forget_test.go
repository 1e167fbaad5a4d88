package edge

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/services/edge/internal/identity"
	"github.com/wandstore/wandstore/services/edge/internal/jobboard"
)

// The browser drops what it has kept of the pages, so that its back button shows none.
func TestForgettingClearsTheBrowsersCache(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, tt := range []struct {
		headers []string
		clear   string
	}{{adasCookie, `"cache"`}, {nil, ""}, {with(adasCookie, foreignForm), ""}} {
		if res := d.ask(http.MethodPost, "/s/magic-wands/forget", "", tt.headers...); res.Header.Get("Clear-Site-Data") != tt.clear {
			t.Errorf("%v: Clear-Site-Data %q, want %q", tt.headers, res.Header.Get("Clear-Site-Data"), tt.clear)
		}
	}
}

// A guest's id is the browser's, and is forgotten in all shops. The id that a shop's link
// gave may be another person's elsewhere, so it is forgotten in that shop.
func TestWhatIsForgotten(t *testing.T) {
	t.Parallel()
	ada, guest, elsewhere := cookieOf(t, "ada", slug), cookieOf(t, "guest", identity.Guest), cookieOf(t, "ada", "whitby-tea")
	for name, tt := range map[string]struct {
		cookie, forgotten string
		removed           string // cookies
	}{
		"guest":                   {guest, "[guest]", "wandstore_shopper wandstore_cart"},
		"named by a link":         {ada, "[ada in magic-wands]", "wandstore_shopper_magic-wands wandstore_cart"},
		"named, and a guest":      {ada + "; " + guest, "[ada in magic-wands guest in magic-wands]", "wandstore_shopper_magic-wands wandstore_cart"},
		"named by another's link": {elsewhere, "[]", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, signed)
			res := d.ask(http.MethodPost, "/s/magic-wands/forget", "", with(form, []string{"Cookie", tt.cookie})...)
			var removed []string
			for _, c := range res.Cookies() {
				removed = append(removed, c.Name)
				if c.Name == countCookie && tt.cookie != guest && c.Path != "/s/magic-wands" {
					t.Errorf("the cart's count of %s is removed", c.Path)
				}
			}
			if got := fmt.Sprint(d.forgotten); got != tt.forgotten || strings.Join(removed, " ") != tt.removed {
				t.Errorf("forgotten %s, want %s; removed %q, want %q", got, tt.forgotten, removed, tt.removed)
			}
		})
	}
}

// purge is the removal of ada's page, as the watch of UI_CACHE reports it.
type purge struct{ jetstream.KeyValueEntry }

func (purge) Key() string                     { return wandnats.PageKey(slug, "ada") }
func (purge) Operation() jetstream.KeyValueOp { return jetstream.KeyValuePurge }

// A page that was removed is not served from memory, not even while no store answers.
func TestRemovedPageLeavesMemory(t *testing.T) {
	t.Parallel()
	page := newDesk(t).has(pagestore.TierMemory)
	memory, err := pagestore.NewMemory(pagestore.MemoryConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if err := memory.Put(t.Context(), page); err != nil {
		t.Fatal(err)
	}
	p := &parts{memory: memory, board: jobboard.New(1, time.Now)}
	p.notePage(purge{})
	if n := memory.Len(); n != 0 {
		t.Errorf("%d pages are left in memory", n)
	}
}

// Sessions of whom a shop names do not expire: they are marked.
func TestWhomAShopNamesIsKnown(t *testing.T) {
	t.Parallel()
	const view = `{"store":"magic-wands","event":"view","product":"nightjar"}`
	server := []string{"Authorization", "Bearer " + linkToken(t, wandsKey, slug, "", time.Hour)}
	for name, tt := range map[string]struct {
		target, body string
		headers      []string
		known        bool
	}{
		"a guest's event":       {"/api/shopper/track", view, []string{"Cookie", cookieOf(t, "ada", identity.Guest)}, false},
		"a guest's cart":        {"/s/magic-wands/cart", "action=add&product=nightjar", with(form, []string{"Cookie", cookieOf(t, "ada", identity.Guest)}), false},
		"event after a link":    {"/api/shopper/track", view, []string{"Cookie", cookieOf(t, "ada", slug)}, true},
		"cart after a link":     {"/s/magic-wands/cart", "action=add&product=nightjar", with(form, []string{"Cookie", cookieOf(t, "ada", slug)}), true},
		"event by the server":   {"/api/shopper/track", `{"shopper":"ada","store":"magic-wands","event":"view"}`, server, true},
		"event of another shop": {"/api/shopper/track", view, []string{"Cookie", cookieOf(t, "ada", identity.Guest) + "; " + cookieOf(t, "ada", "whitby-tea")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, signed)
			if res := d.ask(http.MethodPost, tt.target, tt.body, tt.headers...); res.StatusCode >= 400 {
				t.Fatalf("%d %s", res.StatusCode, res.body)
			}
			if s := d.sessions["ada"]; s == nil || s.GetKnown() != tt.known {
				t.Errorf("session %v, want known %t", s, tt.known)
			}
		})
	}
}

// The export is a file that no cache keeps. Whom a link named gets what the link's shop
// has.
func TestExport(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		cookie, want string
	}{
		"guest":           {cookieOf(t, "ada", identity.Guest), "ada [magic-wands] true true"},
		"named by a link": {cookieOf(t, "ada", slug), "ada [magic-wands] false true"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, signed)
			res := d.ask(http.MethodGet, "/s/magic-wands/export?shopper=bob", "", "Cookie", tt.cookie)
			if len(d.exported) != 1 || d.exported[0] != tt.want {
				t.Errorf("exported %q, want %q", d.exported, tt.want)
			}
			if res.Header.Get("Content-Disposition") != `attachment; filename="magic-wands.json"` || res.Header.Get("Cache-Control") != "no-store" ||
				res.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("headers %v", res.Header)
			}
		})
	}
}
