package wandnats_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
)

// rights is what each user of permissions.conf may publish to and subscribe to. Users
// that a row does not name are refused.
var rights = []struct {
	what, subject string
	subscribe     bool
	users         string
}{
	{what: "create the queue", subject: "$JS.API.STREAM.CREATE.GENERATION", users: "provision operator sys"},
	{what: "update the queue", subject: "$JS.API.STREAM.UPDATE.GENERATION", users: "provision operator sys"},
	{what: "update the dead letters", subject: "$JS.API.STREAM.UPDATE.GENERATION_DEAD", users: "provision operator sys"},
	{what: "update the sessions", subject: "$JS.API.STREAM.UPDATE.KV_SHOPPER_SESSIONS", users: "provision operator sys"},
	{what: "update the stores", subject: "$JS.API.STREAM.UPDATE.KV_STORES", users: "provision operator sys"},
	{what: "create another stream", subject: "$JS.API.STREAM.CREATE.OTHER", users: "provision operator sys"},
	{what: "delete a stream", subject: "$JS.API.STREAM.DELETE.GENERATION", users: "operator sys"},
	{what: "purge a stream", subject: "$JS.API.STREAM.PURGE.KV_SHOPPER_SESSIONS", users: "operator sys"},
	{what: "take a snapshot", subject: "$JS.API.STREAM.SNAPSHOT.KV_SHOPPER_SESSIONS", users: "operator sys"},
	{what: "restore a stream", subject: "$JS.API.STREAM.RESTORE.KV_SHOPPER_SESSIONS", users: "operator sys"},
	{what: "find a stream", subject: "$JS.API.STREAM.INFO.GENERATION", users: "edge generator provision operator sys"},
	{what: "create a member", subject: "$JS.API.CONSUMER.CREATE.GENERATION.pool-3.wandstore.generate.pool-3", users: "provision operator sys"},
	{what: "create a durable of the queue, the old way", subject: "$JS.API.CONSUMER.DURABLE.CREATE.GENERATION.mine", users: "operator sys"},
	{what: "create an ephemeral of the queue, the old way", subject: "$JS.API.CONSUMER.CREATE.GENERATION", users: "operator sys"},
	{what: "consume the dead letters", subject: "$JS.API.CONSUMER.CREATE.GENERATION_DEAD.mine", users: "operator sys"},
	{what: "consume the sessions", subject: "$JS.API.CONSUMER.CREATE.KV_SHOPPER_SESSIONS.mine", users: "operator sys"},
	{what: "create a durable of a bucket, the old way", subject: "$JS.API.CONSUMER.DURABLE.CREATE.KV_STORES.mine", users: "operator sys"},
	{what: "watch jobs", subject: "$JS.API.CONSUMER.CREATE.KV_GENERATION_QUEUE.mine.$KV.GENERATION_QUEUE.job.>", users: "edge generator operator sys"},
	{what: "watch stores", subject: "$JS.API.CONSUMER.CREATE.KV_STORES.mine.$KV.STORES.>", users: "edge generator importer operator sys"},
	{what: "find a member", subject: "$JS.API.CONSUMER.INFO.GENERATION.pool-3", users: "generator provision operator sys"},
	{what: "list the members", subject: "$JS.API.CONSUMER.NAMES.GENERATION", users: "generator provision operator sys"},
	{what: "pull a job", subject: "$JS.API.CONSUMER.MSG.NEXT.GENERATION.pool-3", users: "generator operator sys"},
	{what: "acknowledge a job", subject: "$JS.ACK.GENERATION.pool-3.1.1.1.1.0", users: "generator operator sys"},
	{what: "remove a member", subject: "$JS.API.CONSUMER.DELETE.GENERATION.pool-3", users: "operator sys"},
	{what: "pause a member", subject: "$JS.API.CONSUMER.PAUSE.GENERATION.pool-3", users: "generator operator sys"},
	{what: "publish a job", subject: "wandstore.generate.pool-3", users: "edge generator operator sys"},
	{what: "create a member of a shard", subject: "$JS.API.CONSUMER.CREATE.GENERATION.2-pool-3.wandstore.generate.2.pool-3", users: "provision operator sys"},
	{what: "publish a job to a shard", subject: "wandstore.generate.2.pool-3", users: "edge generator operator sys"},
	{what: "ask a member of a shard", subject: "wandstore.member.2-pool-3.health", users: "edge operator sys"},
	{what: "publish a dead letter", subject: "wandstore.dead.pool-3", users: "generator operator sys"},
	{what: "read a job", subject: "$JS.API.DIRECT.GET.GENERATION", users: "generator operator sys"},
	{what: "read a dead letter", subject: "$JS.API.DIRECT.GET.GENERATION_DEAD", users: "generator operator sys"},
	{what: "read a message, the old way", subject: "$JS.API.STREAM.MSG.GET.KV_SHOPPER_SESSIONS", users: "operator sys"},
	{what: "remove a dead letter", subject: "$JS.API.STREAM.MSG.DELETE.GENERATION_DEAD", users: "generator operator sys"},
	{what: "remove a session's message", subject: "$JS.API.STREAM.MSG.DELETE.KV_SHOPPER_SESSIONS", users: "operator sys"},
	{what: "write a page", subject: "$KV.UI_CACHE.ui.magic-wands.ada", users: "edge generator operator sys"},
	{what: "write a session", subject: "$KV.SHOPPER_SESSIONS.session.ada", users: "edge generator importer operator sys"},
	{what: "read a session", subject: "$JS.API.DIRECT.GET.KV_SHOPPER_SESSIONS.$KV.SHOPPER_SESSIONS.session.ada", users: "edge generator importer operator sys"},
	{what: "write a store", subject: "$KV.STORES.magic-wands", users: "operator sys"},
	{what: "write a product", subject: "$KV.CATALOGUE.magic-wands.ash", users: "importer operator sys"},
	{what: "read a product", subject: "$JS.API.DIRECT.GET.KV_CATALOGUE.$KV.CATALOGUE.magic-wands.ash", users: "importer operator sys"},
	{what: "watch products", subject: "$JS.API.CONSUMER.CREATE.KV_CATALOGUE.mine.$KV.CATALOGUE.>", users: "edge generator importer operator sys"},
	{what: "remember an order", subject: "$KV.IMPORTS.order.magic-wands.1", users: "importer operator sys"},
	{what: "see what imports remember", subject: "$JS.API.DIRECT.GET.KV_IMPORTS.$KV.IMPORTS.order.magic-wands.1", users: "importer operator sys"},
	{what: "purge the products", subject: "$JS.API.STREAM.PURGE.KV_CATALOGUE", users: "operator sys"},
	{what: "read a store", subject: "$JS.API.DIRECT.GET.KV_STORES.$KV.STORES.magic-wands", users: "importer operator sys"},
	{what: "write a tombstone", subject: "$KV.FORGOTTEN.ada", users: "edge generator operator sys"},
	{what: "write a tombstone of one shop", subject: "$KV.FORGOTTEN.ada.magic-wands", users: "edge generator operator sys"},
	{what: "look for a tombstone", subject: "$JS.API.STREAM.MSG.GET.KV_FORGOTTEN", users: "edge generator importer operator sys"},
	{what: "write a draft", subject: "$KV.PAGE_DRAFTS.draft.magic-wands.ada", users: "edge generator operator sys"},
	{what: "read a draft", subject: "$JS.API.DIRECT.GET.KV_PAGE_DRAFTS.$KV.PAGE_DRAFTS.draft.magic-wands.ada", users: "edge generator operator sys"},
	{what: "watch drafts", subject: "$JS.API.CONSUMER.CREATE.KV_PAGE_DRAFTS.mine.$KV.PAGE_DRAFTS.draft.>", users: "operator sys"},
	{what: "say that a draft was written", subject: "wandstore.draft.magic-wands.bob", users: "operator sys"},
	{what: "walk through the tombstones", subject: "$JS.API.CONSUMER.CREATE.KV_FORGOTTEN.mine.$KV.FORGOTTEN.>", users: "generator operator sys"},
	{what: "book a cost", subject: "$KV.SPEND.day.2026-11-25", users: "generator operator sys"},
	{what: "read a cost", subject: "$JS.API.DIRECT.GET.KV_SPEND.$KV.SPEND.day.2026-11-25", users: "edge generator operator sys"},
	{what: "watch the costs", subject: "$JS.API.CONSUMER.CREATE.KV_SPEND.mine.$KV.SPEND.>", users: "edge generator operator sys"},
	{what: "take a place in the model's account", subject: "$KV.MODEL_ACCOUNT.0123456789abcdef", users: "generator operator sys"},
	{what: "watch the model's account", subject: "$JS.API.CONSUMER.CREATE.KV_MODEL_ACCOUNT.mine.$KV.MODEL_ACCOUNT.>", users: "generator operator sys"},
	{what: "switch generation", subject: "$KV.CONTROL.generation", users: "generator operator sys"},
	{what: "switch one shop's generation", subject: "$KV.CONTROL.generation.magic-wands", users: "generator operator sys"},
	{what: "watch the switches", subject: "$JS.API.CONSUMER.CREATE.KV_CONTROL.mine.$KV.CONTROL.>", users: "edge generator operator sys"},
	{what: "ask a member", subject: "wandstore.member.pool-3.health", users: "edge operator sys"},
	{what: "replay", subject: "wandstore.control.replay", users: "generator operator sys"},
	{what: "forget", subject: "wandstore.control.forget", users: "operator sys"},
	{what: "ask for one's rights", subject: "$SYS.REQ.USER.INFO", users: "edge generator provision importer operator sys"},
	{what: "ask for the cost", subject: "wandstore.control.cost", users: "operator sys"},
	// An account's user reaches nothing of the system by it; only the system's does.
	{what: "ask the servers", subject: "$SYS.REQ.SERVER.PING", users: "operator sys"},
	{what: "reload a server", subject: "$SYS.REQ.SERVER.ID.RELOAD", users: "operator sys"},

	{what: "hear everything", subject: ">", subscribe: true, users: "operator sys"},
	{what: "hear jobs", subject: "wandstore.generate.*", subscribe: true, users: "operator sys"},
	{what: "hear sessions", subject: "$KV.SHOPPER_SESSIONS.>", subscribe: true, users: "operator sys"},
	{what: "hear requests of the API", subject: "$JS.API.>", subscribe: true, users: "operator sys"},
	{what: "hear jobs of shards", subject: "wandstore.generate.*.*", subscribe: true, users: "operator sys"},
	{what: "hear a draft", subject: "wandstore.draft.magic-wands.ada", subscribe: true, users: "edge operator sys"},
	{what: "answer for a member", subject: "wandstore.member.pool-4.health", subscribe: true, users: "generator operator sys"},
	{what: "hear all replies", subject: "_INBOX.>", subscribe: true, users: "operator sys"},
	{what: "hear the edge's replies", subject: "_INBOX_edge.>", subscribe: true, users: "edge operator sys"},
	{what: "hear the generator's replies", subject: "_INBOX_generator.>", subscribe: true, users: "generator operator sys"},
	{what: "hear the importer's replies", subject: "_INBOX_importer.>", subscribe: true, users: "importer operator sys"},
	{what: "hear provisioning's replies", subject: "_INBOX_provision.>", subscribe: true, users: "provision operator sys"},
}

// Every right, of every user, by both configurations. sys is refused nothing, but in an
// account of its own: see TestSysSeesServersAndNoMessages.
func TestRights(t *testing.T) {
	for _, config := range []string{"single.conf", "cluster.conf"} {
		t.Run(config, func(t *testing.T) {
			if config == "cluster.conf" {
				ports := freePorts(t)
				clusterEnv(t, ports)
				t.Setenv("NATS_SERVER_NAME", "n1")
				t.Setenv("NATS_CLUSTER_LISTEN", fmt.Sprintf("127.0.0.1:%d", ports[0]))
			}
			s := startSecuredBy(t, config, nil)
			for user := range passwords {
				if user == "pop" {
					continue // no client: see TestPopMayWhatEdgesMay
				}
				refused := join(t, s, user).refused(t)
				for _, right := range rights {
					allowed := strings.Contains(" "+right.users+" ", " "+user+" ")
					if allowed == refused[right.subject] {
						t.Errorf("%s: %s (%s): refused %v, want %v", user, right.what, right.subject, refused[right.subject], !allowed)
					}
				}
			}
		})
	}
}

// refused tries everything, and gives the subjects that the server refused.
func (c *client) refused(t *testing.T) map[string]bool {
	t.Helper()
	for _, right := range rights {
		var err error
		if right.subscribe {
			_, err = c.nc.SubscribeSync(right.subject)
		} else {
			err = c.nc.Publish(right.subject, nil)
		}
		must(t, right.what, err)
	}
	// The refusals come before the answer to the flush, and are told before the closing.
	must(t, "flush", c.nc.Flush())
	closed := make(chan struct{})
	c.nc.SetClosedHandler(func(*natsgo.Conn) { close(closed) })
	c.nc.Close()
	<-closed
	refused := map[string]bool{}
	for len(c.violations) > 0 {
		err := (<-c.violations).Error()
		if _, subject, quoted := strings.Cut(err, `"`); quoted {
			refused[strings.TrimSuffix(subject, `"`)] = true
		} else {
			t.Errorf("not a refusal: %v", err)
		}
	}
	return refused
}

// A stream with a republish writes to any subject of the account, whatever the rights of
// who made it: so no service may set one.
func TestServicesMayNotRepublishIntoStores(t *testing.T) {
	s := startSecured(t, nil)
	provisioned(t, s, defaults())
	operator := join(t, s, "operator")
	before := snapshots(t, operator.js)
	for _, user := range []string{"edge", "generator"} {
		c := join(t, s, user)
		for name, snap := range before {
			config := snap.config
			config.RePublish = &jetstream.RePublish{Source: ">", Destination: "$KV.STORES.magic-wands"}
			c.mayNot(t, user+" has "+name+" republished", "$JS.API.STREAM.UPDATE."+name, func(ctx context.Context) error {
				_, err := c.js.UpdateStream(ctx, config)
				return err
			})
		}
	}
	for name, snap := range snapshots(t, operator.js) {
		if !reflect.DeepEqual(snap.config.RePublish, before[name].config.RePublish) {
			t.Errorf("%s is republished by %+v", name, snap.config.RePublish)
		}
	}
	stores := bucket(t, operator.js, wandnats.BucketStores)
	if keys, err := stores.Keys(within(t)); err == nil {
		t.Errorf("STORES has %v", keys)
	}
}

// The system's user looks after the servers by the nats CLI, and hears nothing of the
// account's messages.
func TestSysSeesServersAndNoMessages(t *testing.T) {
	s := startSecured(t, nil)
	provisioned(t, s, defaults())
	sys, edge := join(t, s, "sys"), join(t, s, "edge")
	heard, err := sys.nc.SubscribeSync("wandstore.>")
	must(t, "subscribe", err)
	must(t, "flush", sys.nc.Flush())
	must(t, "publish", publishJob(within(t), edge, "a job"))
	must(t, "flush", sys.nc.Flush())
	if n, _, _ := heard.Pending(); n != 0 {
		t.Errorf("sys heard %d messages of the account", n)
	}
	user := []string{"--user=sys", "--password=" + passwords["sys"]}
	for _, command := range [][]string{{"server", "ls"}, {"server", "info"}, {"server", "report", "jetstream"}, {"server", "report", "connections"}} {
		if out := s.cli(t, append(command, user...)...); !strings.Contains(out, "wandstore-1") {
			t.Errorf("nats %v: %s", command, out)
		}
	}
	if _, err := sys.js.Stream(within(t), wandnats.StreamGeneration); err == nil {
		t.Error("sys sees the account's streams")
	}
	// Nobody of the account is answered by the system.
	operator := join(t, s, "operator")
	if m, err := operator.nc.Request("$SYS.REQ.SERVER.PING", nil, 3*time.Second); err == nil {
		t.Errorf("the operator is answered by the system: %s", m.Data)
	}
}
