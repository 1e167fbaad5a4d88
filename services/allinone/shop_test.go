package allinone_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"

	"github.com/wandstore/wandstore/pkg/faulttest"
	"github.com/wandstore/wandstore/pkg/session"
	"github.com/wandstore/wandstore/services/edge"
	"github.com/wandstore/wandstore/services/kimisim"
)

const form = "application/x-www-form-urlencoded"

// putIntoCart sends the form of a product's page.
func putIntoCart(t *testing.T, shop, shopper, fields string, headers ...string) answer {
	t.Helper()
	return post(t, shop+"/cart?shopper="+shopper, fields, append([]string{"Content-Type", form}, headers...)...)
}

func TestShopRoutes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.startEdge()
	shop := e.base + "/s/magic-wands"
	for _, tt := range []struct {
		address string
		status  int
		says    string
	}{
		{shop + "/p/nightjar", 200, "Add to cart"},
		{shop + "/p/midnight-elm", 200, "Sold out for now"},
		{shop + "/p/no-such-wand", 404, "Back to the shop"},
		{shop + "/p/%2e%2e%2fcart", 404, "Back to the shop"},
		{e.base + "/s/no-such-store/p/nightjar", 404, "Whitby Tea Room"},
		{e.base + "/s/whitby-tea/p/nightjar", 404, "Back to the shop"},
		{shop + "/search?q=nightjar", 200, "1 wand found"},
		{shop + "/search?q=%3Cscript%3Ealert(1)%3C/script%3E", 200, "&lt;script&gt;"},
		{shop + "/search?q=%ff%fe&sort=%00&most=1e9&collection=%2e%2e", 200, "Everything we have"},
		{shop + "/search?q=" + strings.Repeat("x", 5000), 200, "0 wands found"},
		{shop + "/cart", 200, "There is nothing in it yet."},
		{shop + "/cart?shopper=not%20an%20id", 400, "not quite right"},
	} {
		a := get(t, tt.address)
		if a.status != tt.status || !strings.Contains(a.body, tt.says) {
			t.Errorf("%.90s: %d, want %d with %q", tt.address, a.status, tt.status, tt.says)
		}
		if a.header.Get("Cache-Control") == "" || !strings.Contains(a.header.Get("Content-Security-Policy"), "default-src 'none'") || a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%.90s: headers %v", tt.address, a.header)
		}
	}
	if a := get(t, shop+"/p/nightjar", "Accept-Encoding", "gzip"); a.header.Get("Content-Encoding") != "gzip" {
		t.Error("a product's page is not compressed")
	}
}

// A shopper who came with an id is known on the shop's other pages by the cookie.
func TestVisitIsRemembered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.startEdge()
	first := visit(t, e, "magic-wands", "abc123")
	cookie, _, _ := strings.Cut(first.header.Get("Set-Cookie"), ";")
	if cookie != "wandstore_shopper=abc123" || !strings.Contains(first.header.Get("Set-Cookie"), "HttpOnly") {
		t.Fatalf("Set-Cookie %q", first.header.Get("Set-Cookie"))
	}
	if again := get(t, e.base+"/s/magic-wands?shopper=abc123", "Cookie", cookie); again.header.Get("Set-Cookie") != "" {
		t.Errorf("set again: %q", again.header.Get("Set-Cookie"))
	}
}

func TestCart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.startEdge()
	shop := e.base + "/s/magic-wands"
	_, js := w.connect()
	kv, err := js.KeyValue(t.Context(), "SHOPPER_SESSIONS")
	if err != nil {
		t.Fatal(err)
	}
	signals := func(shopper string) (adds, removes uint32) {
		s, err := session.NewStore(kv).Get(t.Context(), shopper)
		if err != nil {
			t.Fatal(err)
		}
		g := session.Signals(s, "magic-wands")
		return g.GetCartAdds(), g.GetCartRemoves()
	}
	for _, step := range []struct {
		fields string
		count  string
	}{
		{"action=add&product=nightjar", "magic-wands:1"},
		{"action=add&product=nightjar&quantity=2", "magic-wands:3"},
		{"action=add&product=nightjar&quantity=50", "magic-wands:6"}, // there are six
		{"action=add&product=halcyon", "magic-wands:7"},
		{"action=set&product=nightjar&quantity=2", "magic-wands:3"},
		{"action=add&product=midnight-elm", "magic-wands:3"}, // sold out
		{"action=remove&product=halcyon", "magic-wands:2"},
		{"action=set&product=nightjar&quantity=0", "magic-wands:0"},
		{"action=add&product=rosewarden", "magic-wands:1"},
		{"action=add&product=halcyon&product=nightjar&product=midnight-elm", "magic-wands:3"}, // the last is sold out
		{"action=remove&product=halcyon&product=nightjar", "magic-wands:1"},
	} {
		a := putIntoCart(t, shop, "abc", step.fields)
		if a.status != http.StatusSeeOther || a.header.Get("Location") != "/s/magic-wands/cart" || !strings.Contains(strings.Join(a.header.Values("Set-Cookie"), "\n"), "wandstore_cart="+step.count+";") {
			t.Errorf("%s: %d, %v, want %s", step.fields, a.status, a.header, step.count)
		}
	}
	if a := get(t, shop+"/cart?shopper=abc"); !strings.Contains(a.body, "Rosewarden") || strings.Contains(a.body, "/p/nightjar") || !strings.Contains(a.body, "1 item") {
		t.Error("the cart does not hold what was put into it last, and that only")
	}
	if adds, removes := signals("abc"); adds != 7 || removes != 4 {
		t.Errorf("%d put in and %d taken out are counted, want 7 and 4", adds, removes)
	}
	// Who does not want to be learned from has a cart all the same.
	for _, header := range []string{"DNT", "Sec-GPC"} {
		if a := putIntoCart(t, shop, "private", "action=add&product=halcyon", header, "1"); a.status != http.StatusSeeOther {
			t.Errorf("with %s: %d", header, a.status)
		}
	}
	if adds, _ := signals("private"); adds != 0 {
		t.Errorf("%d counted of a shopper who said no", adds)
	}
	if a := get(t, shop+"/cart?shopper=private"); !strings.Contains(a.body, "2 items") {
		t.Error("the cart of a shopper who said no is not kept")
	}
	// Forms have two encodings.
	var parts strings.Builder
	for _, field := range [][2]string{{"action", "add"}, {"product", "nightjar"}, {"product", "halcyon"}} {
		fmt.Fprintf(&parts, "--part\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", field[0], field[1])
	}
	parts.WriteString("--part--\r\n")
	if a := post(t, shop+"/cart?shopper=parts", parts.String(), "Content-Type", "multipart/form-data; boundary=part"); a.status != http.StatusSeeOther || !strings.Contains(strings.Join(a.header.Values("Set-Cookie"), "\n"), "wandstore_cart=magic-wands:2;") {
		t.Errorf("multipart: %d, %v", a.status, a.header)
	}
	// A shopper without an id gets one with the cart.
	a := post(t, shop+"/cart", "action=add&product=halcyon", "Content-Type", form)
	if cookies := strings.Join(a.header.Values("Set-Cookie"), "\n"); a.status != http.StatusSeeOther || !strings.Contains(cookies, "wandstore_shopper=") {
		t.Errorf("without an id: %d, %q", a.status, cookies)
	}
}

func TestCartRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.startEdge()
	shop := e.base + "/s/magic-wands"
	for _, tt := range []struct {
		fields  string
		status  int
		headers []string
	}{
		{"", 400, nil},
		{"action=steal&product=nightjar", 400, nil},
		{"action=add&product=no-such-wand", 404, nil},
		{"action=add&product=", 404, nil},
		{"action=add&product=nightjar&product=no-such-wand", 404, nil},
		{"action=add" + strings.Repeat("&product=nightjar", 13), 400, nil},
		{"action=set&product=nightjar&quantity=-1", 400, nil},
		{"action=set&product=nightjar&quantity=100", 400, nil},
		{"action=set&product=nightjar&quantity=1e1", 400, nil},
		{"action=remove&product=%3Cb%3E", 404, nil},
		{"action=add&product=nightjar", 403, []string{"Sec-Fetch-Site", "cross-site"}},
		{"action=add&product=nightjar", 403, []string{"Origin", "https://evil.example"}},
		{"action=add&product=nightjar", 303, []string{"Sec-Fetch-Site", "same-origin", "Origin", e.base}},
	} {
		if a := putIntoCart(t, shop, "abc", tt.fields, tt.headers...); a.status != tt.status {
			t.Errorf("%q %v: %d, want %d", tt.fields, tt.headers, a.status, tt.status)
		}
	}
}

// Without NATS there is a shop, only no cart; and it comes back.
func TestShopWithoutNATS(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bus := faulttest.NewProxy(t, w.nats.Addr())
	e := w.startEdge(func(c *edge.Config) { c.NATS.URL = "nats://" + bus.Addr() })
	shop := e.base + "/s/magic-wands"
	if a := putIntoCart(t, shop, "abc", "action=add&product=nightjar"); a.status != http.StatusSeeOther {
		t.Fatalf("add: %d", a.status)
	}
	bus.Cut()
	for path, want := range map[string]int{"/p/nightjar": 200, "/search?q=owl": 200, "/cart?shopper=abc": 503} {
		if a := get(t, shop+path); a.status != want || want == 503 && !strings.Contains(a.body, "cannot be reached just now") {
			t.Errorf("%s without NATS: %d, want %d", path, a.status, want)
		}
	}
	if a := putIntoCart(t, shop, "abc", "action=add&product=halcyon"); a.status != http.StatusServiceUnavailable {
		t.Errorf("add without NATS: %d", a.status)
	}
	bus.Restore()
	eventually(t, "the cart is back", func() bool {
		a := get(t, shop+"/cart?shopper=abc")
		return a.status == http.StatusOK && strings.Contains(a.body, "Nightjar")
	})
}

// What a page says goes together is put into the cart together.
func TestBrowserBuysABundle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.startEdge()
	g := w.startGenerator()
	w.sim.SetAnswer(func(kimisim.Request) string {
		return `{"sections":[{"type":"bundle","productIds":["nightjar","halcyon","rosewarden"]}]}`
	})
	if a := post(t, g.base+"/generate", `{"storeSlug":"magic-wands","shopperId":"collector"}`); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	page := startBrowser(t).open(t, 390)
	page.visit(e.base + "/s/magic-wands?shopper=collector")
	sum := eval[string](page, `document.querySelector(".bundle .together .price").textContent.trim()`)
	page.run(`document.querySelector(".bundle .add button").click()`)
	page.until("all three are in the cart", `document.querySelectorAll(".basket-lines li").length === 3`)
	if got := eval[string](page, `document.querySelector(".checkout .price").textContent.trim()`); got != sum {
		t.Errorf("together %q in the cart, %q on the page", got, sum)
	}
}

// A shopper finds a thing, puts it into the cart and thinks again, with JavaScript
// and without, on a desk and on a phone.
func TestBrowserShops(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.startEdge()
	w.startGenerator()
	b := startBrowser(t)
	for _, width := range widths {
		for _, script := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d px, JavaScript %t", width, script), func(t *testing.T) {
				shopper := fmt.Sprintf("buyer-%d-%t", width, script)
				page := b.open(t, width)
				call(page, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !script})
				if first := page.visit(e.base + "/s/magic-wands?shopper=" + shopper); first.get("X-Cache") != "MISS" {
					t.Fatalf("first visit: %v", first.header)
				}
				// Clicks go by the DOM: with scripts off there is no other way in.
				if script {
					page.until("the page becomes the shopper's", isPersonal)
				}
				page.run(`document.querySelector("input[type=search]").value = "owl"; document.querySelector(".search button").click()`)
				page.until("the search answers", `document.documentElement.dataset.view === "search"`)

				page.visit(e.base + "/s/magic-wands/search")
				all := `[...document.querySelectorAll("main .card")]`
				if eval[bool](page, all+`.every(card => card.querySelector("s"))`) {
					t.Fatal("everything is on sale")
				}
				page.run(`document.querySelector("input[name=sale]").click(); document.querySelector(".filters button").click()`)
				page.until("the filter narrows it", `location.search.includes("sale=1") && `+all+`.length > 3 && `+all+`.every(card => card.querySelector("s"))`)

				page.visit(e.base + "/s/magic-wands/search?q=nightjar")
				page.run(`document.querySelector("main .card h3 a").click()`)
				page.until("the product opens", `document.querySelector("h1")?.textContent === "Nightjar"`)
				page.run(`document.querySelector(".buy button").click()`)
				page.until("it is in the cart", `document.documentElement.dataset.view === "cart" && document.querySelectorAll(".basket-lines li").length === 1`)
				if got := eval[string](page, `document.querySelector("#cart-count").textContent`); !strings.HasSuffix(got, "1") {
					t.Errorf("the header counts %q", got)
				}
				page.run(`document.querySelector(".change input[name=quantity]").value = "3"; document.querySelector(".change button[value=set]").click()`)
				page.until("there are three", `document.querySelector("#sum-h")?.textContent === "3 items" && document.querySelector(".together .price").textContent.includes("$567")`)
				if got := eval[string](page, `document.querySelector("#checkout").href`); !strings.HasPrefix(got, "https://checkout.magic-wands.example/") || !strings.Contains(got, "nightjar%3A3") {
					t.Errorf("the checkout is %q", got)
				}
				page.run(`document.querySelector(".change button[value=remove]").click()`)
				page.until("the cart is empty", `document.querySelector("main").textContent.includes("There is nothing in it yet")`)

				becomesHit(t, e, "magic-wands", shopper)
				page.run(`document.querySelector(".brand a").click()`)
				page.until("the shop knows them", isPersonal)
				visits := page.visits()
				if back := visits[len(visits)-1]; back.get("X-Cache") != "HIT" {
					t.Errorf("coming back: %v", back.header)
				}
			})
		}
	}
}
