package edge

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/wandstore/wandstore/pkg/pagestore"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
	"github.com/wandstore/wandstore/services/edge/internal/identity"
)

var (
	cookieKey = strings.Repeat("c", 32)
	wandsKey  = strings.Repeat("w", 32)
	teaKey    = strings.Repeat("t", 32)
)

func encoded(key string) string { return base64.StdEncoding.EncodeToString([]byte(key)) }

// signed is an edge on the internet.
func signed(c *Config) {
	c.Identity = identity.Config{
		Mode: identity.Signed, CookieKeys: encoded(cookieKey),
		LinkKeys: slug + ":" + encoded(wandsKey) + ",whitby-tea:" + encoded(teaKey),
	}
	c.TrustedProxies = "0.0.0.0" // where requests of tests come from
	c.Pool.MaxQueueDepth = 100
}

// linkToken is what a merchant's backend puts into a link. A shopper of "" makes it a
// server's.
func linkToken(t *testing.T, key, shop, shopper string, expires time.Duration) string {
	t.Helper()
	claims := jwt.MapClaims{"aud": shop, "exp": time.Now().Add(expires).Unix()}
	if shopper != "" {
		claims["sub"] = shopper
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// cookieOf is the cookie that names a shopper.
func cookieOf(t *testing.T, shopper, scope string) string {
	t.Helper()
	keys, err := identity.Config{CookieKeys: encoded(cookieKey)}.Keys(time.Now)
	if err != nil {
		t.Fatal(err)
	}
	value, err := keys.Cookie(shopper, scope)
	if err != nil {
		t.Fatal(err)
	}
	name := shopperCookie
	if scope != identity.Guest {
		name += "_" + scope
	}
	return name + "=" + value
}

// asker is who sends a request, and whom it may see and change.
type asker struct {
	name    string
	headers []string
	query   string // added to the address
	is      string // "" is nobody
}

func askers(t *testing.T) []asker {
	ada, bob := cookieOf(t, "ada", identity.Guest), cookieOf(t, "bob", identity.Guest)
	mac := strings.TrimPrefix(ada, shopperCookie+"=ada.")
	return []asker{
		{name: "nobody"},
		{name: "ada", headers: []string{"Cookie", ada}, is: "ada"},
		{name: "ada by her link's cookie", headers: []string{"Cookie", cookieOf(t, "ada", slug)}, is: "ada"},
		{name: "ada with bob's id in the address", headers: []string{"Cookie", ada}, query: "shopper=bob", is: "ada"},
		{name: "nobody with bob's id in the address", query: "shopper=bob"},
		{name: "a plain cookie", headers: []string{"Cookie", shopperCookie + "=bob"}},
		{name: "a forged cookie", headers: []string{"Cookie", shopperCookie + "=bob." + mac}},
		{name: "bob's cookie of another shop", headers: []string{"Cookie", cookieOf(t, "bob", "whitby-tea")}},
		{name: "another shop's cookie under this one's name", headers: []string{"Cookie", shopperCookie + "_" + slug + strings.TrimPrefix(cookieOf(t, "bob", "whitby-tea"), shopperCookie+"_whitby-tea")}},
		{name: "another site with bob's cookie", headers: []string{"Cookie", bob, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors"}, is: "another site"},
		{name: "another shop's server", headers: []string{"Authorization", "Bearer " + linkToken(t, teaKey, "whitby-tea", "", time.Hour)}, query: "shopper=bob"},
		{name: "a link's token as a server's", headers: []string{"Authorization", "Bearer " + linkToken(t, wandsKey, slug, "ada", time.Hour)}, query: "shopper=bob"},
	}
}

// bobs is what nobody else may see.
var bobs = []string{"bob's own page", "2 items", `"persona":"loyalist"`}

// withBob is a desk where bob has a page, a cart and a session.
func withBob(t *testing.T) *desk {
	t.Helper()
	d := newDesk(t, signed)
	hit := d.hit
	page := d.has(pagestore.TierMemory, func(p *wandstorev1.Page) {
		p.ShopperId, p.Persona, p.Html = "bob", "loyalist", "<!doctype html><p>bob's own page"
	})
	d.hit, d.others = hit, map[string]*pagestore.Hit{"bob": {Page: page, Tier: pagestore.TierMemory}}
	d.sessions["bob"] = &wandstorev1.ShopperSession{
		ShopperId: "bob", CreatedAt: timestamppb.Now(), UpdatedAt: timestamppb.Now(),
		Stores: map[string]*wandstorev1.StoreSignals{slug: {Cart: []string{"halcyon"}, Quantities: map[string]uint32{"halcyon": 2}}},
	}
	return d
}

// Every route by everybody: what each can see and change. Where ids are signed, nobody sees
// or changes what is bob's.
func TestNobodyIsSomebodyElse(t *testing.T) {
	t.Parallel()
	cases := []struct {
		route, body string
		headers     []string
		// status by who asks: nobody, somebody, another site.
		nobody, somebody, foreign int
		changes                   bool // the session of who asks
	}{
		{route: "GET /s/magic-wands", nobody: 200, somebody: 200, foreign: 200},
		{route: "GET /s/magic-wands/cart", nobody: 200, somebody: 200, foreign: 200},
		{route: "GET /s/magic-wands/search?q=oak", nobody: 200, somebody: 200, foreign: 200},
		{route: "GET /s/magic-wands/p/nightjar", nobody: 200, somebody: 200, foreign: 200},
		{route: "POST /s/magic-wands/cart", body: "action=add&product=nightjar", headers: form, nobody: 303, somebody: 303, foreign: 403, changes: true},
		{route: "POST /s/magic-wands/forget", headers: form, nobody: 303, somebody: 303, foreign: 403},
		{route: "GET /s/magic-wands/export", nobody: 303, somebody: 200, foreign: 403},
		{route: "GET /api/generation/status?store=magic-wands", nobody: 401, somebody: 200, foreign: 403},
		{route: "POST /api/shopper/track", body: `{"store":"magic-wands","event":"view","product":"nightjar"}`, nobody: 400, somebody: 202, foreign: 400, changes: true},
		{route: "POST /api/shopper/track", body: `{"shopper":"bob","store":"magic-wands","event":"purchase"}`, nobody: 403, somebody: 403, foreign: 403},
	}
	for _, tt := range cases {
		for _, who := range askers(t) {
			t.Run(tt.route+" by "+who.name, func(t *testing.T) {
				t.Parallel()
				d := withBob(t)
				method, target, _ := strings.Cut(tt.route, " ")
				if who.query != "" {
					target += map[bool]string{true: "&", false: "?"}[strings.Contains(target, "?")] + who.query
				}
				before := d.sessions["bob"].String()
				res := d.ask(method, target, tt.body, with(tt.headers, who.headers)...)
				want := map[string]int{"": tt.nobody, "ada": tt.somebody, "another site": tt.foreign}[who.is]
				if res.StatusCode != want {
					t.Errorf("status %d, want %d: %.200s", res.StatusCode, want, res.body)
				}
				if who.is != "another site" || method == http.MethodPost {
					for _, secret := range bobs {
						if strings.Contains(res.body, secret) {
							t.Errorf("it shows %q", secret)
						}
					}
				}
				if after := d.sessions["bob"].String(); after != before {
					t.Errorf("bob's session is %s, was %s", after, before)
				}
				for _, shopper := range d.forgotten {
					if shopper != "ada" && shopper != "ada in magic-wands" {
						t.Errorf("%s was forgotten", shopper)
					}
				}
				for _, kept := range d.exported {
					if !strings.HasPrefix(kept, "ada ") {
						t.Errorf("%s was exported", kept)
					}
				}
				for _, r := range d.triggered {
					if r.Key.Shopper() != "ada" {
						t.Errorf("a job was made for %s", r.Key.Shopper())
					}
				}
				if changed := d.sessions["ada"] != nil; changed != (tt.changes && who.is == "ada") {
					t.Errorf("ada's session changed: %t", changed)
				}
				for _, c := range res.Cookies() {
					if strings.HasPrefix(c.Name, shopperCookie) && strings.HasPrefix(c.Value, "bob") {
						t.Errorf("the browser is told that it is bob: %v", c)
					}
				}
			})
		}
	}
}

// Bob himself sees what is his.
func TestBobSeesHisOwn(t *testing.T) {
	t.Parallel()
	d := withBob(t)
	bob := []string{"Cookie", cookieOf(t, "bob", identity.Guest)}
	for i, target := range []string{"/s/magic-wands", "/s/magic-wands/cart", "/api/generation/status?store=magic-wands"} {
		if res := d.ask(http.MethodGet, target, "", bob...); !strings.Contains(res.body, bobs[i]) {
			t.Errorf("%s does not show %q", target, bobs[i])
		}
	}
}

// A merchant's server speaks for its own shoppers.
func TestServersSpeakForTheirShoppers(t *testing.T) {
	t.Parallel()
	server := func(key, shop string) []string {
		return []string{"Authorization", "Bearer " + linkToken(t, key, shop, "", time.Hour)}
	}
	d := withBob(t)
	res := d.ask(http.MethodPost, "/api/shopper/track", `{"shopper":"bob","store":"magic-wands","event":"purchase"}`, server(wandsKey, slug)...)
	if res.StatusCode != http.StatusAccepted || d.sessions["bob"].GetStores()[slug].GetPurchases() != 1 {
		t.Errorf("%d %s, session %v", res.StatusCode, res.body, d.sessions["bob"])
	}
	res = d.ask(http.MethodGet, "/api/generation/status?store=magic-wands&shopper=bob", "", server(wandsKey, slug)...)
	if res.StatusCode != http.StatusOK || !strings.Contains(res.body, `"persona":"loyalist"`) {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
	if len(d.triggered) != 0 {
		t.Errorf("a server's question made a job: %v", d.triggered)
	}
}

// A link is exchanged for a cookie that counts in its shop only, and leaves no token behind.
func TestLinksAreExchanged(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		target, token, leads string
		cookie               []string
		keeps                string // whom the cookie names
		cart                 string // of ada afterwards
	}{
		"link":                          {target: "/s/magic-wands", token: linkToken(t, wandsKey, slug, "ada", time.Hour), leads: "/s/magic-wands", keeps: "ada"},
		"link with more in the address": {target: "/s/magic-wands?utm=x&y=1", token: linkToken(t, wandsKey, slug, "ada", time.Hour), leads: "/s/magic-wands?utm=x&y=1", keeps: "ada"},
		"link to the cart":              {target: "/s/magic-wands/cart", token: linkToken(t, wandsKey, slug, "ada", time.Hour), leads: "/s/magic-wands/cart", keeps: "ada"},
		"link, as a guest with a cart":  {target: "/s/magic-wands", token: linkToken(t, wandsKey, slug, "ada", time.Hour), leads: "/s/magic-wands", cookie: []string{"Cookie", cookieOf(t, "guest", identity.Guest)}, keeps: "ada", cart: "[nightjar rosewarden]"},
		"expired link":                  {target: "/s/magic-wands", token: linkToken(t, wandsKey, slug, "ada", -time.Hour), leads: "/s/magic-wands"},
		"another shop's link":           {target: "/s/magic-wands", token: linkToken(t, teaKey, "whitby-tea", "ada", time.Hour), leads: "/s/magic-wands"},
		"another shop's key":            {target: "/s/magic-wands", token: linkToken(t, teaKey, slug, "ada", time.Hour), leads: "/s/magic-wands"},
		"a server's token":              {target: "/s/magic-wands", token: linkToken(t, wandsKey, slug, "", time.Hour), leads: "/s/magic-wands"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, signed)
			d.sessions["guest"] = &wandstorev1.ShopperSession{Stores: map[string]*wandstorev1.StoreSignals{slug: {Cart: []string{"nightjar", "rosewarden"}, Quantities: map[string]uint32{"rosewarden": 2}}}}
			target := tt.target + map[bool]string{true: "&", false: "?"}[strings.Contains(tt.target, "?")] + "shopper=" + tt.token
			res := d.ask(http.MethodGet, target, "", tt.cookie...)
			if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != tt.leads || strings.Contains(res.Header.Get("Location"), tt.token) {
				t.Fatalf("%d to %q, want 303 to %q", res.StatusCode, res.Header.Get("Location"), tt.leads)
			}
			kept := ""
			for _, c := range res.Cookies() {
				if c.Name == shopperCookie+"_"+slug {
					kept, _, _ = strings.Cut(c.Value, ".")
				}
			}
			if kept != tt.keeps {
				t.Errorf("cookie of %q, want %q", kept, tt.keeps)
			}
			cart := ""
			if s := d.sessions["ada"]; s != nil {
				cart = fmt.Sprint(s.GetStores()[slug].GetCart())
				if left := d.sessions["guest"].GetStores()[slug].GetCart(); len(left) > 0 {
					t.Errorf("the guest still has %v", left)
				}
				if n := s.GetStores()[slug].GetQuantities()["rosewarden"]; n != 2 {
					t.Errorf("%d of rosewarden", n)
				}
			}
			if cart != tt.cart {
				t.Errorf("ada's cart is %s, want %s", cart, tt.cart)
			}
		})
	}
}

// Over HTTPS, as a trusted proxy says, the cookie is this host's alone.
func TestCookiesOverHTTPS(t *testing.T) {
	t.Parallel()
	d := newDesk(t, signed)
	res := d.ask(http.MethodGet, "/s/magic-wands", "", "X-Forwarded-Proto", "https")
	c := res.Cookies()[0]
	if c.Name != "__Host-wandstore_shopper" || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteLaxMode {
		t.Errorf("cookie %v", c)
	}
	res = d.ask(http.MethodGet, "/s/magic-wands", "", "X-Forwarded-Proto", "https", "Cookie", c.Name+"="+c.Value)
	if len(res.Cookies()) != 0 || len(d.triggered) != 1 {
		t.Errorf("the visitor is not known again: %v", res.Cookies())
	}
	// A cookie that was set over HTTP could have been set by anybody on the way.
	res = d.ask(http.MethodGet, "/s/magic-wands", "", "X-Forwarded-Proto", "https", "Cookie", shopperCookie+"="+c.Value)
	if len(res.Cookies()) != 1 {
		t.Error("a cookie without the prefix counts over HTTPS")
	}
}

// Who gets a job, where ids are signed.
func TestWhoGetsAJob(t *testing.T) {
	t.Parallel()
	const (
		page   = "GET /s/magic-wands"
		events = "GET /api/generation/events?store=magic-wands"
		chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
	)
	ada := []string{"Cookie", cookieOf(t, "ada", identity.Guest), "User-Agent", chrome}
	for name, tt := range map[string]struct {
		route   string
		headers []string
		job     bool
	}{
		"a first visit":              {page, []string{"User-Agent", chrome}, false},
		"a second visit":             {page, ada, true},
		"a second visit, HEAD":       {"HEAD /s/magic-wands", ada, false},
		"prefetch":                   {page, with(ada, []string{"Sec-Purpose", "prefetch"}), false},
		"prerender":                  {page, with(ada, []string{"Sec-Purpose", "prefetch;prerender"}), false},
		"prefetch of old":            {page, with(ada, []string{"Purpose", "prefetch"}), false},
		"embedded by another site":   {page, with(ada, []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}), false},
		"a link on another site":     {page, with(ada, []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}), true},
		"do not track":               {page, with(ada, []string{"DNT", "1"}), false},
		"global privacy control":     {page, with(ada, []string{"Sec-GPC", "1"}), false},
		"a robot":                    {page, []string{"Cookie", cookieOf(t, "ada", identity.Guest), "User-Agent", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}, false},
		"a model's robot":            {page, []string{"Cookie", cookieOf(t, "ada", identity.Guest), "User-Agent", "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)"}, false},
		"a listener":                 {events, ada, true},
		"a listener who is nobody":   {events, []string{"User-Agent", chrome}, false},
		"a listener on another site": {events, with(ada, []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}), false},
		"a listener, do not track":   {events, with(ada, []string{"DNT", "1"}), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, signed)
			close(d.edge.draining) // streams end at once
			method, target, _ := strings.Cut(tt.route, " ")
			d.ask(method, target, "", tt.headers...)
			if got := len(d.triggered) == 1; got != tt.job {
				t.Errorf("jobs: %v", d.triggered)
			}
		})
	}
}

// Who does not want to be tracked is known until the browser is closed.
func TestNoLastingCookieForWhoIsNotTracked(t *testing.T) {
	t.Parallel()
	for _, header := range []string{"DNT", "Sec-GPC"} {
		d := newDesk(t, signed)
		res := d.ask(http.MethodGet, "/s/magic-wands", "", header, "1")
		if c := res.Cookies()[0]; c.MaxAge != 0 || !c.Expires.IsZero() {
			t.Errorf("%s: cookie %v", header, c)
		}
	}
}

// Addresses that name a shopper are not for search engines.
func TestPersonalAddressesAreNotIndexed(t *testing.T) {
	t.Parallel()
	res := newDesk(t).ask(http.MethodGet, front, "")
	if res.Header.Get("X-Robots-Tag") != "noindex" || res.Header.Get("Link") != `</s/magic-wands>; rel="canonical"` {
		t.Errorf("%v", res.Header)
	}
	if res := newDesk(t).ask(http.MethodGet, "/s/magic-wands", ""); res.Header.Get("X-Robots-Tag") != "" {
		t.Error("the shop's front is not indexed")
	}
}
