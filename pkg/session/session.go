// Package session remembers what shoppers do: one record a shopper in the bucket
// SHOPPER_SESSIONS, changed by compare-and-set, so that two edges which hear of
// the same shopper at once both count.
//
// What is kept is counts and short bounded lists; nothing grows with the number
// of events.
package session

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/types/known/timestamppb"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// ErrContended: an update lost every one of its tries to others.
var ErrContended = errors.New("session is changed by too many at once")

// Store keeps sessions in the bucket SHOPPER_SESSIONS.
type Store struct {
	kv jetstream.KeyValue
}

// NewStore keeps sessions in that bucket.
func NewStore(kv jetstream.KeyValue) *Store { return &Store{kv} }

// Get reads a shopper's session; one never heard of gives an empty session.
func (s *Store) Get(ctx context.Context, shopper string) (*wandstorev1.ShopperSession, error) {
	session, _, err := s.read(ctx, shopper)
	return session, err
}

// markedFor is how long the server remembers that a session was removed: the marker
// holds the shopper's id.
const markedFor = time.Minute

// Forget removes a shopper's session. One never heard of is forgotten already.
func (s *Store) Forget(ctx context.Context, shopper string) error {
	if err := s.kv.Purge(ctx, wandnats.SessionKey(shopper), jetstream.PurgeTTL(markedFor)); err != nil {
		return fmt.Errorf("remove session: %w", err)
	}
	return nil
}

// maxTries bounds an update's tries. A shopper has one browser or a few; a flood
// of events for one id is somebody else's doing.
const maxTries = 16

// Update reads a session, lets change edit it, and writes it back if nobody else
// did in between; otherwise again, with change called anew. ErrContended after 16
// tries.
func (s *Store) Update(ctx context.Context, shopper string, change func(*wandstorev1.ShopperSession)) error {
	for try := range maxTries {
		session, revision, err := s.read(ctx, shopper)
		if err != nil {
			return err
		}
		change(session)
		session.UpdatedAt = timestamppb.New(time.Now())
		b, err := wire.Marshal(session)
		if err != nil {
			return err
		}
		if revision == 0 {
			_, err = s.kv.Create(ctx, wandnats.SessionKey(shopper), b)
		} else {
			_, err = s.kv.Update(ctx, wandnats.SessionKey(shopper), b, revision)
		}
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, jetstream.ErrKeyExists) && !errors.Is(err, jetstream.ErrKeyRevisionMismatch):
			return fmt.Errorf("write session: %w", err)
		}
		select {
		case <-time.After(rand.N(time.Millisecond << min(try, 6))):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return ErrContended
}

func (s *Store) read(ctx context.Context, shopper string) (*wandstorev1.ShopperSession, uint64, error) {
	e, err := s.kv.Get(ctx, wandnats.SessionKey(shopper))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return &wandstorev1.ShopperSession{ShopperId: shopper, CreatedAt: timestamppb.New(time.Now())}, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read session: %w", err)
	}
	session := &wandstorev1.ShopperSession{}
	if err := wire.Unmarshal(e.Value(), session); err != nil {
		// Unreadable for ever: beginning anew heals it, an error would not.
		session = &wandstorev1.ShopperSession{ShopperId: shopper, CreatedAt: timestamppb.New(time.Now())}
	}
	return session, e.Revision(), nil
}
