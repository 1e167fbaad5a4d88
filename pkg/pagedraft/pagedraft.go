package pagedraft

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

var (
	// ErrNone: the key has no draft.
	ErrNone = errors.New("no draft")
	// ErrSuperseded: somebody else has written the draft, or removed it.
	ErrSuperseded = errors.New("the draft is superseded")
)

// Draft is a draft and the bucket's revision of it.
type Draft struct {
	*wandstorev1.PageDraft

	Revision uint64
}

// Store keeps drafts.
type Store struct{ bucket jetstream.KeyValue }

// NewStore returns a Store on the bucket PAGE_DRAFTS.
func NewStore(bucket jetstream.KeyValue) *Store { return &Store{bucket} }

// Put writes a draft and returns its revision. With revision 0 it begins a draft, and
// replaces any other that is not of a later request. Otherwise it goes on with the draft
// of that revision. Errors: ErrSuperseded, ctx's, or the client's, as when the bucket is
// full; none of them names the key.
func (s *Store) Put(ctx context.Context, key pagekey.Key, draft *wandstorev1.PageDraft, revision uint64) (uint64, error) {
	value, err := wire.Marshal(draft)
	if err != nil {
		return 0, err
	}
	if revision == 0 {
		return wandnats.Update(ctx, s.bucket, name(key), func(current jetstream.KeyValueEntry) ([]byte, error) {
			if current == nil {
				return value, nil
			}
			if other, err := read(current); err == nil && other.GetRequestedAt().AsTime().After(draft.GetRequestedAt().AsTime()) {
				return nil, ErrSuperseded
			}
			return value, nil
		})
	}
	revision, err = s.bucket.Update(ctx, name(key), value, revision)
	switch {
	case wandnats.IsConflict(err):
		return 0, ErrSuperseded
	case err != nil:
		return 0, fmt.Errorf("write draft: %w", err)
	}
	return revision, nil
}

// Get returns the key's draft. Errors: ErrNone, ctx's, or the client's.
func (s *Store) Get(ctx context.Context, key pagekey.Key) (Draft, error) {
	entry, err := s.bucket.Get(ctx, name(key))
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		return Draft{}, ErrNone
	case err != nil:
		return Draft{}, fmt.Errorf("read draft: %w", err)
	}
	return read(entry)
}

// Remove removes the draft of that revision; with revision 0 any. To find another is no
// error. The error is ctx's or the client's.
func (s *Store) Remove(ctx context.Context, key pagekey.Key, revision uint64) error {
	var options []jetstream.KVDeleteOpt
	if revision > 0 {
		options = append(options, jetstream.LastRevision(revision))
	}
	if err := s.bucket.Purge(ctx, name(key), options...); err != nil && !wandnats.IsConflict(err) {
		return fmt.Errorf("remove draft: %w", err)
	}
	return nil
}

// read reads an entry of the bucket. It fails on anything that is not a draft.
func read(entry jetstream.KeyValueEntry) (Draft, error) {
	d := &wandstorev1.PageDraft{}
	if err := wire.Unmarshal(entry.Value(), d); err != nil {
		return Draft{}, err
	}
	return Draft{d, entry.Revision()}, nil
}

// operationHeader is in the entry of a removal.
const operationHeader = "KV-Operation"

// Hear reads what the server publishes when a draft is stored, on wandnats.DraftSubject. Errors:
// ErrNone for a removal; any other error means that it is no draft.
func Hear(msg *nats.Msg) (pagekey.Key, Draft, error) {
	store, shopper, ok := wandnats.SplitKey(wandnats.KeyOfDraftSubject(msg.Subject))
	if !ok {
		return pagekey.Key{}, Draft{}, pagekey.ErrInvalid
	}
	key, err := pagekey.Parse(store, shopper)
	if err != nil {
		return pagekey.Key{}, Draft{}, err
	}
	revision, err := strconv.ParseUint(msg.Header.Get(jetstream.SequenceHeader), 10, 64)
	if err != nil {
		return pagekey.Key{}, Draft{}, fmt.Errorf("revision of a draft: %w", err)
	}
	if msg.Header.Get(operationHeader) != "" {
		return pagekey.Key{}, Draft{}, ErrNone
	}
	d := &wandstorev1.PageDraft{}
	if err := wire.Unmarshal(msg.Data, d); err != nil {
		return pagekey.Key{}, Draft{}, err
	}
	return key, Draft{d, revision}, nil
}

func name(key pagekey.Key) string { return wandnats.DraftKey(key.Shop(), key.Shopper()) }
