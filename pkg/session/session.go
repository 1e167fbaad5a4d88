// Package session stores what shoppers do: one record for each shopper in the bucket
// SHOPPER_SESSIONS. Records are changed by compare-and-swap, so no event is lost when two
// edges record events of the same shopper at the same time.
//
// A session has counts and short lists of limited length. Its size does not grow with the
// number of events.
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
	// js writes the sessions of guests, which expire after guestTTL; 0 is never.
	js       jetstream.JetStream
	guestTTL time.Duration
	now      func() time.Time
}

// NewStore returns a store on the bucket SHOPPER_SESSIONS.
func NewStore(kv jetstream.KeyValue, options ...Option) *Store {
	s := &Store{kv: kv, now: time.Now}
	for _, o := range options {
		o(s)
	}
	return s
}

// Get reads a shopper's session. A shopper without one gets an empty session, which is not
// stored. An error is from the NATS client.
func (s *Store) Get(ctx context.Context, shopper string) (*wandstorev1.ShopperSession, error) {
	entry, err := s.kv.Get(ctx, wandnats.SessionKey(shopper))
	if err != nil && !errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, fmt.Errorf("read session: %w", err)
	}
	return s.sessionOf(entry, shopper), nil
}

// markerTTL is how long the server keeps the delete marker of a removed session. It is
// short, because the marker's key contains the shopper's id.
const markerTTL = time.Minute

// Forget removes a shopper's session. It succeeds if there is none. An error is from the
// NATS client.
func (s *Store) Forget(ctx context.Context, shopper string) error {
	if err := s.kv.Purge(ctx, wandnats.SessionKey(shopper), jetstream.PurgeTTL(markerTTL)); err != nil {
		return fmt.Errorf("remove session: %w", err)
	}
	return nil
}

// Update reads a shopper's session, calls change to edit it, and writes it, by
// compare-and-swap. If another writer was faster, it reads the session and calls change
// again. An error is wandnats.ErrContended if that happens too often, ctx's, or from the
// NATS client.
func (s *Store) Update(ctx context.Context, shopper string, change func(*wandstorev1.ShopperSession)) error {
	_, err := wandnats.UpdateExpiring(ctx, s.js, s.kv, wandnats.SessionKey(shopper), func(current jetstream.KeyValueEntry) (wandnats.Expiring, error) {
		session := s.sessionOf(current, shopper)
		// Before the change, so that the signals of a shop begin now.
		session.UpdatedAt = timestamppb.New(s.now())
		change(session)
		value, err := wire.Marshal(session)
		return wandnats.Expiring{Value: value, TTL: s.ttl(session)}, err
	})
	if err != nil {
		return fmt.Errorf("update session: %w", err)
	}
	return nil
}

// sessionOf decodes an entry. Without an entry it returns a new session. It does the same
// for an entry that cannot be decoded, so that the next update replaces it.
func (s *Store) sessionOf(entry jetstream.KeyValueEntry, shopper string) *wandstorev1.ShopperSession {
	if entry != nil {
		session := &wandstorev1.ShopperSession{}
		if err := wire.Unmarshal(entry.Value(), session); err == nil {
			return session
		}
	}
	return &wandstorev1.ShopperSession{ShopperId: shopper, CreatedAt: timestamppb.New(s.now())}
}
