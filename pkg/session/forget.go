package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// removeTries bounds a removal. Each conflict means that another writer succeeded.
const removeTries = 32

// Retract removes from a session what was stored although the shopper was forgotten in all
// shops at that time. It removes the whole session if it was begun by then, or if it holds
// nothing that the shopper did. Otherwise the shopper has come back, and it removes what
// the job's page left in the shop's signals. Errors: wandnats.ErrContended, ctx's, or the
// client's.
func (s *Store) Retract(ctx context.Context, shopper, shop, jobID string, forgotten time.Time) error {
	return s.remove(ctx, shopper, func(session *wandstorev1.ShopperSession) bool {
		if !session.GetCreatedAt().AsTime().After(forgotten) || !acted(session) {
			session.Stores = nil
			return true
		}
		return removeJob(session, shop, jobID)
	})
}

// RetractIn removes from a session what was stored although the shopper was forgotten in
// that shop at that time. It removes the shop's signals if they were begun by then, or if
// they hold nothing that the shopper did. Otherwise it removes what the job's page left in
// them. Errors: wandnats.ErrContended, ctx's, or the client's.
func (s *Store) RetractIn(ctx context.Context, shopper, shop, jobID string, forgotten time.Time) error {
	return s.remove(ctx, shopper, func(session *wandstorev1.ShopperSession) bool {
		signals, found := session.GetStores()[shop]
		if found && (BegunBy(signals, forgotten) || !Acted(signals)) {
			delete(session.GetStores(), shop)
			return true
		}
		return removeJob(session, shop, jobID)
	})
}

// ForgetIn removes a shop's signals from a session, and the session if it holds no other
// shop's. It succeeds if there are none. Errors: wandnats.ErrContended, ctx's, or the
// client's.
func (s *Store) ForgetIn(ctx context.Context, shopper, shop string) error {
	return s.remove(ctx, shopper, func(session *wandstorev1.ShopperSession) bool {
		_, found := session.GetStores()[shop]
		delete(session.GetStores(), shop)
		return found
	})
}

// remove calls edit with the stored session, and writes what edit left of it if edit
// reports a change. A session without any shop's signals is removed. Nothing is done
// without a session.
func (s *Store) remove(ctx context.Context, shopper string, edit func(*wandstorev1.ShopperSession) bool) error {
	key := wandnats.SessionKey(shopper)
	for range removeTries {
		entry, err := s.kv.Get(ctx, key)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read session: %w", err)
		}
		left := s.sessionOf(entry, shopper)
		if !edit(left) {
			return nil
		}
		if len(left.GetStores()) > 0 {
			// Update reads it again, and edit decides again: another writer may be faster.
			return s.Update(ctx, shopper, func(session *wandstorev1.ShopperSession) { edit(session) })
		}
		err = s.kv.Purge(ctx, key, jetstream.PurgeTTL(markerTTL), jetstream.LastRevision(entry.Revision()))
		if err == nil || !wandnats.IsConflict(err) {
			return err
		}
	}
	return fmt.Errorf("remove session: %w", wandnats.ErrContended)
}

// removeJob removes what the job's page left in the shop's signals, and reports whether
// there was anything.
func removeJob(session *wandstorev1.ShopperSession, shop, jobID string) bool {
	g := session.GetStores()[shop]
	if jobID == "" || g.GetLastJobId() != jobID {
		return false
	}
	g.Persona, g.LastJobId, g.LastPageAt = "", "", nil
	return true
}

// acted reports whether a session holds anything that its shopper did.
func acted(s *wandstorev1.ShopperSession) bool {
	for _, g := range s.GetStores() {
		if Acted(g) {
			return true
		}
	}
	return false
}

// Acted reports whether a shop's signals hold anything that the shopper did.
func Acted(g *wandstorev1.StoreSignals) bool {
	return g.GetLastEventAt() != nil || len(g.GetCart()) > 0
}

// BegunBy reports whether a shop's signals were begun at t or earlier. Those without a time
// were.
func BegunBy(g *wandstorev1.StoreSignals, t time.Time) bool {
	return !g.GetBegunAt().AsTime().After(t)
}
