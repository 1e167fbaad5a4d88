// Package session remembers what shoppers do: one record for each shopper in the
// bucket SHOPPER_SESSIONS, changed by compare-and-swap, so that two edges that record
// events of the same shopper at once both count.
//
// A session holds counts and short bounded lists; nothing grows with the number of
// events.
package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/types/known/timestamppb"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// Store keeps sessions in the bucket SHOPPER_SESSIONS.
type Store struct {
	kv jetstream.KeyValue
}

// NewStore returns a store on the bucket SHOPPER_SESSIONS.
func NewStore(kv jetstream.KeyValue) *Store { return &Store{kv} }

// Get reads a shopper's session; a shopper without one gets an empty session, which
// is not stored. The error is the client's.
func (s *Store) Get(ctx context.Context, shopper string) (*wandstorev1.ShopperSession, error) {
	entry, err := s.kv.Get(ctx, wandnats.SessionKey(shopper))
	if err != nil && !errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, fmt.Errorf("read session: %w", err)
	}
	return sessionOf(entry, shopper), nil
}

// markerTTL is how long the server keeps the marker of a removed session. It is
// short, because the marker's key holds the shopper's id.
const markerTTL = time.Minute

// Forget removes a shopper's session. Without one it succeeds.
func (s *Store) Forget(ctx context.Context, shopper string) error {
	if err := s.kv.Purge(ctx, wandnats.SessionKey(shopper), jetstream.PurgeTTL(markerTTL)); err != nil {
		return fmt.Errorf("remove session: %w", err)
	}
	return nil
}

// Update lets change edit a shopper's session and writes it back, by compare-and-swap:
// when another writer comes in between, the session is read again and change called
// again. Errors: wandnats.ErrContended when that happens too often, ctx's, or the
// client's.
func (s *Store) Update(ctx context.Context, shopper string, change func(*wandstorev1.ShopperSession)) error {
	_, err := wandnats.Update(ctx, s.kv, wandnats.SessionKey(shopper), func(current jetstream.KeyValueEntry) ([]byte, error) {
		session := sessionOf(current, shopper)
		change(session)
		session.UpdatedAt = timestamppb.New(time.Now())
		return wire.Marshal(session)
	})
	if err != nil {
		return fmt.Errorf("update session: %w", err)
	}
	return nil
}

// sessionOf decodes an entry. Without one, or with one that cannot be read, it gives
// a new session: an unreadable one stays unreadable, so the next update replaces it.
func sessionOf(entry jetstream.KeyValueEntry, shopper string) *wandstorev1.ShopperSession {
	if entry != nil {
		session := &wandstorev1.ShopperSession{}
		if err := wire.Unmarshal(entry.Value(), session); err == nil {
			return session
		}
	}
	return &wandstorev1.ShopperSession{ShopperId: shopper, CreatedAt: timestamppb.New(time.Now())}
}
