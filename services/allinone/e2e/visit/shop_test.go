package visit_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/session"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
)

func TestShopRoutes(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
	shop := e.Base + "/s/magic-wands"
	for _, tt := range []struct {
		address string
		status  int
		says    string
	}{
		{shop + "/p/nightjar", 200, "Add to cart"},
		{shop + "/p/midnight-elm", 200, "Sold out for now"},
		{shop + "/p/no-such-wand", 404, "Back to the shop"},
		{shop + "/p/%2e%2e%2fcart", 404, "Back to the shop"},
		{e.Base + "/s/no-such-store/p/nightjar", 404, "Whitby Tea Room"},
		{e.Base + "/s/whitby-tea/p/nightjar", 404, "Back to the shop"},
		{shop + "/search?q=nightjar", 200, "1 wand found"},
		{shop + "/search?q=%3Cscript%3Ealert(1)%3C/script%3E", 200, "&lt;script&gt;"},
		{shop + "/search?q=%ff%fe&sort=%00&most=1e9&collection=%2e%2e", 200, "Everything we have"},
		{shop + "/search?q=" + strings.Repeat("x", 5000), 200, "0 wands found"},
		{shop + "/cart", 200, "There is nothing in it yet."},
		{shop + "/cart?shopper=not%20an%20id", 400, "not quite right"},
	} {
		a := world.Get(t, tt.address)
		if a.Status != tt.status || !strings.Contains(a.Body, tt.says) {
			t.Errorf("%.90s: %d, want %d with %q", tt.address, a.Status, tt.status, tt.says)
		}
		if a.Header.Get("Cache-Control") == "" || !strings.Contains(a.Header.Get("Content-Security-Policy"), "default-src 'none'") || a.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%.90s: headers %v", tt.address, a.Header)
		}
	}
	if a := world.Get(t, shop+"/p/nightjar", "Accept-Encoding", "gzip"); a.Header.Get("Content-Encoding") != "gzip" {
		t.Error("a product's page is not compressed")
	}
}

// An id in the address is remembered in the cookie, for the shop's other pages.
func TestVisitIsRemembered(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
	first := e.Visit(t, "magic-wands", "abc123")
	cookie, _, _ := strings.Cut(first.Header.Get("Set-Cookie"), ";")
	if cookie != "wandstore_shopper=abc123" || !strings.Contains(first.Header.Get("Set-Cookie"), "HttpOnly") {
		t.Fatalf("Set-Cookie %q", first.Header.Get("Set-Cookie"))
	}
	if again := world.Get(t, e.Base+"/s/magic-wands?shopper=abc123", "Cookie", cookie); again.Header.Get("Set-Cookie") != "" {
		t.Errorf("set again: %q", again.Header.Get("Set-Cookie"))
	}
}

func TestCart(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
	shop := e.Base + "/s/magic-wands"
	_, js := w.Connect()
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
		a := e.PutIntoCart(t, "magic-wands", "abc", step.fields)
		if a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/s/magic-wands/cart" || !strings.Contains(strings.Join(a.Header.Values("Set-Cookie"), "\n"), "wandstore_cart="+step.count+";") {
			t.Errorf("%s: %d, %v, want %s", step.fields, a.Status, a.Header, step.count)
		}
	}
	if a := world.Get(t, shop+"/cart?shopper=abc"); !strings.Contains(a.Body, "Rosewarden") || strings.Contains(a.Body, "/p/nightjar") || !strings.Contains(a.Body, "1 item") {
		t.Error("the cart does not hold what was put into it last, and that only")
	}
	if adds, removes := signals("abc"); adds != 7 || removes != 4 {
		t.Errorf("%d put in and %d taken out are counted, want 7 and 4", adds, removes)
	}
	// A browser that asks not to be tracked has a cart all the same.
	for _, header := range []string{"DNT", "Sec-GPC"} {
		if a := e.PutIntoCart(t, "magic-wands", "private", "action=add&product=halcyon", header, "1"); a.Status != http.StatusSeeOther {
			t.Errorf("with %s: %d", header, a.Status)
		}
	}
	if adds, _ := signals("private"); adds != 0 {
		t.Errorf("%d counted of a shopper who said no", adds)
	}
	if a := world.Get(t, shop+"/cart?shopper=private"); !strings.Contains(a.Body, "2 items") {
		t.Error("the cart of a shopper who said no is not kept")
	}
	// A form may be sent as multipart/form-data, too.
	var parts strings.Builder
	for _, field := range [][2]string{{"action", "add"}, {"product", "nightjar"}, {"product", "halcyon"}} {
		fmt.Fprintf(&parts, "--part\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", field[0], field[1])
	}
	parts.WriteString("--part--\r\n")
	if a := world.Post(t, shop+"/cart?shopper=parts", parts.String(), "Content-Type", "multipart/form-data; boundary=part"); a.Status != http.StatusSeeOther || !strings.Contains(strings.Join(a.Header.Values("Set-Cookie"), "\n"), "wandstore_cart=magic-wands:2;") {
		t.Errorf("multipart: %d, %v", a.Status, a.Header)
	}
	// A shopper without an id is given one with the cart.
	a := world.Post(t, shop+"/cart", "action=add&product=halcyon", "Content-Type", world.Form)
	if cookies := strings.Join(a.Header.Values("Set-Cookie"), "\n"); a.Status != http.StatusSeeOther || !strings.Contains(cookies, "wandstore_shopper=") {
		t.Errorf("without an id: %d, %q", a.Status, cookies)
	}
}

func TestCartRefuses(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
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
		{"action=add&product=nightjar", 303, []string{"Sec-Fetch-Site", "same-origin", "Origin", e.Base}},
	} {
		if a := e.PutIntoCart(t, "magic-wands", "abc", tt.fields, tt.headers...); a.Status != tt.status {
			t.Errorf("%q %v: %d, want %d", tt.fields, tt.headers, a.Status, tt.status)
		}
	}
}
