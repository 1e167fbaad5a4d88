package wandnats_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
)

func TestEdgeMay(t *testing.T) {
	for form, flags := range ackForms {
		t.Run("acks by "+form, func(t *testing.T) {
			s := startSecured(t, flags)
			edge := join(t, s, "edge")
			ctx := within(t)

			if err := wandnats.EnsureStreams(ctx, edge.js, defaults()); !errors.Is(err, wandnats.ErrNotProvisioned) || !strings.Contains(err.Error(), wandnats.StreamGeneration) {
				t.Errorf("EnsureStreams on an empty server: %v", err)
			}
			provisioned(t, s, defaults())
			drift(t, s)
			changed := defaults()
			changed.MaxQueueDepth, changed.CacheTTLSeconds = 7, 60
			must(t, "EnsureStreams with other settings", wandnats.EnsureStreams(ctx, edge.js, changed))
			must(t, "publish", publishJob(ctx, edge, "job-1"))
			breadcrumb(t, edge)
			records(t, edge, wandnats.BucketPages, wandnats.PageKey("magic-wands", "abc123"))
			records(t, edge, wandnats.BucketJobs, wandnats.JobKey("magic-wands", "abc123"))
			records(t, edge, wandnats.BucketSessions, wandnats.SessionKey("abc123"))
			history, err := bucket(t, edge.js, wandnats.BucketJobs).History(ctx, wandnats.DebugKey("magic-wands", "abc123"))
			must(t, "read the trail", err)
			if len(history) != 1 {
				t.Errorf("trail: %d breadcrumbs, want 1", len(history))
			}

			answering(t, join(t, s, "operator"), wandnats.HealthSubject("pool-0"))
			_, err = edge.nc.RequestWithContext(ctx, wandnats.HealthSubject("pool-0"), nil)
			must(t, "ask a member's health", err)
			edge.may(t)
		})
	}
}

func TestEdgeMayWatch(t *testing.T) {
	for form, flags := range ackForms {
		t.Run("acks by "+form, func(t *testing.T) {
			s := startSecured(t, flags)
			edge, generator := join(t, s, "edge"), join(t, s, "generator")
			ctx := within(t)
			provisioned(t, s, defaults())
			for user, js := range map[string]jetstream.JetStream{"edge": edge.js, "generator": generator.js} {
				_, err := wandnats.Open(ctx, js)
				must(t, user+": open", err)
			}
			theirJobs := bucket(t, generator.js, wandnats.BucketJobs)

			// More than the server sends ahead of the client's word that it keeps up, so
			// that a watch whose flow control is refused stops half way.
			const records = 400
			for n := range records {
				if _, err := theirJobs.Put(ctx, wandnats.JobKey("magic-wands", strconv.Itoa(n)), make([]byte, 15_000)); err != nil {
					t.Fatal(err)
				}
			}

			pages, err := bucket(t, edge.js, wandnats.BucketPages).Watch(ctx, wandnats.AllPages, jetstream.UpdatesOnly(), jetstream.MetaOnly())
			if err != nil {
				t.Fatal(err)
			}
			jobs, err := bucket(t, edge.js, wandnats.BucketJobs).Watch(ctx, wandnats.AllJobs)
			if err != nil {
				t.Fatal(err)
			}
			for n := 0; ; {
				select {
				case e := <-jobs.Updates():
					if e != nil {
						n++
						continue
					}
					if n != records {
						t.Errorf("watched %d records, want %d", n, records)
					}
				case <-ctx.Done():
					t.Fatalf("the watch stopped after %d of %d records", n, records)
				}
				break
			}

			// The same for the pages, of which the watch has the headers only.
			const made = 12_000
			for n := range made {
				if err := generator.nc.Publish("$KV."+wandnats.BucketPages+"."+wandnats.PageKey("magic-wands", fmt.Sprintf("%064d", n)), []byte("a page")); err != nil {
					t.Fatal(err)
				}
			}
			for n := range made {
				select {
				case e := <-pages.Updates():
					if e == nil || e.Key() != wandnats.PageKey("magic-wands", fmt.Sprintf("%064d", n)) || len(e.Value()) != 0 {
						t.Fatalf("watched %v, want the key of page %d and not the page", e, n)
					}
				case <-ctx.Done():
					t.Fatalf("the watch stopped after %d of %d pages", n, made)
				}
			}
			// Stopping removes the consumers at the server.
			must(t, "stop", pages.Stop())
			must(t, "stop", jobs.Stop())
			operator := join(t, s, "operator")
			eventually(t, "the watches' consumers are gone", func() error {
				for name, snap := range snapshots(t, operator.js) {
					if strings.HasPrefix(name, "KV_") && snap.state.Consumers != 0 {
						return fmt.Errorf("%s has %d", name, snap.state.Consumers)
					}
				}
				return nil
			})
			edge.may(t)
		})
	}
}

func TestEdgeMayNot(t *testing.T) {
	s := startSecured(t, nil)
	operator, edge := join(t, s, "operator"), join(t, s, "edge")
	ensure(t, operator.js, defaults())
	fill(t, operator.js, "pool-3", 1)
	if _, err := operator.js.Publish(within(t), wandnats.DeadSubject("pool-3"), []byte("a letter")); err != nil {
		t.Fatal(err)
	}
	queue, err := edge.js.Stream(within(t), wandnats.StreamGeneration)
	if err != nil {
		t.Fatal(err)
	}
	dead, err := edge.js.Stream(within(t), wandnats.StreamDead)
	if err != nil {
		t.Fatal(err)
	}
	// As somebody who has the edge's password would, by hand.
	request := func(subject, body string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := edge.nc.RequestWithContext(ctx, subject, []byte(body))
			return err
		}
	}
	subscribe := func(subject string) func(context.Context) error {
		return func(ctx context.Context) error {
			sub, err := edge.nc.SubscribeSync(subject)
			if err != nil {
				return err
			}
			_, err = sub.NextMsgWithContext(ctx)
			return err
		}
	}
	const api = "$JS.API."
	edge.mayNot(t, "look up a consumer", api+"CONSUMER.INFO.GENERATION.pool-3", func(ctx context.Context) error {
		_, err := queue.Consumer(ctx, "pool-3")
		return err
	})
	edge.mayNot(t, "make a consumer", api+"CONSUMER.CREATE.GENERATION.", func(ctx context.Context) error {
		_, err := queue.CreateConsumer(ctx, jetstream.ConsumerConfig{Durable: "mine", FilterSubject: "wandstore.generate.pool-0"})
		return err
	})
	edge.mayNot(t, "pull a job", api+"CONSUMER.MSG.NEXT.GENERATION.pool-3", request(api+"CONSUMER.MSG.NEXT.GENERATION.pool-3", ""))
	edge.mayNot(t, "acknowledge a job", "$JS.ACK.GENERATION.", request("$JS.ACK.GENERATION.pool-3.1.1.1.1.0", ""))
	edge.mayNot(t, "remove a consumer", api+"CONSUMER.DELETE.GENERATION.pool-3", func(ctx context.Context) error {
		return queue.DeleteConsumer(ctx, "pool-3")
	})
	edge.mayNot(t, "pause a member", api+"CONSUMER.PAUSE.GENERATION.pool-3", request(api+"CONSUMER.PAUSE.GENERATION.pool-3", "{}"))
	edge.mayNot(t, "delete the queue", api+"STREAM.DELETE.GENERATION", func(ctx context.Context) error {
		return edge.js.DeleteStream(ctx, wandnats.StreamGeneration)
	})
	edge.mayNot(t, "purge the queue", api+"STREAM.PURGE.GENERATION", func(ctx context.Context) error { return queue.Purge(ctx) })
	edge.mayNot(t, "delete a job", api+"STREAM.MSG.DELETE.GENERATION", func(ctx context.Context) error { return queue.DeleteMsg(ctx, 1) })
	edge.mayNot(t, "delete a bucket", api+"STREAM.DELETE.KV_UI_CACHE", func(ctx context.Context) error {
		return edge.js.DeleteKeyValue(ctx, wandnats.BucketPages)
	})
	edge.mayNot(t, "make a stream of its own", api+"STREAM.CREATE.MINE", func(ctx context.Context) error {
		_, err := edge.js.CreateStream(ctx, jetstream.StreamConfig{Name: "MINE", Mirror: &jetstream.StreamSource{Name: wandnats.StreamDead}})
		return err
	})
	edge.mayNot(t, "read a job", api+"DIRECT.GET.GENERATION", func(ctx context.Context) error {
		_, err := queue.GetMsg(ctx, 1)
		return err
	})
	edge.mayNot(t, "read a dead letter", api+"DIRECT.GET.GENERATION_DEAD", func(ctx context.Context) error {
		_, err := dead.GetMsg(ctx, 1)
		return err
	})
	edge.mayNot(t, "read the last dead letter", api+"DIRECT.GET.GENERATION_DEAD", func(ctx context.Context) error {
		_, err := dead.GetLastMsgForSubject(ctx, wandnats.DeadSubject("pool-3"))
		return err
	})
	edge.mayNot(t, "read a dead letter the old way", api+"STREAM.MSG.GET.GENERATION_DEAD", request(api+"STREAM.MSG.GET.GENERATION_DEAD", `{"seq":1}`))
	edge.mayNot(t, "consume dead letters", api+"CONSUMER.CREATE.GENERATION_DEAD", func(ctx context.Context) error {
		_, err := dead.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{})
		return err
	})
	edge.mayNot(t, "write a dead letter", wandnats.DeadSubject("pool-3"), func(ctx context.Context) error {
		_, err := edge.js.Publish(ctx, wandnats.DeadSubject("pool-3"), nil)
		return err
	})
	edge.mayNot(t, "replay", wandnats.SubjectReplay, request(wandnats.SubjectReplay, `{"sequence":1}`))
	for _, subject := range []string{"wandstore.>", wandnats.GenerateSubject("*"), wandnats.DeadSubject("*"), wandnats.HealthSubject("pool-3"), "$KV.>", "$JS.>", ">"} {
		edge.mayNot(t, "listen to "+subject, subject, subscribe(subject))
	}

	if got := held(t, operator.js); got["pool-3"] != 1 {
		t.Errorf("held after all this: %v", got)
	}
}
