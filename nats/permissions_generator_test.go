package wandnats_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nats.go/micro"

	wandnats "github.com/wandstore/wandstore/nats"
)

func TestGeneratorMay(t *testing.T) {
	for form, flags := range ackForms {
		t.Run("acks by "+form, func(t *testing.T) {
			s := startSecured(t, flags)
			generator := join(t, s, "generator")
			ctx := within(t)

			if err := wandnats.Ensure(ctx, generator.js, defaults()); !errors.Is(err, wandnats.ErrNotProvisioned) {
				t.Errorf("Ensure on an empty server: %v", err)
			}
			fewer := defaults()
			fewer.PoolSize = 3
			provisioned(t, s, fewer)
			if err := wandnats.Ensure(ctx, generator.js, defaults()); !errors.Is(err, wandnats.ErrNotProvisioned) || !strings.Contains(err.Error(), "pool-3") {
				t.Errorf("Ensure without all members: %v", err)
			}
			changed := defaults()
			changed.Concurrency = 3
			provisioned(t, s, changed)
			drift(t, s)
			changed.MaxQueueDepth, changed.CacheTTLSeconds = 7, 60
			must(t, "Ensure with other settings", wandnats.Ensure(ctx, generator.js, changed))
			for _, id := range []string{"done", "again", "dead"} {
				must(t, "publish", publishJob(ctx, generator, id))
			}
			breadcrumb(t, generator)
			records(t, generator, wandnats.BucketPages, wandnats.PageKey("magic-wands", "abc123"))
			records(t, generator, wandnats.BucketJobs, wandnats.JobKey("magic-wands", "abc123"))
			records(t, generator, wandnats.BucketSessions, wandnats.SessionKey("abc123"))

			queue, err := generator.js.Stream(ctx, wandnats.StreamGeneration)
			if err != nil {
				t.Fatal(err)
			}
			names := queue.ConsumerNames(ctx)
			count := 0
			for range names.Name() {
				count++
			}
			must(t, "name the members", names.Err())
			infos := queue.ListConsumers(ctx)
			for range infos.Info() {
				count++
			}
			must(t, "list the members", infos.Err())
			if count != 20 {
				t.Errorf("members: %d, want 10 twice", count)
			}

			// Every way to settle, each after heartbeats, which the server takes or
			// refuses one by one.
			consumer, err := generator.js.Consumer(ctx, wandnats.StreamGeneration, "pool-3")
			if err != nil {
				t.Fatal(err)
			}
			next := func() jetstream.Msg {
				msg, err := consumer.Next(jetstream.FetchContext(ctx))
				if err != nil {
					t.Fatal(err)
				}
				must(t, "heartbeat", msg.InProgress())
				must(t, "heartbeat", msg.InProgress())
				return msg
			}
			must(t, "ack", next().DoubleAck(ctx))
			// By the form that is meant to be tested.
			again := next()
			if long := len(strings.Split(again.Reply(), ".")) > 9; long != (flags != nil) {
				t.Errorf("acks go to %s", again.Reply())
			}
			must(t, "hand back", again.NakWithDelay(1))
			must(t, "term", next().TermWithReason("dead letter"))
			must(t, "ack what was handed back", next().DoubleAck(ctx))
			generator.may(t)
			eventually(t, "all is settled", func() error {
				if got := held(t, join(t, s, "operator").js); len(got) != 0 {
					return fmt.Errorf("held: %v", got)
				}
				return nil
			})
		})
	}
}

func TestGeneratorMayDeadLetter(t *testing.T) {
	s := startSecured(t, nil)
	generator := join(t, s, "generator")
	ctx := within(t)
	provisioned(t, s, defaults())
	must(t, "publish", publishJob(ctx, generator, "a job"))
	queue, err := generator.js.Stream(ctx, wandnats.StreamGeneration)
	if err != nil {
		t.Fatal(err)
	}

	// The advisory comes when the last delivery has lapsed.
	advisories := make(chan *natsgo.Msg, 1)
	sub, err := generator.nc.ChanQueueSubscribe(wandnats.SubjectMaxDeliveries, "dead-letters", advisories)
	must(t, "listen for advisories", err)
	defer func() { _ = sub.Unsubscribe() }()
	consumer, err := generator.js.Consumer(ctx, wandnats.StreamGeneration, "pool-3")
	if err != nil {
		t.Fatal(err)
	}
	for range consumer.CachedInfo().Config.MaxDeliver {
		msg, err := consumer.Next(jetstream.FetchMaxWait(patience))
		if err != nil {
			t.Fatal(err)
		}
		must(t, "hand back", msg.Nak())
	}
	var advisory struct {
		Consumer  string `json:"consumer"`
		StreamSeq uint64 `json:"stream_seq"`
	}
	// The server notices at the next pull.
	go func() { _, _ = consumer.Next(jetstream.FetchContext(ctx)) }()
	select {
	case m := <-advisories:
		must(t, "read the advisory", json.Unmarshal(m.Data, &advisory))
	case <-ctx.Done():
		t.Fatal("no advisory")
	}
	if advisory.Consumer != "pool-3" || advisory.StreamSeq != 1 {
		t.Errorf("advisory: %+v", advisory)
	}

	_, err = queue.GetMsg(ctx, advisory.StreamSeq)
	must(t, "read by sequence", err)
	job, err := queue.GetMsg(ctx, 0, jetstream.WithGetMsgSubject(wandnats.GenerateSubject("pool-3")))
	must(t, "read by subject", err)
	letter := &natsgo.Msg{Subject: wandnats.DeadSubject("pool-3"), Data: job.Data}
	_, err = generator.js.PublishMsg(ctx, letter, jetstream.WithMsgID("dead-1"), jetstream.WithExpectStream(wandnats.StreamDead))
	must(t, "publish the letter", err)
	must(t, "remove the dead job", queue.DeleteMsg(ctx, job.Sequence))

	dead, err := generator.js.Stream(ctx, wandnats.StreamDead)
	if err != nil {
		t.Fatal(err)
	}
	_, err = dead.GetMsg(ctx, 1)
	must(t, "read the letter", err)
	must(t, "replay", publishJob(ctx, generator, "a job-replay-1"))
	must(t, "remove the letter", dead.DeleteMsg(ctx, 1))
	generator.may(t)
}

func TestGeneratorMayAnswer(t *testing.T) {
	s := startSecured(t, nil)
	generator, edge := join(t, s, "generator"), join(t, s, "edge")
	service, err := micro.AddService(generator.nc, micro.Config{Name: wandnats.MicroService, Version: "0.1.0"})
	must(t, "micro service", err)
	answer := micro.HandlerFunc(func(r micro.Request) { _ = r.Respond([]byte("here")) })
	must(t, "health", service.AddEndpoint("pool-3-health", answer, micro.WithEndpointSubject(wandnats.HealthSubject("pool-3"))))
	must(t, "replay", service.AddEndpoint("replay", answer, micro.WithEndpointSubject(wandnats.SubjectReplay)))
	generator.may(t)

	m, err := edge.nc.RequestWithContext(within(t), wandnats.HealthSubject("pool-3"), nil)
	if err != nil || string(m.Data) != "here" {
		t.Errorf("the edge asks for a member's health: %v, %v", m, err)
	}
	operator := []string{"--user=operator", "--password=" + passwords["operator"]}
	for _, command := range [][]string{
		{"req", wandnats.SubjectReplay, "{}", "--raw"},
		{"req", wandnats.HealthSubject("pool-3"), "", "--raw"},
	} {
		if out := s.cli(t, append(command, operator...)...); strings.TrimSpace(out) != "here" {
			t.Errorf("nats %v: %q", command, out)
		}
	}
	for _, command := range [][]string{
		{"micro", "ls"}, {"micro", "info", wandnats.MicroService}, {"micro", "stats", wandnats.MicroService},
	} {
		if out := s.cli(t, append(command, operator...)...); !strings.Contains(out, wandnats.MicroService) {
			t.Errorf("nats %v: %s", command, out)
		}
	}
	must(t, "stop", service.Stop())
	generator.may(t)
}

func TestGeneratorMayNot(t *testing.T) {
	s := startSecured(t, nil)
	operator, generator := join(t, s, "operator"), join(t, s, "generator")
	provisioned(t, s, defaults())
	fill(t, generator.js, "pool-3", 1)
	ctx := within(t)
	if _, err := bucket(t, operator.js, wandnats.BucketSessions).PutString(ctx, wandnats.SessionKey("abc123"), "{}"); err != nil {
		t.Fatal(err)
	}
	const api = "$JS.API."
	for name := range snapshots(t, operator.js) {
		stream, err := generator.js.Stream(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		generator.mayNot(t, "delete "+name, api+"STREAM.DELETE."+name, func(ctx context.Context) error {
			return generator.js.DeleteStream(ctx, name)
		})
		generator.mayNot(t, "purge "+name, api+"STREAM.PURGE."+name, func(ctx context.Context) error { return stream.Purge(ctx) })
	}
	// To recreate one is to delete it first; under another name:
	generator.mayNot(t, "make another stream", api+"STREAM.CREATE.GENERATION_2", func(ctx context.Context) error {
		_, err := generator.js.CreateStream(ctx, jetstream.StreamConfig{Name: "GENERATION_2", Subjects: []string{"x"}})
		return err
	})
	queue, err := generator.js.Stream(ctx, wandnats.StreamGeneration)
	if err != nil {
		t.Fatal(err)
	}
	generator.mayNot(t, "remove a member", api+"CONSUMER.DELETE.GENERATION.pool-3", func(ctx context.Context) error {
		return queue.DeleteConsumer(ctx, "pool-3")
	})
	sessions, err := generator.js.Stream(ctx, "KV_"+wandnats.BucketSessions)
	if err != nil {
		t.Fatal(err)
	}
	generator.mayNot(t, "consume sessions", api+"CONSUMER.CREATE.KV_SHOPPER_SESSIONS", func(ctx context.Context) error {
		_, err := sessions.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{})
		return err
	})
	generator.mayNot(t, "speak out of turn", "wandstore.control.pause", func(ctx context.Context) error {
		_, err := generator.nc.RequestWithContext(ctx, "wandstore.control.pause", nil)
		return err
	})
	for _, subject := range []string{"wandstore.>", wandnats.GenerateSubject("*"), wandnats.DeadSubject("*"), "$KV.>", ">"} {
		generator.mayNot(t, "listen to "+subject, subject, func(ctx context.Context) error {
			sub, err := generator.nc.SubscribeSync(subject)
			if err != nil {
				return err
			}
			_, err = sub.NextMsgWithContext(ctx)
			return err
		})
	}
	if got := held(t, operator.js); got["pool-3"] != 1 {
		t.Errorf("held after all this: %v", got)
	}
}
