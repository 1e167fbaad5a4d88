package wandnats_test

import (
	"context"
	"errors"
	"strconv"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
)

// Stores are the operators' to write: who has a service's password opens no shop and
// changes no price.
func TestServicesMayOnlyReadStores(t *testing.T) {
	for form, flags := range ackForms {
		t.Run("acks by "+form, func(t *testing.T) {
			s := startSecured(t, flags)
			operator := join(t, s, "operator")
			ensure(t, operator.js, defaults())
			theirs := bucket(t, operator.js, wandnats.BucketStores)
			// As much history as is kept, and more than is sent ahead of flow control.
			const stores, versions = 4, 5
			for n := range stores * versions {
				_, err := theirs.Put(within(t), "store-"+strconv.Itoa(n%stores), make([]byte, 500_000))
				must(t, "put", err)
			}
			for _, user := range []string{"edge", "generator"} {
				c := join(t, s, user)
				kv := bucket(t, c.js, wandnats.BucketStores)
				watch, err := kv.WatchAll(within(t), jetstream.IncludeHistory())
				if err != nil {
					t.Fatal(err)
				}
				for n := 0; ; n++ {
					var e jetstream.KeyValueEntry
					select {
					case e = <-watch.Updates():
					case <-within(t).Done():
						t.Fatalf("%s: the watch stopped after %d", user, n)
					}
					if e != nil {
						continue
					}
					if n != stores*versions {
						t.Errorf("%s: read %d versions, want %d", user, n, stores*versions)
					}
					break
				}
				must(t, "stop", watch.Stop())
				c.may(t)
				c.mayNot(t, user+" changes a store", "$KV.STORES.store-0", func(ctx context.Context) error {
					_, err := kv.Put(ctx, "store-0", []byte("{}"))
					return err
				})
				c.mayNot(t, user+" takes a store out", "$KV.STORES.store-0", func(ctx context.Context) error { return kv.Purge(ctx, "store-0") })
				c.mayNot(t, user+" deletes the bucket", "$JS.API.STREAM.DELETE.KV_STORES", func(ctx context.Context) error {
					return c.js.DeleteKeyValue(ctx, wandnats.BucketStores)
				})
			}
		})
	}
}

func TestOperatorMayAll(t *testing.T) {
	s := startSecured(t, nil)
	operator := join(t, s, "operator")
	ctx := within(t)
	must(t, "Ensure", wandnats.Ensure(ctx, operator.js, defaults()))
	fill(t, operator.js, "pool-3", 2)
	sub, err := operator.nc.SubscribeSync("wandstore.>")
	must(t, "listen to all", err)
	fill(t, operator.js, "pool-3", 1)
	_, err = sub.NextMsgWithContext(ctx)
	must(t, "hear all", err)

	user := []string{"--user=operator", "--password=" + passwords["operator"]}
	for _, command := range [][]string{
		{"consumer", "pause", wandnats.StreamGeneration, "pool-3", "1h", "--force"},
		{"consumer", "resume", wandnats.StreamGeneration, "pool-3", "--force"},
		{"stream", "purge", wandnats.StreamGeneration, "--subject=wandstore.generate.pool-3", "--force"},
		{"consumer", "rm", wandnats.StreamGeneration, "pool-3", "--force"},
		{"kv", "ls"},
		{"stream", "rm", wandnats.StreamGeneration, "--force"},
	} {
		s.cli(t, append(command, user...)...)
	}
	if _, err := operator.js.Stream(ctx, wandnats.StreamGeneration); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("the removed stream: %v", err)
	}
	must(t, "Ensure anew", wandnats.Ensure(ctx, operator.js, defaults()))
	operator.may(t)
}
