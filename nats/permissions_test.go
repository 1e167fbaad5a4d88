package wandnats_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nats.go/micro"

	wandnats "github.com/wandstore/wandstore/nats"
)

// ackForms are the forms of the subjects of acknowledgements and flow control
// that the pinned server knows: the one it uses, and the one that it, or the
// next, can be told to use.
var ackForms = map[string]map[string]bool{
	"stream":  nil,
	"account": {"js_ack_fc_v2": true},
}

// client is a user's connection.
type client struct {
	nc *natsgo.Conn
	js jetstream.JetStream
	// violations are the server's refusals, which come apart from the requests.
	violations chan error
}

func join(t *testing.T, s *live, user string) *client {
	t.Helper()
	c := &client{violations: make(chan error, 64)}
	c.nc, c.js = connect(t, s.url, as(user), natsgo.ErrorHandler(func(_ *natsgo.Conn, _ *natsgo.Subscription, err error) {
		c.violations <- err
	}))
	return c
}

// may checks that nothing the client did so far was refused.
func (c *client) may(t *testing.T) {
	t.Helper()
	// The answer to the flush comes after every refusal.
	if err := c.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	for {
		select {
		case err := <-c.violations:
			t.Errorf("refused: %v", err)
		default:
			return
		}
	}
}

// mayNot checks that the server refuses what do does, by a violation of the
// permissions for a subject that begins so.
func (c *client) mayNot(t *testing.T, what, subject string, do func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- do(ctx) }()
	select {
	case err := <-c.violations:
		if !errors.Is(err, natsgo.ErrPermissionViolation) || !strings.Contains(err.Error(), `"`+subject) {
			t.Errorf("%s: got %v, want a permissions violation for %q", what, err, subject)
		}
	case <-ctx.Done():
		t.Errorf("%s: not refused (%v)", what, <-done)
		return
	}
	cancel()
	if err := <-done; err == nil {
		t.Errorf("%s: refused, and yet it worked", what)
	}
}

// startSecured runs a server with permissions.conf, empty.
func startSecured(t *testing.T, flags map[string]bool) *live {
	t.Helper()
	t.Setenv("NATS_STORE_DIR", t.TempDir())
	setPasswords(t)
	opts := configured(t, "single.conf")
	opts.FeatureFlags = flags
	// Who may do what does not depend on the disk, and the tests write a lot.
	opts.SyncAlways = false
	return start(t, opts)
}

func must(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// records does with a bucket what the services do with records and sessions.
func records(t *testing.T, c *client, bucketName, key string) {
	t.Helper()
	ctx := within(t)
	kv := bucket(t, c.js, bucketName)
	revision, err := kv.Create(ctx, key, []byte("1"))
	must(t, "create "+key, err)
	revision, err = kv.Update(ctx, key, []byte("2"), revision)
	must(t, "update "+key, err)
	_, err = kv.Get(ctx, key)
	must(t, "get "+key, err)
	must(t, "delete "+key, kv.Delete(ctx, key, jetstream.LastRevision(revision)))
	_, err = kv.Create(ctx, key, []byte("3"))
	must(t, "create "+key+" again", err)
	must(t, "purge "+key, kv.Purge(ctx, key))
}

// crumb leaves a breadcrumb as package jobqueue does.
func crumb(t *testing.T, c *client) {
	t.Helper()
	future, err := c.js.PublishAsync("$KV."+wandnats.BucketJobs+"."+wandnats.DebugKey("magic-wands", "abc123"), []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-future.Ok():
	case err := <-future.Err():
		t.Errorf("breadcrumb: %v", err)
	case <-within(t).Done():
		t.Error("breadcrumb: no answer")
	}
}

func publishJob(ctx context.Context, c *client, id string) error {
	msg := &natsgo.Msg{Subject: wandnats.GenerateSubject("pool-3"), Data: []byte(id)}
	_, err := c.js.PublishMsg(ctx, msg, jetstream.WithMsgID(id), jetstream.WithExpectStream(wandnats.StreamGeneration))
	return err
}

func TestEdgeMay(t *testing.T) {
	for form, flags := range ackForms {
		t.Run("acks by "+form, func(t *testing.T) {
			s := startSecured(t, flags)
			edge := join(t, s, "edge")
			ctx := within(t)

			must(t, "EnsureStreams on an empty server", wandnats.EnsureStreams(ctx, edge.js, defaults()))
			drift(t, s)
			changed := defaults()
			changed.MaxQueueDepth, changed.CacheTTLSeconds = 7, 60
			must(t, "EnsureStreams with other settings", wandnats.EnsureStreams(ctx, edge.js, changed))
			must(t, "publish", publishJob(ctx, edge, "job-1"))
			crumb(t, edge)
			records(t, edge, wandnats.BucketPages, wandnats.PageKey("magic-wands", "abc123"))
			records(t, edge, wandnats.BucketJobs, wandnats.JobKey("magic-wands", "abc123"))
			records(t, edge, wandnats.BucketSessions, wandnats.SessionKey("abc123"))
			history, err := bucket(t, edge.js, wandnats.BucketJobs).History(ctx, wandnats.DebugKey("magic-wands", "abc123"))
			must(t, "read the trail", err)
			if len(history) != 1 {
				t.Errorf("trail: %d breadcrumbs, want 1", len(history))
			}

			answering(t, s, wandnats.HealthSubject("pool-0"))
			_, err = edge.nc.RequestWithContext(ctx, wandnats.HealthSubject("pool-0"), nil)
			must(t, "ask a member's health", err)
			edge.may(t)
		})
	}
}

// drift changes something in every stream, as another version's files would have.
func drift(t *testing.T, s *live) {
	t.Helper()
	operator := join(t, s, "operator")
	for _, snap := range snapshots(t, operator.js) {
		snap.config.Description = "another version's"
		if _, err := operator.js.UpdateStream(within(t), snap.config); err != nil {
			t.Fatal(err)
		}
	}
}

// answering lets the operator answer a subject.
func answering(t *testing.T, s *live, subject string) {
	t.Helper()
	operator := join(t, s, "operator")
	if _, err := operator.nc.Subscribe(subject, func(m *natsgo.Msg) { _ = m.Respond([]byte("{}")) }); err != nil {
		t.Fatal(err)
	}
	if err := operator.nc.Flush(); err != nil {
		t.Fatal(err)
	}
}

func TestEdgeMayWatch(t *testing.T) {
	for form, flags := range ackForms {
		t.Run("acks by "+form, func(t *testing.T) {
			s := startSecured(t, flags)
			edge, generator := join(t, s, "edge"), join(t, s, "generator")
			ctx := within(t)
			ensure(t, generator.js, defaults())
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

func TestGeneratorMay(t *testing.T) {
	for form, flags := range ackForms {
		t.Run("acks by "+form, func(t *testing.T) {
			s := startSecured(t, flags)
			generator := join(t, s, "generator")
			ctx := within(t)

			must(t, "Ensure on an empty server", wandnats.Ensure(ctx, generator.js, defaults()))
			drift(t, s)
			changed := defaults()
			changed.MaxQueueDepth, changed.Concurrency, changed.CacheTTLSeconds = 7, 3, 60
			must(t, "Ensure with other settings", wandnats.Ensure(ctx, generator.js, changed))
			for _, id := range []string{"done", "again", "dead"} {
				must(t, "publish", publishJob(ctx, generator, id))
			}
			crumb(t, generator)
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
			pull, err := consumer.Messages(jetstream.PullMaxMessages(1))
			if err != nil {
				t.Fatal(err)
			}
			defer pull.Stop()
			next := func() jetstream.Msg {
				msg, err := pull.Next(jetstream.NextContext(ctx))
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

func TestGeneratorMayBury(t *testing.T) {
	s := startSecured(t, nil)
	generator := join(t, s, "generator")
	ctx := within(t)
	must(t, "Ensure", wandnats.Ensure(ctx, generator.js, defaults()))
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
	go func() { _, _ = consumer.Next(jetstream.FetchMaxWait(patience)) }()
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
	ensure(t, generator.js, defaults())
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
