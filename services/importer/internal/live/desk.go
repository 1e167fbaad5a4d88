package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/buyer"
	"github.com/wandstore/wandstore/pkg/session"
	"github.com/wandstore/wandstore/services/importer/internal/mapping"
)

// Errors of a webhook.
var (
	// ErrBody: the body is not of its topic's form.
	ErrBody = errors.New("the body is not what this topic has")
	// ErrStore: the shop is not in the bucket STORES.
	ErrStore = errors.New("unknown store")
)

// Desk does what webhooks say. It is safe for concurrent use.
type Desk struct {
	log                          *slog.Logger
	catalogue, stores, forgotten jetstream.KeyValue
	memory                       memory
	sessions                     *session.Store
	signer                       *buyer.Signer
	index                        *index
	now                          func() time.Time

	mu      sync.Mutex
	mappers map[string]*mapping.Mapper // by store
}

// Open binds the buckets. An error is JetStream's.
func Open(ctx context.Context, js jetstream.JetStream, signer *buyer.Signer, log *slog.Logger) (*Desk, error) {
	d := &Desk{log: log, signer: signer, index: newIndex(), now: time.Now, mappers: map[string]*mapping.Mapper{}}
	var sessions jetstream.KeyValue
	for _, bound := range []struct {
		name string
		to   *jetstream.KeyValue
	}{
		{wandnats.BucketCatalogue, &d.catalogue},
		{wandnats.BucketStores, &d.stores},
		{wandnats.BucketForgotten, &d.forgotten},
		{wandnats.BucketImports, &d.memory.kv},
		{wandnats.BucketSessions, &sessions},
	} {
		kv, err := wandnats.OpenBucket(ctx, js, bound.name)
		if err != nil {
			return nil, err
		}
		*bound.to = kv
	}
	d.sessions = session.NewStore(sessions)
	return d, nil
}

// Follow keeps the index of the products until ctx ends. current is called each time that it
// has all of them.
func (d *Desk) Follow(ctx context.Context, nc *nats.Conn, current func()) {
	d.index.follow(ctx, nc, d.catalogue, current)
}

// mapper is the mapper for a shop's currency, which never changes.
func (d *Desk) mapper(ctx context.Context, store string) (*mapping.Mapper, error) {
	d.mu.Lock()
	known := d.mappers[store]
	d.mu.Unlock()
	if known != nil {
		return known, nil
	}
	entry, err := d.stores.Get(ctx, store)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, fmt.Errorf("%w: %s", ErrStore, store)
	}
	if err != nil {
		return nil, fmt.Errorf("read from %s: %w", wandnats.BucketStores, err)
	}
	var shop struct {
		Currency string `json:"currency"`
	}
	if err := json.Unmarshal(entry.Value(), &shop); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrStore, store, err)
	}
	m, err := mapping.New(shop.Currency)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrStore, store, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mappers[store] = m
	return m, nil
}
