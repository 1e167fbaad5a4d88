package edge

import (
	"cmp"
	"context"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/wandstore/wandstore/pkg/freshness"
	"github.com/wandstore/wandstore/pkg/pagekey"
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
	// visitorTimeout bounds the reading of a session, which the shopper waits for, unless
	// Config.SessionTimeout is set.
	visitorTimeout = 25 * time.Millisecond
	// visitorPause is how long no session is read after a failure.
	visitorPause = 5 * time.Second
	// maxVisitors bounds the cache of visitors, which takes about 200 bytes for each.
	maxVisitors = 100_000
)

// visitor is what is known of a shopper, and when it expires.
type visitor struct {
	freshness.Visitor

	until time.Time
}

// visitor returns what is known of the key's shopper, or nil if the session cannot be read
// in time.
func (e *Edge) visitor(ctx context.Context, key pagekey.Key) *freshness.Visitor {
	now := time.Now()
	if known, ok := e.visitors.GetIfPresent(key); ok && now.Before(known.until) {
		return &known.Visitor
	}
	b := e.deps.Bus()
	if b == nil || !e.deps.Connected() || now.UnixNano() < e.visitorsPausedUntil.Load() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(e.cfg.SessionTimeout, visitorTimeout))
	defer cancel()
	s, err := b.Sessions.Get(ctx, key.Shopper())
	if err != nil {
		e.visitorsPausedUntil.Store(now.Add(visitorPause).UnixNano())
		trace.SpanFromContext(ctx).AddEvent("session not read")
		return nil
	}
	signals := session.Signals(s, key.Shop())
	read := visitor{freshness.Visitor{Visitor: persona.Classify(signals), LastEvent: signals.GetLastEventAt().AsTime()}, now.Add(visitorTTL)}
	e.visitors.Set(key, read)
	return &read.Visitor
}

// invalidateVisitor removes the shopper from the cache, because their session has changed.
func (e *Edge) invalidateVisitor(shopper, store string) {
	if key, err := pagekey.New(store, shopper); err == nil {
		e.visitors.Invalidate(key)
	}
}
