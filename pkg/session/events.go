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

	"github.com/wandstore/wandstore/pkg/pagekey"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// ErrEvent is wrapped by what Check finds wrong.
var ErrEvent = errors.New("invalid event")

// Bounds of what is kept.
const (
	maxRecent     = 20
	maxQueries    = 10
	maxCart       = 50
	maxCategories = 32
	maxWord       = 64
	maxQuery      = 120
)

// A visit ends after half an hour of quiet, as in web analytics; a past visit of
// at most two events within a minute was a quick exit.
const (
	visitGap        = 30 * time.Minute
	quickExitWithin = time.Minute
	quickExitEvents = 2
)

// Check makes an event fit to be applied: ids of the right form, an event of the
// contract's names, free text without control characters and cut to length.
// Errors wrap ErrEvent.
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

// Apply counts a checked event, heard of at that time.
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
		bought := g.GetCart()
		if p := e.GetProduct(); p != "" {
			bought = []string{p}
		}
		for _, p := range bought {
			g.Purchased = first(p, g.GetPurchased(), maxRecent)
		}
		for _, p := range slices.Clone(bought) {
			SetQuantity(g, p, 0)
		}
	}
}

// Signals are a session's for one store, made when there were none.
func Signals(s *wandstorev1.ShopperSession, store string) *wandstorev1.StoreSignals {
	if s.Stores == nil {
		s.Stores = map[string]*wandstorev1.StoreSignals{}
	}
	g := s.GetStores()[store]
	if g == nil {
		g = &wandstorev1.StoreSignals{}
		s.Stores[store] = g
	}
	return g
}

// visit books the event's time: on the running visit, or, after the gap, on a new
// one, having judged how the last ended.
func visit(g *wandstorev1.StoreSignals, at time.Time) {
	last := g.GetLastEventAt().AsTime()
	if g.GetLastEventAt() == nil || at.Sub(last) > visitGap {
		if g.GetLastEventAt() != nil {
			if g.GetVisitEvents() <= quickExitEvents && last.Sub(g.GetVisitStartedAt().AsTime()) <= quickExitWithin {
				g.QuickExits++
			}
			if len(g.GetCart()) > 0 {
				g.AbandonedCarts++
			}
		}
		g.Visits++
		g.VisitStartedAt, g.VisitEvents = timestamppb.New(at), 0
	} else if at.After(last) {
		// Counted from the visit's start: the parts of seconds between events add up.
		start := g.GetVisitStartedAt().AsTime()
		g.Seconds += uint64(at.Sub(start)/time.Second) - uint64(last.Sub(start)/time.Second)
	}
	g.VisitEvents++
	// Two edges' clocks differ: an event that seems older does not turn time back.
	if g.GetLastEventAt() == nil || at.After(last) {
		g.LastEventAt = timestamppb.New(at)
	}
}

// first puts s in front of list, once, and bounds the list.
func first(s string, list []string, most int) []string {
	list = append([]string{s}, slices.DeleteFunc(slices.Clone(list), func(in string) bool { return in == s })...)
	return list[:min(len(list), most)]
}

// plain makes s one line of visible UTF-8 of at most most bytes.
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

// maxFavourites bounds Favourites.
const maxFavourites = 5

// Favourites are the categories viewed most, the most viewed first, five at most.
func Favourites(g *wandstorev1.StoreSignals) []string {
	views := g.GetCategories()
	names := slices.SortedFunc(maps.Keys(views), func(a, b string) int {
		return cmp.Or(cmp.Compare(views[b], views[a]), cmp.Compare(a, b))
	})
	return names[:min(len(names), maxFavourites)]
}
