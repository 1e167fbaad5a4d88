package pagestore

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// maxValue is the largest value, in bytes: NATS's default max_payload of 1 MB,
// which counts headers too, less room for them.
const maxValue = 1<<20 - 4<<10

// KV keeps pages in a JetStream key-value bucket, as protojson. How long it
// keeps them is the bucket's own setting. It is safe for concurrent use.
type KV struct {
	bucket jetstream.KeyValue
}

// NewKV makes a store of bucket, the UI_CACHE of the contract.
func NewKV(bucket jetstream.KeyValue) *KV { return &KV{bucket: bucket} }

// Get returns the page, ErrMiss, ErrCorrupt, or the client's error. While the
// connection is down it waits for it: bound ctx. A page written on another node
// of a cluster may be seen a moment later (reads are direct gets).
func (s *KV) Get(ctx context.Context, key pagekey.Key) (*Page, error) {
	ctx, span := startSpan(ctx, "get kv", TierKV)
	_, page, err := s.get(ctx, key)
	endSpan(span, getResult(err), err)
	return page, err
}

// Put stores page unless one of a later request is stored (ErrStale). A page of
// the same job is left as it is, and that is a success. ErrTooLarge if its
// encoding does not fit a message; else the client's error.
func (s *KV) Put(ctx context.Context, page *Page) error {
	ctx, span := startSpan(ctx, "put kv", TierKV)
	err := s.put(ctx, page)
	endSpan(span, putResult(err), err)
	if errors.Is(err, errSame) {
		return nil
	}
	return err
}

// Delete removes the page and what came before it. Nothing there is a success.
// An older page may then be put again.
func (s *KV) Delete(ctx context.Context, key pagekey.Key) error {
	if err := s.bucket.Purge(ctx, wandnats.PageKey(key.Store(), key.Shopper())); err != nil {
		return fmt.Errorf("purge page: %w", err)
	}
	return nil
}

func (s *KV) get(ctx context.Context, key pagekey.Key) (uint64, *Page, error) {
	entry, err := s.bucket.Get(ctx, wandnats.PageKey(key.Store(), key.Shopper()))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return 0, nil, ErrMiss
	}
	if err != nil {
		return 0, nil, fmt.Errorf("get page: %w", err)
	}
	var msg wandstorev1.Page
	if wire.Unmarshal(entry.Value(), &msg) != nil {
		// protojson quotes what it could not parse: a shopper's page has no
		// place in logs and spans.
		return entry.Revision(), nil, fmt.Errorf("%w: not a page's protojson", ErrCorrupt)
	}
	page, err := New(&msg)
	if err != nil {
		return entry.Revision(), nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if page.Key() != key {
		return entry.Revision(), nil, fmt.Errorf("%w: it is another shopper's", ErrCorrupt)
	}
	return entry.Revision(), page, nil
}

func (s *KV) put(ctx context.Context, page *Page) error {
	value, err := wire.Marshal(page.Message())
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if len(value) > maxValue {
		return fmt.Errorf("%w: %d bytes as protojson, at most %d", ErrTooLarge, len(value), maxValue)
	}
	return putNewest(ctx, kvSlot{store: s, key: wandnats.PageKey(page.Key().Store(), page.Key().Shopper()), value: value}, page)
}

// kvSlot is a key of the bucket, and the encoded page to put there.
type kvSlot struct {
	store *KV
	key   string
	value []byte
}

func (s kvSlot) create(ctx context.Context, _ *Page) error {
	_, err := s.store.bucket.Create(ctx, s.key, s.value)
	return kvPutError(err)
}

func (s kvSlot) current(ctx context.Context, page *Page) (uint64, *Page, error) {
	return s.store.get(ctx, page.Key())
}

func (s kvSlot) replace(ctx context.Context, _ *Page, revision uint64) error {
	_, err := s.store.bucket.Update(ctx, s.key, s.value, revision)
	return kvPutError(err)
}

func kvPutError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jetstream.ErrKeyExists), errors.Is(err, jetstream.ErrKeyRevisionMismatch):
		return errConflict
	case errors.Is(err, nats.ErrMaxPayload):
		return fmt.Errorf("%w: %w", ErrTooLarge, err)
	default:
		return fmt.Errorf("put page: %w", err)
	}
}
