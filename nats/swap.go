package wandnats

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrContended: an update lost each of its tries to other writers of the key.
var ErrContended = errors.New("too many writers of one key")

// IsConflict reports whether a write to a bucket was refused because the key has
// been written since the expected revision, or is being written right now.
//
// The server has two codes for it. 10071 tells that the revision has passed. 10164
// tells, on a replicated stream only, that another write of the key is still on its
// way to the replicas. The client's sentinels cover the second on some paths only: a
// Create of a deleted key that meets another returns the bare code.
func IsConflict(err error) bool {
	if errors.Is(err, jetstream.ErrKeyExists) || errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return true
	}
	api, ok := errors.AsType[*jetstream.APIError](err)
	return ok && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
		api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// codeStoreFailed is the server's err_code for a publish that a stream with discard new
// refuses (JSStreamStoreFailedF in nats-server's errors.json). nats.go has no sentinel.
const codeStoreFailed = 10077

// IsFull reports whether a write was refused because the stream or bucket is at its bound
// in bytes. The code alone also stands for other failures of the store, so the text is
// compared too; a test checks both on the pinned server.
func IsFull(err error) bool {
	api, ok := errors.AsType[*jetstream.APIError](err)
	return ok && api.ErrorCode == codeStoreFailed && api.Description == "maximum bytes exceeded"
}

// codeTooLarge is the server's err_code for a message above its stream's max_msg_size
// (JSStreamMessageExceedsMaximumErr). nats.go has no sentinel.
const codeTooLarge = 10054

// IsTooLarge reports whether a value was refused because it is larger than a message of the
// bucket, or of the connection, may be.
func IsTooLarge(err error) bool {
	api, ok := errors.AsType[*jetstream.APIError](err)
	return errors.Is(err, nats.ErrMaxPayload) || ok && api.ErrorCode == codeTooLarge
}

// Put writes the value of a key unless the key has been written since revision, and
// returns the new revision. Revision 0 stands for a key without a value: one never
// written, deleted or purged. [IsConflict] recognises the error of a lost race; any
// other is the client's.
func Put(ctx context.Context, kv jetstream.KeyValue, key string, value []byte, revision uint64) (uint64, error) {
	if revision == 0 {
		return kv.Create(ctx, key, value)
	}
	return kv.Update(ctx, key, value, revision)
}

const (
	// updateTries bounds an update. Each conflict is another writer's success, or a
	// read from a replica that is behind, so it is far above the number of writers
	// that one shopper's key has.
	updateTries = 32
	// maxPause bounds the pause between two tries.
	maxPause = 20 * time.Millisecond
)

// Update changes the value of a key by compare-and-swap, and returns the new
// revision. It reads the value, has change make the next one, and writes that unless
// the key has been written in between; in that case it starts over after a short
// random pause, 32 tries in all.
//
// The entry that change gets is nil where the key has no value. It may come from a
// replica that is behind: the write is then refused. An error of change ends the
// update and is returned as it is. Other errors: ErrContended after the last try,
// ctx's, or the client's; none of them names the key, which holds a shopper's id.
func Update(ctx context.Context, kv jetstream.KeyValue, key string, change func(current jetstream.KeyValueEntry) ([]byte, error)) (uint64, error) {
	return swap(ctx, kv, key, change, func(ctx context.Context, value []byte, revision uint64) (uint64, error) {
		return Put(ctx, kv, key, value, revision)
	})
}

// UpdateNew is [Update] for a key that mostly has no value: it tries to write without reading
// first, so where there is none it asks the server once, and once more than Update elsewhere.
func UpdateNew(ctx context.Context, js jetstream.JetStream, kv jetstream.KeyValue, key string, change func(current jetstream.KeyValueEntry) ([]byte, error)) (uint64, error) {
	value, err := change(nil)
	if err != nil {
		return 0, err
	}
	// Not the client's Create: where the key has a value that reads it to see whether it was
	// deleted, and Update reads it again.
	ack, err := js.Publish(ctx, KeySubject(js, kv.Bucket(), key), value, jetstream.WithExpectLastSequencePerSubject(0))
	switch {
	case err == nil:
		return ack.Sequence, nil
	case IsConflict(err):
		return Update(ctx, kv, key, change)
	default:
		return 0, fmt.Errorf("write to %s: %w", kv.Bucket(), err)
	}
}

// swap is Update with the writing left to put.
func swap[V any](ctx context.Context, kv jetstream.KeyValue, key string, change func(current jetstream.KeyValueEntry) (V, error), put func(ctx context.Context, value V, revision uint64) (uint64, error)) (uint64, error) {
	for try := range updateTries {
		current, revision, err := read(ctx, kv, key)
		if err != nil {
			return 0, err
		}
		value, err := change(current)
		if err != nil {
			return 0, err
		}
		revision, err = put(ctx, value, revision)
		if err == nil {
			return revision, nil
		}
		if !IsConflict(err) {
			return 0, fmt.Errorf("write to %s: %w", kv.Bucket(), err)
		}
		select {
		case <-time.After(rand.N(min(time.Millisecond<<min(try, 5), maxPause))):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return 0, fmt.Errorf("write to %s: %w: gave up after %d tries", kv.Bucket(), ErrContended, updateTries)
}

// read gives the entry of a key and its revision; nil and 0 where there is no value.
func read(ctx context.Context, kv jetstream.KeyValue, key string) (jetstream.KeyValueEntry, uint64, error) {
	entry, err := kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read from %s: %w", kv.Bucket(), err)
	}
	return entry, entry.Revision(), nil
}
