package wandnats_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
)

// Generators book what the model costs, and edges only hear of it. The switches are the
// operators': who has a service's password cannot resume what they stopped.
func TestSpendingAndSwitches(t *testing.T) {
	for form, flags := range ackForms {
		t.Run("acks by "+form, func(t *testing.T) {
			s := startSecured(t, flags)
			operator, generator, edge := join(t, s, "operator"), join(t, s, "generator"), join(t, s, "edge")
			ctx := within(t)
			must(t, "provision", wandnats.Ensure(ctx, join(t, s, "provision").js, defaults()))

			today := wandnats.SpendKey(time.Now())
			records(t, generator, wandnats.BucketSpend, today)
			// More than is sent ahead of flow control.
			const stores = 300
			booked := bucket(t, generator.js, wandnats.BucketSpend)
			for n := range stores {
				_, err := booked.Put(ctx, wandnats.ShopSpendKey(time.Now(), fmt.Sprintf("store-%d", n)), make([]byte, 30_000))
				must(t, "book", err)
			}
			_, err := bucket(t, operator.js, wandnats.BucketControl).PutString(ctx, wandnats.KeyGeneration, "off")
			must(t, "switch off", err)
			for name, c := range map[string]*client{"edge": edge, "generator": generator} {
				for bucketName, want := range map[string]int{wandnats.BucketSpend: stores, wandnats.BucketControl: 1} {
					seen := 0
					w := wandnats.Watch{
						Bucket: bucket(t, c.js, bucketName), Options: []jetstream.WatchOpt{jetstream.IgnoreDeletes()},
						Entry: func(jetstream.KeyValueEntry) { seen++ },
					}
					must(t, name+" reads "+bucketName, w.Read(ctx))
					if seen != want {
						t.Errorf("%s: %d of %s, want %d", name, seen, bucketName, want)
					}
				}
				c.may(t)
			}

			switches := bucket(t, edge.js, wandnats.BucketControl)
			edge.mayNot(t, "the edge switches on", "$KV.CONTROL.generation", func(ctx context.Context) error {
				_, err := switches.PutString(ctx, wandnats.KeyGeneration, "on")
				return err
			})
			edge.mayNot(t, "the edge removes the switch", "$KV.CONTROL.generation", func(ctx context.Context) error {
				return switches.Purge(ctx, wandnats.KeyGeneration)
			})
			// The generator's console switches for an operator.
			_, err = bucket(t, generator.js, wandnats.BucketControl).PutString(ctx, wandnats.KeyGeneration, "on")
			must(t, "the console switches on", err)
			for name, c := range map[string]*client{"edge": edge, "generator": generator} {
				for _, bucketName := range []string{wandnats.BucketControl, wandnats.BucketSpend} {
					c.mayNot(t, name+" deletes "+bucketName, "$JS.API.STREAM.DELETE.KV_"+bucketName, func(ctx context.Context) error {
						return c.js.DeleteKeyValue(ctx, bucketName)
					})
				}
			}
			edge.mayNot(t, "the edge books", "$KV.SPEND."+today, func(ctx context.Context) error {
				_, err := bucket(t, edge.js, wandnats.BucketSpend).PutString(ctx, today, "{}")
				return err
			})
		})
	}
}
