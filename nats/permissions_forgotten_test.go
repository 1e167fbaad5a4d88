package wandnats_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
)

// Both services write tombstones, look for them, and write sessions that expire. The
// generator also walks through the tombstones and reads a shopper's breadcrumbs.
func TestServicesMayForget(t *testing.T) {
	for form, flags := range ackForms {
		t.Run("acks by "+form, func(t *testing.T) {
			s := startSecured(t, flags)
			generator, edge := join(t, s, "generator"), join(t, s, "edge")
			ctx := within(t)
			must(t, "provision", wandnats.Ensure(ctx, join(t, s, "provision").js, defaults()))
			for _, c := range []*client{generator, edge} {
				kv := bucket(t, c.js, wandnats.BucketForgotten)
				_, err := kv.PutString(ctx, wandnats.ForgottenKey("abc123"), "{}")
				must(t, "write a tombstone", err)
				_, err = kv.Get(ctx, wandnats.ForgottenKey("abc123"))
				must(t, "look for a tombstone", err)
				for range 2 {
					_, err = wandnats.UpdateExpiring(ctx, c.js, bucket(t, c.js, wandnats.BucketSessions), wandnats.SessionKey("abc123"),
						func(jetstream.KeyValueEntry) (wandnats.Expiring, error) {
							return wandnats.Expiring{Value: []byte("{}"), TTL: time.Hour}, nil
						})
					must(t, "write a session that expires", err)
				}
			}
			walked := 0
			must(t, "walk", wandnats.Watch{
				Bucket: bucket(t, generator.js, wandnats.BucketForgotten), Entry: func(jetstream.KeyValueEntry) { walked++ },
			}.Read(ctx))
			if walked != 1 {
				t.Errorf("walked through %d tombstones, want 1", walked)
			}
			jobs, trail := bucket(t, generator.js, wandnats.BucketJobs), wandnats.DebugKey("magic-wands", "abc123")
			_, err := jobs.PutString(ctx, trail, "{}")
			must(t, "write the trail", err)
			_, err = jobs.History(ctx, trail)
			must(t, "read the trail", err)
			generator.may(t)
			edge.may(t)
			edge.mayNot(t, "walk through the tombstones", "$JS.API.CONSUMER.CREATE.KV_FORGOTTEN", func(ctx context.Context) error {
				return wandnats.Watch{Bucket: bucket(t, edge.js, wandnats.BucketForgotten), Entry: func(jetstream.KeyValueEntry) {}}.Read(ctx)
			})
		})
	}
}
