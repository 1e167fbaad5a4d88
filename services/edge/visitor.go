package edge

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"
	"go.opentelemetry.io/otel/trace"

	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/freshness"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagemaker"
	"github.com/wandstore/wandstore/pkg/persona"
	"github.com/wandstore/wandstore/pkg/session"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// Sessions reads and changes the shoppers' sessions.
type Sessions interface {
	Get(ctx context.Context, shopper string) (*wandstorev1.ShopperSession, error)
	Update(ctx context.Context, shopper string, change func(*wandstorev1.ShopperSession)) error
}

const (
	// visitorTTL is how long a visitor stays in the cache. A session is read no more often.
	visitorTTL = 30 * time.Second
	// visitorPause is how long no session is read after a failure.
	visitorPause = 5 * time.Second
	// maxVisitors bounds the cache of visitors, in bytes; visitorOverhead is what one takes
	// beside the texts of their interests.
	maxVisitors, visitorOverhead = 32 << 20, 256
)

// visitor is what is known of a shopper, and when it expires.
type visitor struct {
	freshness.Visitor

	interests design.Interests
	acted     bool // did anything in the shop
	until     time.Time
}

// weight is an estimate of what the visitor takes in the cache, in bytes.
func (v *visitor) weight() uint32 {
	n := visitorOverhead
	in := v.interests
	for _, list := range [][]string{in.RecentProducts, in.Cart, in.Purchased, in.Categories, in.Searched} {
		for _, text := range list {
			n += len(text) + 16 // a string's header
		}
	}
	return uint32(n)
}

// returned reports whether the visitor was here before: their session is older than a visit.
func (v *visitor) returned(now time.Time) bool {
	return !v.FirstSeen.IsZero() && now.Sub(v.FirstSeen) >= returnAfter
}

// visitor returns what is known of the key's shopper, or nil if the session cannot be read
// in time.
func (e *Edge) visitor(ctx context.Context, key pagekey.Key) *visitor {
	known, current := e.knownVisitor(key)
	if current {
		return known
	}
	now := time.Now()
	b := e.deps.Bus()
	if b == nil || !e.deps.Connected() || now.UnixNano() < e.visitorsPausedUntil.Load() {
		return nil
	}
	read, err, _ := e.visits.Do(flightOf(key), func() (any, error) {
		// Other callers wait for this one too, so it must not end with its own request.
		return e.readVisitor(context.WithoutCancel(ctx), b, key, now)
	})
	if err != nil {
		trace.SpanFromContext(ctx).AddEvent("session not read")
		return nil
	}
	v, _ := read.(*visitor) // the flight returns no other type
	return v
}

func (e *Edge) readVisitor(ctx context.Context, b *Bus, key pagekey.Key, now time.Time) (*visitor, error) {
	ctx, cancel := context.WithTimeout(ctx, e.cfg.SessionTimeout)
	defer cancel()
	s, err := b.Sessions.Get(ctx, key.Shopper())
	if err != nil {
		e.visitorsPausedUntil.Store(now.Add(visitorPause).UnixNano())
		return nil, err
	}
	signals := session.Signals(s, key.Shop())
	read := &visitor{
		Visitor:   freshness.Visitor{Visitor: persona.Classify(signals), LastEvent: signals.GetLastEventAt().AsTime(), FirstSeen: firstSeen(s)},
		interests: pagemaker.Interests(signals),
		acted:     session.Acted(signals), until: now.Add(visitorTTL),
	}
	e.visitors.Set(key, read)
	return read, nil
}

// flightOf names what is done for a key at the moment, once for all who ask for it.
func flightOf(key pagekey.Key) string { return key.Shop() + ":" + key.Shopper() }

// knownVisitor is what is known of a shopper without reading their session; current is false if
// that is nothing, or too old.
func (e *Edge) knownVisitor(key pagekey.Key) (known *visitor, current bool) {
	known, ok := e.visitors.GetIfPresent(key)
	return known, ok && time.Now().Before(known.until)
}

// maxReadAhead bounds the sessions that are read at a time for later visits.
const maxReadAhead = 64

// visitorOfHit is visitor for a page that is served anyway. At a PoP it does not wait for the
// way to the hub: it returns what is known, and has the session read for the next visit.
func (e *Edge) visitorOfHit(ctx context.Context, key pagekey.Key) *visitor {
	if !e.atPoP() {
		return e.visitor(ctx, key)
	}
	known, current := e.knownVisitor(key)
	if current {
		return known
	}
	select {
	case e.readAhead <- struct{}{}:
		e.reading.Go(func() {
			defer func() { <-e.readAhead }()
			e.visitor(context.WithoutCancel(ctx), key)
		})
	default:
		// Enough are being read.
	}
	return known
}

// atPoP reports whether NATS is a leaf node, and the hub far.
func (e *Edge) atPoP() bool { return e.cfg.Pool.HubDomain != "" }

// visitorMeanwhile reads the tracked visitor while the caller does something else; the function
// waits for it.
func (e *Edge) visitorMeanwhile(c *fiber.Ctx, key pagekey.Key) func() *visitor {
	if !mayTrack(c) {
		return func() *visitor { return nil }
	}
	if known, current := e.knownVisitor(key); current {
		return func() *visitor { return known }
	}
	read := make(chan *visitor, 1)
	ctx := context.WithoutCancel(c.UserContext())
	e.reading.Go(func() { read <- e.visitor(ctx, key) })
	return func() *visitor { return <-read }
}

// invalidateVisitor removes the shopper from the cache, because their session has changed.
func (e *Edge) invalidateVisitor(shopper, store string) {
	if key, err := pagekey.New(store, shopper); err == nil {
		e.visitors.Invalidate(key)
		// Who comes now must not get what was read before.
		e.visits.Forget(flightOf(key))
	}
}

// firstSeen is when a session was begun; the zero time of one that is not stored.
func firstSeen(s *wandstorev1.ShopperSession) time.Time {
	if s.GetUpdatedAt() == nil || s.GetCreatedAt() == nil {
		return time.Time{}
	}
	return s.GetCreatedAt().AsTime()
}
