package edge

import (
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagestore"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
	"github.com/wandstore/wandstore/services/edge/internal/identity"
	"github.com/wandstore/wandstore/services/edge/internal/ratelimit"
)

// limited is an edge on the internet with small limits.
func limited(rules string) func(*Config) {
	return func(c *Config) {
		signed(c)
		c.RateLimits = rules
	}
}

// from is the address that a request comes from.
func from(addr string) []string { return []string{"X-Forwarded-For", addr} }

func TestLimitsOfAPIs(t *testing.T) {
	t.Parallel()
	ada := []string{"Cookie", cookieOf(t, "ada", identity.Guest)}
	for name, tt := range map[string]struct {
		rules, route, body string
		headers            []string
		first              int
	}{
		"tracking of a client":  {"tracking.client=1/m", "POST /api/shopper/track", `{"store":"magic-wands","event":"view"}`, ada, 202},
		"tracking of a shopper": {"tracking.shopper=1/m", "POST /api/shopper/track", `{"store":"magic-wands","event":"view"}`, ada, 202},
		"tracking of a shop":    {"tracking.shop=1/m", "POST /api/shopper/track", `{"store":"magic-wands","event":"view"}`, ada, 202},
		"carts of a client":     {"carts.client=1/m", "POST /s/magic-wands/cart", "action=add&product=nightjar", with(form, ada), 303},
		"carts of a shopper":    {"carts.shopper=1/m", "POST /s/magic-wands/cart", "action=add&product=nightjar", with(form, ada), 303},
		"streams of a client":   {"streams.client=1/m", "GET /api/generation/events?store=magic-wands", "", ada, 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, limited(tt.rules))
			close(d.edge.draining) // streams end at once
			method, target, _ := strings.Cut(tt.route, " ")
			headers := with(tt.headers, from("192.0.2.1"))
			began := time.Now()
			if res := d.ask(method, target, tt.body, headers...); res.StatusCode != tt.first || !strings.Contains(res.Header.Get("RateLimit"), "r=0") {
				t.Fatalf("the first: %d %v", res.StatusCode, res.Header)
			}
			res := d.ask(method, target, tt.body, headers...)
			retry := res.Header.Get("Retry-After")
			if res.StatusCode != http.StatusTooManyRequests || !strings.Contains(res.Header.Get("RateLimit"), "r=0;t="+retry) || !strings.Contains(res.Header.Get("RateLimit-Policy"), "q=1;w=60") {
				t.Errorf("the second: %d %v", res.StatusCode, res.Header)
			}
			// A minute after the first, of which the test itself has taken some.
			if after, err := strconv.Atoi(retry); err != nil || after > 60 || after < 60-int(time.Since(began).Seconds()) {
				t.Errorf("again after %q, want 60", retry)
			}
			if strings.HasSuffix(name, "of a client") {
				headers = with(tt.headers, from("192.0.2.2"))
				if res := d.ask(method, target, tt.body, headers...); res.StatusCode != tt.first {
					t.Errorf("another client: %d", res.StatusCode)
				}
			}
		})
	}
}

// A shopper's page is never refused: over a limit it is everybody's, and no job is made.
func TestPagesAreNeverRefused(t *testing.T) {
	t.Parallel()
	d := newDesk(t, limited("jobs.client=1/h,searches.client=1/h"))
	for i, want := range []string{"triggered", "full"} {
		res := d.ask(http.MethodGet, "/s/magic-wands", "", with(from("192.0.2.1"), []string{"Cookie", cookieOf(t, fmt.Sprint("shopper-", i), identity.Guest)})...)
		if res.StatusCode != http.StatusOK || res.Header.Get("X-Generation") != want {
			t.Errorf("visit %d: %d, X-Generation %s, want %s", i, res.StatusCode, res.Header.Get("X-Generation"), want)
		}
	}
	if len(d.triggered) != 1 {
		t.Errorf("%d jobs", len(d.triggered))
	}
	for i := range 2 {
		if res := d.ask(http.MethodGet, "/s/magic-wands/search?q=oak", "", from("192.0.2.1")...); res.StatusCode != http.StatusOK {
			t.Errorf("search %d: %d", i, res.StatusCode)
		}
	}
}

// What a client writes into X-Forwarded-For does not make it another client.
func TestClientAddress(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		trusted string
		forward []string
		addr    string
	}{
		"direct":                           {"", []string{"203.0.113.9"}, "0.0.0.0"},
		"behind a proxy":                   {"0.0.0.0", []string{"192.0.2.1"}, "192.0.2.1"},
		"behind two":                       {"0.0.0.0, 10.0.0.0/8", []string{"192.0.2.1, 10.1.2.3"}, "192.0.2.1"},
		"with something made up before it": {"0.0.0.0", []string{"203.0.113.9, 192.0.2.1"}, "192.0.2.1"},
		"with a line made up before it":    {"0.0.0.0", []string{"203.0.113.9", "192.0.2.1"}, "192.0.2.1"},
		"with nonsense":                    {"0.0.0.0", []string{"unknown"}, "0.0.0.0"},
		"with nonsense before a proxy's":   {"0.0.0.0, 10.0.0.0/8", []string{"<script>, 10.1.2.3"}, "10.1.2.3"},
		"with nothing":                     {"0.0.0.0", nil, "0.0.0.0"},
		"IPv6":                             {"0.0.0.0", []string{"2001:db8::1"}, "2001:db8::1"},
		"IPv4 in IPv6":                     {"0.0.0.0", []string{"::ffff:192.0.2.1"}, "192.0.2.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, func(c *Config) { signed(c); c.TrustedProxies = tt.trusted; c.RateLimits = "searches.client=1/h" })
			var headers []string
			for _, line := range tt.forward {
				headers = append(headers, "X-Forwarded-For", line)
			}
			d.ask(http.MethodGet, "/s/magic-wands/search?q=oak", "", headers...)
			// The token of that address is taken, and no other's.
			taken := d.edge.limits.Take("searches", askerFrom(t, tt.addr))
			other := d.edge.limits.Take("searches", askerFrom(t, "198.51.100.77"))
			if taken.Allowed || !other.Allowed {
				t.Errorf("%s counted: %t, another: %t", tt.addr, !taken.Allowed, !other.Allowed)
			}
		})
	}
	for _, list := range []string{"10.0.0.0/33", "proxy", "10.0.0.1,,x"} {
		if _, err := parseProxies(list); err == nil {
			t.Errorf("TRUSTED_PROXIES=%s is taken", list)
		}
	}
}

// Newcomers fill half of each member's queue; the other half is for who returns.
func TestNewcomersLeaveRoom(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(c *Config) { signed(c); c.Pool.MaxQueueDepth = 4 })
	var room func(string) bool
	d.trigger = func(r jobqueue.Request) (jobqueue.Ticket, error) {
		room = r.HasRoom
		return jobqueue.Ticket{Record: &wandstorev1.JobRecord{}, Triggered: true}, nil
	}
	visit := func(shopper, scope string) {
		d.ask(http.MethodGet, "/s/magic-wands", "", "Cookie", cookieOf(t, shopper, scope))
	}
	for i := range 2 {
		key, err := pagekey.New(slug, fmt.Sprint("waiting-", i))
		if err != nil {
			t.Fatal(err)
		}
		d.board.Set(key, &wandstorev1.JobRecord{JobId: strconv.Itoa(i), State: wandstorev1.JobState_JOB_STATE_QUEUED, PoolMember: "pool-0", Deadline: timestamppb.New(time.Now().Add(time.Hour))})
	}
	visit("newcomer", identity.Guest)
	if room == nil || room("pool-0") || !room("pool-1") {
		t.Error("a newcomer may fill more than half of a queue")
	}
	long := timestamppb.New(time.Now().Add(-time.Hour))
	d.sessions["regular"] = &wandstorev1.ShopperSession{ShopperId: "regular", CreatedAt: long, UpdatedAt: timestamppb.Now()}
	visit("regular", identity.Guest)
	if room != nil {
		t.Error("who returns is treated as a newcomer")
	}
	visit("customer", slug)
	if room != nil {
		t.Error("a merchant's own customer is treated as a newcomer")
	}
}

// A page is made anew once in PAGE_MIN_AGE at most, however often its shopper seems to be
// somebody else.
func TestPagesAreNotRemadeEndlessly(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(c *Config) { c.PageMinAge = time.Hour })
	d.has(pagestore.TierMemory)
	d.remembers(&wandstorev1.StoreSignals{SaleFilters: 9, LastEventAt: timestamppb.Now()})
	if res := d.ask(http.MethodGet, front, ""); res.Header.Get("X-Generation") != "ready" || len(d.triggered) != 0 {
		t.Errorf("X-Generation %s, jobs %v", res.Header.Get("X-Generation"), d.triggered)
	}
}

// One client's streams leave room for the others', and one shopper's too.
func TestStreamsAreShared(t *testing.T) {
	t.Parallel()
	d := newDesk(t, limited("streams.client=0/m,streams.shopper=0/m,streams.shop=0/m"))
	close(d.edge.draining) // streams end at once
	hold := func(client, shopper string, n int) {
		for range n {
			if _, ok := d.edge.streams.Hold(map[string]int{"client " + client: 1000, "shopper " + shopper: 1000}); !ok {
				t.Fatal("no place")
			}
		}
	}
	hold("192.0.2.1", "eve", maxClientStreams)
	hold("192.0.2.9", "ada", maxShopperStreams)
	for name, tt := range map[string]struct {
		client, shopper string
		status          int
	}{
		"the client that holds all of its own": {"192.0.2.1", "bob", 429},
		"the shopper that holds all of theirs": {"192.0.2.2", "ada", 429},
		"another of each":                      {"192.0.2.2", "bob", 200},
	} {
		res := d.ask(http.MethodGet, "/api/generation/events?store=magic-wands", "", with(from(tt.client), []string{"Cookie", cookieOf(t, tt.shopper, identity.Guest)})...)
		if res.StatusCode != tt.status {
			t.Errorf("%s: %d, want %d", name, res.StatusCode, tt.status)
		}
	}
}

func askerFrom(t *testing.T, addr string) ratelimit.Asker {
	t.Helper()
	parsed, err := netip.ParseAddr(addr)
	if err != nil {
		t.Fatal(err)
	}
	return ratelimit.Asker{Addr: parsed}
}
