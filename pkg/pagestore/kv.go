package pagestore

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// maxValue is the largest value, in bytes. NATS's default max_payload of 1 MB includes
// the headers, for which 4 KB remain.
const maxValue = 1<<20 - 4<<10

// KV keeps pages in a JetStream key-value bucket, as protojson, for the bucket's TTL. It
// is safe for concurrent use.
type KV struct {
	bucket jetstream.KeyValue
	keys   Keys
}

// NewKV returns a store on bucket, the bucket UI_CACHE. With keys it signs the pages that
// it stores, and knows no others.
func NewKV(bucket jetstream.KeyValue, keys ...Keys) *KV { return &KV{bucket: bucket, keys: join(keys)} }

// Get returns the page. Errors: ErrMiss, ErrCorrupt, or the client's. ctx should have a
// deadline, because Get waits while the connection is down. On a cluster Get may miss a
// page that was written a moment ago, because any replica may answer (direct gets).
func (s *KV) Get(ctx context.Context, key pagekey.Key) (*Page, error) {
	ctx, span := startSpan(ctx, "get kv", TierKV)
	page, err := s.get(ctx, key)
	endSpan(span, getResult(err), err)
	return page, err
}

// Put stores page. If the page of the same job is stored already, Put keeps it and
// succeeds. Errors: ErrSuperseded if a page of a later request is stored, ErrTooLarge if
// the encoded page does not fit a message, wandnats.ErrContended, ctx's, or the client's.
func (s *KV) Put(ctx context.Context, page *Page) error {
	ctx, span := startSpan(ctx, "put kv", TierKV)
	err := s.put(ctx, page)
	endSpan(span, putResult(err), err)
	if errors.Is(err, errSame) {
		return nil
	}
	return err
}

// Delete removes the page and its history. It succeeds if there is no page. Afterwards an
// older page can be stored again.
func (s *KV) Delete(ctx context.Context, key pagekey.Key) error {
	if err := s.bucket.Purge(ctx, wandnats.PageKey(key.Shop(), key.Shopper())); err != nil {
		return fmt.Errorf("purge page: %w", err)
	}
	return nil
}

func (s *KV) get(ctx context.Context, key pagekey.Key) (*Page, error) {
	entry, err := s.bucket.Get(ctx, wandnats.PageKey(key.Shop(), key.Shopper()))
	if err != nil && !errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, fmt.Errorf("get page: %w", err)
	}
	return s.pageOfEntry(entry, key)
}

// pageOfEntry decodes an entry. Errors: ErrMiss if entry is nil, or ErrCorrupt.
func (s *KV) pageOfEntry(entry jetstream.KeyValueEntry, key pagekey.Key) (*Page, error) {
	if entry == nil {
		return nil, ErrMiss
	}
	var msg wandstorev1.Page
	if wire.Unmarshal(entry.Value(), &msg) != nil {
		// The cause is left out, because protojson quotes what it cannot parse and a
		// shopper's page must not get into logs and spans.
		return nil, fmt.Errorf("%w: not a page's protojson", ErrCorrupt)
	}
	page, err := New(&msg)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if page.Key() != key {
		return nil, fmt.Errorf("%w: it is another shopper's", ErrCorrupt)
	}
	return s.keys.verified(page, msg.GetMac())
}

func (s *KV) put(ctx context.Context, page *Page) error {
	msg := page.Message()
	msg.Mac = s.keys.mac(page)
	value, err := wire.Marshal(msg)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if len(value) > maxValue {
		return fmt.Errorf("%w: %d bytes as protojson, at most %d", ErrTooLarge, len(value), maxValue)
	}
	key := wandnats.PageKey(page.Key().Shop(), page.Key().Shopper())
	_, err = wandnats.Update(ctx, s.bucket, key, func(current jetstream.KeyValueEntry) ([]byte, error) {
		stored, err := s.pageOfEntry(current, page.Key())
		return value, mayReplace(page, stored, err)
	})
	switch {
	case err == nil, errors.Is(err, errSame), errors.Is(err, ErrSuperseded):
		return err
	case wandnats.IsTooLarge(err):
		return fmt.Errorf("%w: %w", ErrTooLarge, err)
	default:
		return fmt.Errorf("put page: %w", err)
	}
}
