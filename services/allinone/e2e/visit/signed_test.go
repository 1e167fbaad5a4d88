package visit_test

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"google.golang.org/protobuf/types/known/timestamppb"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/edge"
)

// linkKey is the key of magic-wands' links.
var linkKey = []byte(strings.Repeat("w", 32))

// signed is the setting of an edge on the internet, behind a proxy on this machine.
func signed(c *edge.Config) {
	c.Identity.Mode, c.TrustedProxies = "signed", "127.0.0.1"
	c.Identity.CookieKeys = base64.StdEncoding.EncodeToString([]byte(strings.Repeat("c", 32)))
	c.Identity.LinkKeys = "magic-wands:" + base64.StdEncoding.EncodeToString(linkKey)
}

// link is the address that a merchant's backend puts into a mail.
func link(t *testing.T, e *world.Process, shopper string) string {
	t.Helper()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": shopper, "aud": "magic-wands", "exp": time.Now().Add(time.Hour).Unix(),
	}).SignedString(linkKey)
	if err != nil {
		t.Fatal(err)
	}
	return e.Base + "/s/magic-wands?shopper=" + token
}

// cookies is what a browser sends back.
func cookies(a world.Answer) []string {
	res := http.Response{Header: a.Header}
	var pairs []string
	for _, c := range res.Cookies() {
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	return []string{"Cookie", strings.Join(pairs, "; ")}
}

// A guest's browser: a first visit, its event stream, and the page of their own.
func TestGuestGetsAPageByListening(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge(signed)
	w.StartGenerator()
	page := e.Base + "/s/magic-wands"
	first := world.Get(t, page)
	if first.Status != http.StatusOK || first.Header.Get("X-Generation") != "off" {
		t.Fatalf("first visit: %d, %v", first.Status, first.Header)
	}
	browser := cookies(first)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.Base+"/api/generation/events?store=magic-wands", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(browser[0], browser[1])
	res, err := world.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	ready := false
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		ready = ready || strings.Contains(lines.Text(), `"state":"ready"`)
	}
	if !ready {
		t.Fatal("the stream ended before the page was ready")
	}
	hit := world.Get(t, page, browser...)
	if hit.Header.Get("X-Cache") != "HIT" || hit.Header.Get("X-Persona") == "" {
		t.Errorf("second visit: %v", hit.Header)
	}
	if stranger := world.Get(t, page+"?shopper="+strings.SplitN(browser[1], "=", 2)[1]); stranger.Header.Get("X-Cache") != "MISS" {
		t.Errorf("who knows the id sees the page: %v", stranger.Header)
	}
}

// A merchant's customer follows a link, and has the cart of before.
func TestCustomerFollowsALink(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge(signed)
	w.StartGenerator()
	guest := cookies(world.Get(t, e.Base+"/s/magic-wands"))
	added := world.Post(t, e.Base+"/s/magic-wands/cart", "action=add&product=nightjar", append([]string{"Content-Type", world.Form}, guest...)...)
	if added.Status != http.StatusSeeOther {
		t.Fatalf("cart: %d", added.Status)
	}
	followed := world.Get(t, link(t, e, "customer-7"), guest...)
	if followed.Status != http.StatusSeeOther || followed.Header.Get("Location") != "/s/magic-wands" {
		t.Fatalf("link: %d to %q", followed.Status, followed.Header.Get("Location"))
	}
	customer := cookies(followed)
	if cart := world.Get(t, e.Base+"/s/magic-wands/cart", customer...); !strings.Contains(cart.Body, "1 item") || !strings.Contains(cart.Body, "Nightjar") {
		t.Error("the guest's cart is not the customer's")
	}
	if cart := world.Get(t, e.Base+"/s/magic-wands/cart", guest...); strings.Contains(cart.Body, "1 item") {
		t.Error("the guest still has the cart")
	}
	eventually.True(t, "the customer gets a page", func() bool {
		return world.Get(t, e.Base+"/s/magic-wands", customer...).Header.Get("X-Cache") == "HIT"
	})
	if _, err := w.KV(wandnats.BucketPages).Get(t.Context(), wandnats.PageKey("magic-wands", "customer-7")); err != nil {
		t.Errorf("the page is not the customer's: %v", err)
	}
}

// asking is how many requests of a flood are under way at a time.
const asking = 16

// each does it n times, with the numbers below n.
func each(n int, do func(i int)) {
	var all sync.WaitGroup
	next := atomic.Int64{}
	for range asking {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				do(int(i))
			}
		})
	}
	all.Wait()
}

// A flood of invented visitors, from one address and then from thousands, leaves the shoppers
// who return their places in the queue.
func TestFloodLeavesRoomForWhoReturns(t *testing.T) {
	t.Parallel()
	const regulars = 100
	w := world.New(t)
	e := w.StartEdge(signed)
	sessions := w.KV(wandnats.BucketSessions)
	_, js := w.Connect()

	var jobs atomic.Int64
	visit := func(addr string, n int) {
		// Each keeps its cookie, comes back at once, and says it is somebody.
		address := e.Base + fmt.Sprintf("/s/magic-wands?shopper=invented-%d", n)
		first := world.Get(t, address, "X-Forwarded-For", addr)
		second := world.Get(t, address, append(cookies(first), "X-Forwarded-For", addr)...)
		if first.Status != http.StatusOK || second.Status != http.StatusOK {
			t.Errorf("a page is refused: %d, %d", first.Status, second.Status)
		}
		if second.Header.Get("X-Generation") == "triggered" {
			jobs.Add(1)
		}
	}
	begun := time.Now()
	each(flood, func(i int) { visit("192.0.2.1", i) })
	// Thirty an hour.
	if n := jobs.Swap(0); n > 30+int64(time.Since(begun)/(2*time.Minute)) {
		t.Errorf("one address made %d jobs", n)
	}
	each(flood, func(i int) { visit(fmt.Sprintf("198.%d.%d.7", 18+i/256, i%256), i) })
	if n := jobs.Load(); n > 600 { // half of ten queues, and what was under way
		t.Errorf("thousands of addresses made %d jobs", n)
	}
	// Half of each queue, and what was under way when it was reached.
	for member, n := range w.Waiting(js) {
		if n > 50+asking {
			t.Errorf("newcomers fill %d of the 100 places of %s", n, member)
		}
	}

	// Those who were here before.
	long := timestamppb.New(time.Now().Add(-24 * time.Hour))
	var queued atomic.Int64
	each(regulars, func(i int) {
		guest := cookies(world.Get(t, e.Base+"/s/magic-wands", "X-Forwarded-For", fmt.Sprintf("203.0.113.%d", i)))
		id, _, _ := strings.Cut(strings.TrimPrefix(guest[1], "wandstore_shopper="), ".")
		b, err := wire.Marshal(&wandstorev1.ShopperSession{ShopperId: id, CreatedAt: long, UpdatedAt: long})
		if err != nil {
			t.Error(err)
			return
		}
		if _, err := sessions.Put(t.Context(), wandnats.SessionKey(id), b); err != nil {
			t.Error(err)
			return
		}
		if world.Get(t, e.Base+"/s/magic-wands", append(guest, "X-Forwarded-For", fmt.Sprintf("203.0.113.%d", i))...).Header.Get("X-Generation") == "triggered" {
			queued.Add(1)
		}
	})
	if n := queued.Load(); n < regulars*99/100 {
		t.Errorf("%d of %d who return are queued", n, regulars)
	}
}

// One client's event streams leave room for everybody else's.
func TestStreamsOfOneClient(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge(signed)
	page := e.Base + "/s/magic-wands"
	guest := cookies(world.Get(t, page))
	if a := world.Get(t, page, guest...); a.Header.Get("X-Generation") != "triggered" {
		t.Fatalf("X-Generation %q", a.Header.Get("X-Generation"))
	}
	// The status of a stream, which stays open until the test ends.
	open := func(addr string, who []string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.Base+"/api/generation/events?store=magic-wands", nil)
		if err != nil {
			t.Error(err)
			return 0
		}
		req.Header.Set(who[0], who[1])
		req.Header.Set("X-Forwarded-For", addr)
		res, err := world.Client.Do(req)
		if err != nil {
			t.Error(err)
			return 0
		}
		if res.StatusCode == http.StatusOK {
			t.Cleanup(func() { _ = res.Body.Close() })
			return res.StatusCode
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		return res.StatusCode
	}
	var held atomic.Int64
	each(flood, func(int) {
		switch status := open("192.0.2.1", guest); status {
		case http.StatusOK:
			held.Add(1)
		case http.StatusTooManyRequests:
		default:
			t.Errorf("a stream too many is answered with %d", status)
		}
	})
	if n := held.Load(); n == 0 || n > 6 {
		t.Errorf("one shopper holds %d streams", n)
	}
	if status := open("192.0.2.2", cookies(world.Get(t, page))); status != http.StatusOK {
		t.Errorf("another client's stream: %d", status)
	}
}
