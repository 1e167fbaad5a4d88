package session

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/pagekey"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// ErrEvent is wrapped by the errors of Check.
var ErrEvent = errors.New("invalid event")

// Limits of a session's lists, and of texts in bytes.
const (
	maxRecent     = 20
	maxQueries    = 10
	maxCart       = 50
	maxCategories = 32
	maxWord       = 64
	maxQuery      = 120
)

// A visit ends after half an hour without events, as in web analytics. A visit of at most
// two events within a minute is a quick exit.
const (
	visitGap        = 30 * time.Minute
	quickExitTime   = time.Minute
	quickExitEvents = 2
)

// Check validates an event's ids and name. It changes product, category and query to one
// line without control characters, truncated to 64, 64 and 120 bytes. Errors wrap
// ErrEvent; for an invalid id also pagekey.ErrInvalid.
func Check(e *wandstorev1.TrackEvent) error {
	if _, err := pagekey.New(e.GetStore(), e.GetShopper()); err != nil {
		return fmt.Errorf("%w: %w", ErrEvent, err)
	}
	switch e.GetEvent() {
	case "view", "search", "sort", "filter", "cart_add", "cart_remove", "checkout", "purchase":
	default:
		return fmt.Errorf("%w: event is one of view, search, sort, filter, cart_add, cart_remove, checkout, purchase", ErrEvent)
	}
	e.Product, e.Category = plain(e.GetProduct(), maxWord), plain(e.GetCategory(), maxWord)
	e.Query = plain(e.GetQuery(), maxQuery)
	if Private(e.GetQuery()) {
		e.Query = ""
	}
	return nil
}

// Apply adds an event that passed Check, and was received at the given time, to the
// session.
func Apply(s *wandstorev1.ShopperSession, e *wandstorev1.TrackEvent, at time.Time) {
	g := Signals(s, e.GetStore())
	visit(g, at)
	switch e.GetEvent() {
	case "view":
		g.Views++
		if p := e.GetProduct(); p != "" {
			g.RecentProducts = first(p, g.GetRecentProducts(), maxRecent)
		}
		if c := e.GetCategory(); c != "" {
			if g.Categories == nil {
				g.Categories = map[string]uint32{}
			}
			if _, known := g.GetCategories()[c]; known || len(g.GetCategories()) < maxCategories {
				g.Categories[c]++
			}
		}
	case "search":
		g.Searches++
		if q := e.GetQuery(); q != "" {
			g.RecentQueries = first(q, g.GetRecentQueries(), maxQueries)
		}
	case "sort":
		g.Sorts++
		if strings.Contains(strings.ToLower(e.GetQuery()), "price") {
			g.PriceSorts++
		}
	case "filter":
		g.Filters++
		if f := strings.ToLower(e.GetQuery() + " " + e.GetCategory()); strings.Contains(f, "sale") || strings.Contains(f, "deal") || strings.Contains(f, "discount") {
			g.SaleFilters++
		}
	case "cart_add":
		g.CartAdds++
		if p := e.GetProduct(); p != "" {
			g.Cart = first(p, g.GetCart(), maxCart)
		}
	case "cart_remove":
		g.CartRemoves++
		if p := e.GetProduct(); p != "" {
			SetQuantity(g, p, 0)
		}
	case "checkout":
		g.Checkouts++
	case "purchase":
		g.Purchases++
		if p := e.GetProduct(); p != "" {
			buy(g, p)
			return
		}
		for _, line := range slices.Clone(g.GetCart()) {
			buy(g, catalogue.LineProduct(line))
		}
	}
}

// buy notes that a product was bought, in whichever variants, and removes it from the cart.
func buy(g *wandstorev1.StoreSignals, product string) {
	g.Purchased = first(product, g.GetPurchased(), maxRecent)
	for _, line := range slices.Clone(g.GetCart()) {
		if catalogue.LineProduct(line) == product {
			SetQuantity(g, line, 0)
		}
	}
}

// Signals returns a session's signals for one shop. It adds them if there are none: they
// begin with the session's last update.
func Signals(s *wandstorev1.ShopperSession, shop string) *wandstorev1.StoreSignals {
	if s.Stores == nil {
		s.Stores = map[string]*wandstorev1.StoreSignals{}
	}
	g := s.GetStores()[shop]
	if g == nil {
		g = &wandstorev1.StoreSignals{BegunAt: s.GetUpdatedAt()}
		s.Stores[shop] = g
	}
	return g
}

// visit adds the time of an event to the current visit. After visitGap it begins a new
// visit, and counts a quick exit or an abandoned cart of the last one.
func visit(g *wandstorev1.StoreSignals, at time.Time) {
	last := g.GetLastEventAt().AsTime()
	if g.GetLastEventAt() == nil || at.Sub(last) > visitGap {
		if g.GetLastEventAt() != nil {
			if g.GetVisitEvents() <= quickExitEvents && last.Sub(g.GetVisitStartedAt().AsTime()) <= quickExitTime {
				g.QuickExits++
			}
			if len(g.GetCart()) > 0 {
				g.AbandonedCarts++
			}
		}
		g.Visits++
		g.VisitStartedAt, g.VisitEvents = timestamppb.New(at), 0
	} else if at.After(last) {
		// Whole seconds are counted from the start of the visit, so that the fractions
		// between events add up.
		start := g.GetVisitStartedAt().AsTime()
		g.Seconds += uint64(at.Sub(start)/time.Second) - uint64(last.Sub(start)/time.Second)
	}
	g.VisitEvents++
	// The clocks of two edges differ. An event that seems older must not set the time back.
	if g.GetLastEventAt() == nil || at.After(last) {
		g.LastEventAt = timestamppb.New(at)
	}
}

// first moves or adds s to the front of list, and truncates the list.
func first(s string, list []string, most int) []string {
	list = append([]string{s}, slices.DeleteFunc(slices.Clone(list), func(in string) bool { return in == s })...)
	return list[:min(len(list), most)]
}

// plain is s as one line of printable UTF-8 of at most most bytes.
func plain(s string, most int) string {
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, ""), func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r)
	}), " ")
	if len(s) <= most {
		return s
	}
	end := most
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return strings.TrimSpace(s[:end])
}

const maxFavourites = 5

// Favourites is up to five categories, the most viewed first.
func Favourites(g *wandstorev1.StoreSignals) []string {
	views := g.GetCategories()
	names := slices.SortedFunc(maps.Keys(views), func(a, b string) int {
		return cmp.Or(cmp.Compare(views[b], views[a]), cmp.Compare(a, b))
	})
	return names[:min(len(names), maxFavourites)]
}

// ApplyOrder adds an order of the products in a shop to a session. The order is told by the
// merchant's system, and may come late: it is no part of a visit. What was bought leaves the
// cart.
func ApplyOrder(s *wandstorev1.ShopperSession, shop string, products []string) {
	g := Signals(s, shop)
	g.Purchases++
	for _, p := range products {
		buy(g, p)
	}
}
