package pagemaker

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
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
// since another delivery would not find more room.
func (m *Maker) store(ctx context.Context, o Order, page *pagestore.Page) error {
	var permanent, cache error
	// The page goes into the cache even if the permanent store fails. Then the shopper
	// gets it, and a later delivery finds it there and need not call the model again.
	var stored sync.WaitGroup
	stored.Go(func() { cache = put(ctx, m.Cache, page) })
	if !page.Makeshift() {
		permanent = put(ctx, m.Permanent, page)
	}
	stored.Wait()
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
	ctx, span := otel.Tracer(scope).Start(ctx, "update session")
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

// put tries up to putTries times, because the page took a hundred seconds to make and a
// transient failure of the store must not waste them. ErrSuperseded counts as success.
func put(ctx context.Context, s Store, page *pagestore.Page) error {
	for try := 1; ; try++ {
		bounded, cancel := context.WithTimeout(ctx, putTimeout)
		err := s.Put(bounded, page)
		cancel()
		if err == nil || errors.Is(err, pagestore.ErrSuperseded) {
			return nil
		}
		if try == putTries || errors.Is(err, pagestore.ErrTooLarge) || wandnats.IsFull(err) {
			return err
		}
		select {
		case <-time.After(time.Second/2<<try + rand.N(time.Second/2)):
		case <-ctx.Done():
			return err
		}
	}
}
