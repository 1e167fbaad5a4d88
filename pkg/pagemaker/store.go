package pagemaker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/types/known/timestamppb"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/session"
	"github.com/wandstore/wandstore/pkg/telemetry"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// Store keeps pages, temporarily or permanently.
type Store interface {
	Get(ctx context.Context, key pagekey.Key) (*pagestore.Page, error)
	Put(ctx context.Context, page *pagestore.Page) error
}

const (
	putTimeout = 5 * time.Second
	putTries   = 3
)

// store stores the page permanently and in the cache, and then updates the session. A
// bucket that is full costs only what it would hold: the page is stored where it fits,
// since another delivery would not find more room. Until the permanent store answers, an
// order that may wait keeps the page, which the shopper gets from the cache meanwhile.
func (m *Maker) store(ctx context.Context, o Order, page *pagestore.Page) error {
	// The page goes into the cache even if the permanent store fails. Then the shopper
	// gets it, and a later delivery finds it there and need not call the model again.
	stores := []Store{m.Cache}
	if !page.Makeshift() {
		stores = append(stores, m.Permanent)
	}
	errs := m.put(ctx, o, page, stores)
	cache, permanent := errs[0], errors.Join(errs[1:]...)
	if wandnats.IsFull(cache) && permanent == nil && !page.Makeshift() {
		m.problem(ctx, o, "not cached", cache)
		cache = nil
	}
	if err := errors.Join(permanent, cache); err != nil {
		m.problem(ctx, o, "not stored", err)
		reason := "object_store"
		if permanent == nil {
			reason = "cache"
		}
		return telemetry.Typed(reason, fmt.Errorf("store page: %w", err))
	}
	if o.forCohort() {
		return nil
	}
	ctx, span := otel.Tracer(scope).Start(ctx, "update session", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(telemetry.Peer.String(telemetry.PeerNATS)))
	err := m.Sessions.Update(ctx, o.Key.Shopper(), func(s *wandstorev1.ShopperSession) {
		g := session.Signals(s, o.Key.Shop())
		g.Persona, g.LastJobId = page.Persona(), page.JobID()
		g.LastPageAt = timestamppb.New(page.GeneratedAt())
	})
	telemetry.End(span, err)
	if wandnats.IsFull(err) {
		m.problem(ctx, o, "not noted in the session", err)
		return nil
	}
	if err != nil {
		return telemetry.Typed("session", fmt.Errorf("update session: %w", err))
	}
	return nil
}

// put puts the page into all stores at the same time, and into those that fail more than once,
// because the page took a hundred seconds to make and was paid for. It returns the error of
// each. ErrSuperseded counts as success.
func (m *Maker) put(ctx context.Context, o Order, page *pagestore.Page, stores []Store) []error {
	errs, settled := make([]error, len(stores)), make([]bool, len(stores))
	// Its error is one of those that are returned.
	_ = m.insist(ctx, o, putTries, putTimeout, func(ctx context.Context) error {
		var all sync.WaitGroup
		for i, s := range stores {
			if settled[i] {
				continue
			}
			all.Go(func() {
				if errs[i] = s.Put(ctx, page); errors.Is(errs[i], pagestore.ErrSuperseded) {
					errs[i] = nil
				}
				settled[i] = errs[i] == nil || refused(errs[i])
			})
		}
		all.Wait()
		var again []error
		for i, err := range errs {
			if !settled[i] {
				again = append(again, err)
			}
		}
		return errors.Join(again...)
	})
	return errs
}

// refused reports whether a store would refuse the page at the next try too.
func refused(err error) bool {
	return errors.Is(err, pagestore.ErrTooLarge) || errors.Is(err, pagestore.ErrInvalid) || wandnats.IsFull(err)
}
