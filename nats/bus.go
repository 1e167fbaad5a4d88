package wandnats

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Bus is a connection to NATS with WandStore's buckets on it.
type Bus struct {
	Conn      *nats.Conn
	JetStream jetstream.JetStream
	// Pages is the bucket UI_CACHE.
	Pages jetstream.KeyValue
	// Jobs is the bucket GENERATION_QUEUE.
	Jobs jetstream.KeyValue
	// Sessions is the bucket SHOPPER_SESSIONS.
	Sessions jetstream.KeyValue
	// Shops is the bucket STORES.
	Shops jetstream.KeyValue
	// Catalogue is the bucket CATALOGUE.
	Catalogue jetstream.KeyValue
	// Spend is the bucket SPEND.
	Spend jetstream.KeyValue
	// Control is the bucket CONTROL.
	Control jetstream.KeyValue
	// Account is the bucket MODEL_ACCOUNT.
	Account jetstream.KeyValue
	// Forgotten is the bucket FORGOTTEN.
	Forgotten jetstream.KeyValue
	// Drafts is the bucket PAGE_DRAFTS.
	Drafts jetstream.KeyValue
}

// Open binds all buckets. They have to exist: [EnsureStreams] creates them. The
// error is ErrNotConnected, or JetStream's wrapped with the bucket's name.
func Open(ctx context.Context, js jetstream.JetStream) (*Bus, error) {
	if err := ready(js.Conn()); err != nil {
		return nil, err
	}
	b := &Bus{Conn: js.Conn(), JetStream: js}
	buckets := []struct {
		name string
		to   *jetstream.KeyValue
	}{
		{BucketPages, &b.Pages},
		{BucketJobs, &b.Jobs},
		{BucketSessions, &b.Sessions},
		{BucketStores, &b.Shops},
		{BucketCatalogue, &b.Catalogue},
		{BucketSpend, &b.Spend},
		{BucketControl, &b.Control},
		{BucketAccount, &b.Account},
		{BucketForgotten, &b.Forgotten},
		{BucketDrafts, &b.Drafts},
	}
	if err := atOnce(len(buckets), func(i int) (err error) {
		*buckets[i].to, err = OpenBucket(ctx, js, buckets[i].name)
		return err
	}); err != nil {
		return nil, err
	}
	return b, nil
}

// OpenBucket binds one bucket, which has to exist. The error is JetStream's wrapped
// with the bucket's name.
func OpenBucket(ctx context.Context, js jetstream.JetStream, name string) (jetstream.KeyValue, error) {
	kv, err := js.KeyValue(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", name, err)
	}
	return kv, nil
}
