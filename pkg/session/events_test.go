package session_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/session"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

const store = "magic-wands"

func event(name string) *wandstorev1.TrackEvent {
	return &wandstorev1.TrackEvent{Shopper: "abc123", Store: store, Event: name}
}

// apply checks and applies an event, as the edge does.
func apply(t testing.TB, s *wandstorev1.ShopperSession, e *wandstorev1.TrackEvent, at time.Time) {
	t.Helper()
	if err := session.Check(e); err != nil {
		t.Fatal(err)
	}
	session.Apply(s, e, at)
}

// flood applies more events of every kind than a session's lists hold.
func flood(s *wandstorev1.ShopperSession, store string) {
	long := strings.Repeat("世", 40)
	for i := range 100 {
		for _, name := range []string{"view", "search", "sort", "filter", "cart_add", "checkout"} {
			e := event(name)
			e.Store, e.Product, e.Category, e.Query = store, fmt.Sprint(i, long), fmt.Sprint(i, long), fmt.Sprint(i, long)
			if err := session.Check(e); err != nil {
				panic(err)
			}
			session.Apply(s, e, noon)
			if name == "cart_add" && i%2 == 0 {
				e.Event = "purchase"
				session.Apply(s, e, noon)
			}
		}
	}
}

func TestApply(t *testing.T) {
	with := func(name, product, category, query string) *wandstorev1.TrackEvent {
		e := event(name)
		e.Product, e.Category, e.Query = product, category, query
		return e
	}
	for _, c := range []struct {
		name   string
		events []*wandstorev1.TrackEvent
		want   *wandstorev1.StoreSignals
	}{
		{"view", []*wandstorev1.TrackEvent{with("view", "oak", "classic", ""), with("view", "elm", "classic", ""), with("view", "oak", "", "")},
			&wandstorev1.StoreSignals{Views: 3, RecentProducts: []string{"oak", "elm"}, Categories: map[string]uint32{"classic": 2}}},
		{"search", []*wandstorev1.TrackEvent{with("search", "", "", "phoenix"), with("search", "", "", ""), with("search", "", "", "oak")},
			&wandstorev1.StoreSignals{Searches: 3, RecentQueries: []string{"oak", "phoenix"}}},
		{"sort", []*wandstorev1.TrackEvent{with("sort", "", "", "Price-ASC"), with("sort", "", "", "name")},
			&wandstorev1.StoreSignals{Sorts: 2, PriceSorts: 1}},
		{"filter", []*wandstorev1.TrackEvent{with("filter", "", "", "On SALE"), with("filter", "", "deals", ""), with("filter", "", "", "discounted"), with("filter", "", "oak", "wood")},
			&wandstorev1.StoreSignals{Filters: 4, SaleFilters: 3}},
		{"cart", []*wandstorev1.TrackEvent{with("cart_add", "oak", "", ""), with("cart_add", "elm", "", ""), with("cart_add", "oak", "", ""), with("cart_remove", "elm", "", ""), with("cart_remove", "ash", "", ""), with("cart_add", "", "", ""), with("cart_remove", "", "", "")},
			&wandstorev1.StoreSignals{CartAdds: 4, CartRemoves: 3, Cart: []string{"oak"}}},
		{"checkout", []*wandstorev1.TrackEvent{event("checkout")}, &wandstorev1.StoreSignals{Checkouts: 1}},
		{"purchase of the cart", []*wandstorev1.TrackEvent{with("cart_add", "oak", "", ""), with("cart_add", "elm", "", ""), event("purchase")},
			&wandstorev1.StoreSignals{CartAdds: 2, Purchases: 1, Purchased: []string{"oak", "elm"}}},
		{"purchase of one", []*wandstorev1.TrackEvent{with("cart_add", "oak", "", ""), with("cart_add", "elm", "", ""), with("purchase", "elm", "", "")},
			&wandstorev1.StoreSignals{CartAdds: 2, Purchases: 1, Purchased: []string{"elm"}, Cart: []string{"oak"}}},
		{"purchase of nothing", []*wandstorev1.TrackEvent{event("purchase")}, &wandstorev1.StoreSignals{Purchases: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &wandstorev1.ShopperSession{}
			for _, e := range c.events {
				apply(t, s, e, noon)
			}
			got := proto.CloneOf(s.GetStores()[store])
			if got.GetVisits() != 1 || int(got.GetVisitEvents()) != len(c.events) || !got.GetLastEventAt().AsTime().Equal(noon) {
				t.Errorf("visit: got %v", got)
			}
			got.Visits, got.VisitEvents, got.VisitStartedAt, got.LastEventAt, got.BegunAt = 0, 0, nil, nil, nil
			if !proto.Equal(got, c.want) {
				t.Errorf("got  %v\nwant %v", got, c.want)
			}
			if len(s.GetStores()) != 1 {
				t.Errorf("stores: got %v", s.GetStores())
			}
		})
	}
}

func TestVisits(t *testing.T) {
	for _, c := range []struct {
		name                               string
		at                                 []time.Duration
		cart                               bool
		visits, quickExits, abandonedCarts uint32
		seconds                            uint64
	}{
		{"one event", []time.Duration{0}, true, 1, 0, 0, 0},
		{"one visit, up to the gap", []time.Duration{0, time.Minute, 31 * time.Minute}, true, 1, 0, 0, 1860},
		{"a new one past the gap", []time.Duration{0, 30*time.Minute + time.Nanosecond}, false, 2, 1, 0, 0},
		{"a cart left behind", []time.Duration{0, time.Hour}, true, 2, 1, 1, 0},
		{"left behind again", []time.Duration{0, time.Hour, 2 * time.Hour}, true, 3, 2, 2, 0},
		{"two events within a minute", []time.Duration{0, time.Minute, time.Hour}, false, 2, 1, 0, 60},
		{"two events in more than a minute", []time.Duration{0, time.Minute + 1, time.Hour}, false, 2, 0, 0, 60},
		{"three events within a minute", []time.Duration{0, 1, 2, time.Hour}, false, 2, 0, 0, 0},
		{"parts of seconds add up", []time.Duration{0, 900 * time.Millisecond, 1800 * time.Millisecond, 2700 * time.Millisecond}, false, 1, 0, 0, 2},
		{"an event that comes late counts no time", []time.Duration{0, 100 * time.Second, 50 * time.Second, 101 * time.Second}, false, 1, 0, 0, 101},
		{"one from a clock that is an hour behind", []time.Duration{0, -time.Hour, time.Second}, false, 1, 0, 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &wandstorev1.ShopperSession{}
			for i, at := range c.at {
				e := event("view")
				if c.cart && i == 0 {
					e = event("cart_add")
					e.Product = "oak"
				}
				apply(t, s, e, noon.Add(at))
			}
			g := s.GetStores()[store]
			if g.GetVisits() != c.visits || g.GetQuickExits() != c.quickExits || g.GetAbandonedCarts() != c.abandonedCarts || g.GetSeconds() != c.seconds {
				t.Errorf("got %d visits, %d quick exits, %d carts, %d s, want %d, %d, %d, %d s",
					g.GetVisits(), g.GetQuickExits(), g.GetAbandonedCarts(), g.GetSeconds(), c.visits, c.quickExits, c.abandonedCarts, c.seconds)
			}
		})
	}
}

func TestListsAreBounded(t *testing.T) {
	s := &wandstorev1.ShopperSession{}
	flood(s, store)
	g := s.GetStores()[store]
	if len(g.GetRecentProducts()) != 20 || len(g.GetRecentQueries()) != 10 || len(g.GetCart()) != 50 || len(g.GetCategories()) != 32 || len(g.GetPurchased()) != 20 {
		t.Errorf("got %d products, %d queries, %d in the cart, %d categories, %d bought", len(g.GetRecentProducts()), len(g.GetRecentQueries()), len(g.GetCart()), len(g.GetCategories()), len(g.GetPurchased()))
	}
	if !strings.HasPrefix(g.GetRecentProducts()[0], "99") || !strings.HasPrefix(g.GetRecentQueries()[0], "99") {
		t.Errorf("newest: got %q, %q, want the last", g.GetRecentProducts()[0], g.GetRecentQueries()[0])
	}
	// A known category is still counted when the list is full.
	for name, before := range g.GetCategories() {
		e := event("view")
		e.Category = name
		apply(t, s, e, noon)
		if got := g.GetCategories()[name]; got != before+1 {
			t.Errorf("views of a known category: got %d, want %d", got, before+1)
		}
		break
	}
}

func TestCheckRefuses(t *testing.T) {
	for name, change := range map[string]func(*wandstorev1.TrackEvent){
		"no event":      func(e *wandstorev1.TrackEvent) { e.Event = "" },
		"another event": func(e *wandstorev1.TrackEvent) { e.Event = "VIEW" },
		"no shopper":    func(e *wandstorev1.TrackEvent) { e.Shopper = "" },
		"shopper >":     func(e *wandstorev1.TrackEvent) { e.Shopper = ">" },
		"shopper ..":    func(e *wandstorev1.TrackEvent) { e.Shopper = ".." },
		"no store":      func(e *wandstorev1.TrackEvent) { e.Store = "" },
		"store *":       func(e *wandstorev1.TrackEvent) { e.Store = "*" },
	} {
		e := event("view")
		change(e)
		err := session.Check(e)
		if !errors.Is(err, session.ErrEvent) {
			t.Errorf("%s: got %v, want ErrEvent", name, err)
		}
		if wrong := e.GetEvent() == "view"; wrong != errors.Is(err, pagekey.ErrInvalid) {
			t.Errorf("%s: got %v, want it to wrap ErrInvalid: %t", name, err, wrong)
		}
	}
}

func TestCheckMakesTextPlain(t *testing.T) {
	for in, want := range map[string]string{
		"oak":                         "oak",
		"  oak \t wand\r\n":           "oak wand",
		"a\x00b":                      "a b",
		"a\xffb":                      "ab",
		"\u202eevil\u2028line":        "evil line",
		"<b>\"&'":                     "<b>\"&'",
		strings.Repeat("x", 64):       strings.Repeat("x", 64),
		strings.Repeat("x", 65):       strings.Repeat("x", 64),
		strings.Repeat("x", 63) + "é": strings.Repeat("x", 63),
		"Zauberstäbe 杖":               "Zauberstäbe 杖",
		"\x00\x01":                    "",
	} {
		e := event("view")
		e.Product, e.Category = in, in
		if err := session.Check(e); err != nil || e.GetProduct() != want || e.GetCategory() != want {
			t.Errorf("%q: got %q, %q, %v, want %q", in, e.GetProduct(), e.GetCategory(), err, want)
		}
	}
	e := event("search")
	e.Query = strings.Repeat("y", 121)
	if err := session.Check(e); err != nil || len(e.GetQuery()) != 120 {
		t.Errorf("query: got %d bytes, %v, want 120", len(e.GetQuery()), err)
	}
}

func FuzzCheckAndApply(f *testing.F) {
	f.Add("abc123", store, "view", "oak", "classic", "price", int64(0))
	f.Add("", ">", "purchase", "\xff", "\x00", "\u202e", int64(-1))
	f.Fuzz(func(t *testing.T, shopper, in, name, product, category, query string, later int64) {
		e := &wandstorev1.TrackEvent{Shopper: shopper, Store: in, Event: name, Product: product, Category: category, Query: query}
		if session.Check(e) != nil {
			e = event("view")
			e.Product, e.Category, e.Query = product, category, query
			if err := session.Check(e); err != nil {
				t.Fatalf("free text was refused: %v", err)
			}
		}
		for _, s := range []string{e.GetProduct(), e.GetCategory(), e.GetQuery()} {
			if len(s) > 120 || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) || strings.TrimSpace(s) != s {
				t.Errorf("text %q is not plain", s)
			}
		}
		s := &wandstorev1.ShopperSession{}
		session.Apply(s, e, noon)
		session.Apply(s, e, noon.Add(time.Duration(later)))
		g := s.GetStores()[e.GetStore()]
		if g.GetVisits() == 0 || g.GetVisits() > 2 || g.GetVisitEvents() == 0 || g.GetSeconds() > 30*60 {
			t.Errorf("got %v", g)
		}
		if _, err := wire.Marshal(s); err != nil {
			t.Errorf("cannot be stored: %v", err)
		}
	})
}
