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

// retractTries bounds Retract. Each conflict means that another writer succeeded.
const retractTries = 32

// Retract removes from a session what was stored although the shopper was forgotten at
// that time. It removes the whole session if it was begun by then, or if it holds nothing
// that the shopper did. Otherwise the shopper has come back, and it removes what the job's
// page left in the shop's signals. Errors: wandnats.ErrContended, ctx's, or the client's.
func (s *Store) Retract(ctx context.Context, shopper, shop, jobID string, forgotten time.Time) error {
	for range retractTries {
		entry, err := s.kv.Get(ctx, wandnats.SessionKey(shopper))
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read session: %w", err)
		}
		session := sessionOf(entry, shopper)
		switch left := session.GetStores()[shop]; {
		case !session.GetCreatedAt().AsTime().After(forgotten) || !acted(session):
			err = s.kv.Purge(ctx, wandnats.SessionKey(shopper), jetstream.PurgeTTL(markerTTL), jetstream.LastRevision(entry.Revision()))
			if err == nil || !wandnats.IsConflict(err) {
				return err
			}
		case jobID == "" || left.GetLastJobId() != jobID:
			return nil
		default:
			return s.Update(ctx, shopper, func(session *wandstorev1.ShopperSession) {
				if g := session.GetStores()[shop]; g.GetLastJobId() == jobID {
					g.Persona, g.LastJobId, g.LastPageAt = "", "", nil
				}
			})
		}
	}
	return fmt.Errorf("remove session: %w", wandnats.ErrContended)
}

// acted reports whether a session holds anything that its shopper did.
func acted(s *wandstorev1.ShopperSession) bool {
	for _, g := range s.GetStores() {
		if g.GetLastEventAt() != nil || len(g.GetCart()) > 0 {
			return true
		}
	}
	return false
}
