package wandnats

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Expiring is a value and how long the bucket keeps it.
type Expiring struct {
	Value []byte
	// TTL is in whole seconds; 0 keeps the value for as long as the bucket keeps any.
	TTL time.Duration
}

// UpdateExpiring is [Update] for values with a time to live of their own. The bucket's
// stream needs allow_msg_ttl. Each write sets the time to live anew, so a value without
// one replaces one that would expire.
func UpdateExpiring(ctx context.Context, js jetstream.JetStream, kv jetstream.KeyValue, key string, change func(current jetstream.KeyValueEntry) (Expiring, error)) (uint64, error) {
	return swap(ctx, kv, key, change, func(ctx context.Context, next Expiring, revision uint64) (uint64, error) {
		return putExpiring(ctx, js, kv, key, next, revision)
	})
}

// putExpiring is Put for a value with a time to live.
func putExpiring(ctx context.Context, js jetstream.JetStream, kv jetstream.KeyValue, key string, next Expiring, revision uint64) (uint64, error) {
	switch {
	case next.TTL <= 0:
		return Put(ctx, kv, key, next.Value, revision)
	case revision == 0:
		return kv.Create(ctx, key, next.Value, jetstream.KeyTTL(next.TTL))
	}
	// The client's Update takes no time to live.
	ack, err := js.PublishMsg(ctx, &nats.Msg{Subject: KeySubject(js, kv.Bucket(), key), Data: next.Value},
		jetstream.WithExpectLastSequencePerSubject(revision), jetstream.WithMsgTTL(next.TTL))
	if err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}
