package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
)

// memory is the bucket IMPORTS.
type memory struct{ kv jetstream.KeyValue }

// removal is that a product was removed.
type removal struct {
	// At is when; zero if it is final.
	At time.Time `json:"at,omitzero"`
}

// covers reports whether a product that was changed at a time is removed.
func (r *removal) covers(changed time.Time) bool {
	return r != nil && (r.At.IsZero() || !changed.After(r.At))
}

// setRemoved remembers a removal.
func (m memory) setRemoved(ctx context.Context, store, id string, r removal) error {
	value, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = m.kv.Put(ctx, wandnats.RemovedKey(store, id), value)
	return wrap(err)
}

// removed is the removal of a product, or nil.
func (m memory) removed(ctx context.Context, store, id string) (*removal, error) {
	entry, err := m.kv.Get(ctx, wandnats.RemovedKey(store, id))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, nil //nolint:nilnil // no removal
	}
	if err != nil {
		return nil, wrap(err)
	}
	var r removal
	if err := json.Unmarshal(entry.Value(), &r); err != nil {
		return nil, wrap(err)
	}
	return &r, nil
}

// levels are the stocks of one item, by location.
type levels map[string]level

type level struct {
	Available int   `json:"available"`
	At        int64 `json:"at"` // milliseconds since 1970
}

// sum is the stock of all locations, and when the newest was told.
func (l levels) sum() (stock int, at int64) {
	for _, one := range l {
		stock += max(one.Available, 0)
		at = max(at, one.At)
	}
	return stock, at
}

// maxLocations bounds the locations of one item. Shopify has at most 200.
const maxLocations = 200

// stock remembers the stock of an item at a location. It is false if a newer one is known.
func (m memory) stock(ctx context.Context, store, item, location string, now level) (bool, error) {
	newer := false
	_, err := wandnats.Update(ctx, m.kv, wandnats.LevelsKey(store, item), func(current jetstream.KeyValueEntry) ([]byte, error) {
		all := levelsOf(current)
		before, known := all[location]
		if newer = !known && len(all) < maxLocations || known && before.At < now.At; newer {
			all[location] = now
		}
		return json.Marshal(all)
	})
	return newer, wrap(err)
}

// levels are the stocks of an item that were heard of.
func (m memory) levels(ctx context.Context, store, item string) (levels, error) {
	entry, err := m.kv.Get(ctx, wandnats.LevelsKey(store, item))
	if err != nil && !errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, wrap(err)
	}
	return levelsOf(entry), nil
}

func levelsOf(entry jetstream.KeyValueEntry) levels {
	all := levels{}
	if entry != nil && json.Unmarshal(entry.Value(), &all) != nil || all == nil {
		return levels{}
	}
	return all
}

// first reports whether an order has not been counted, and remembers that it is.
func (m memory) first(ctx context.Context, store, order string) (bool, error) {
	_, err := m.kv.Create(ctx, wandnats.OrderKey(store, order), nil)
	if wandnats.IsConflict(err) {
		return false, nil
	}
	return err == nil, wrap(err)
}

// forget lets an order be counted after all.
func (m memory) forget(ctx context.Context, store, order string) error {
	return wrap(m.kv.Purge(ctx, wandnats.OrderKey(store, order)))
}

func wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("bucket %s: %w", wandnats.BucketImports, err)
}
