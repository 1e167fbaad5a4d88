package wandnats_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
)

// region is a hub and the server of a PoP, by the configurations of production.
type region struct {
	hub, pop *live
	settings wandnats.Settings // of the PoP
	tenant   string            // whose users the hub's are: "" or acme
}

// startRegion starts both with those files in addition to single.conf at the hub, and by that
// file at the PoP. Nothing is provisioned.
func startRegion(t *testing.T, scheme, single, leafnodes, pop string) *region {
	t.Helper()
	return startRegionOf(t, "", configurations(t), scheme, single, leafnodes, pop)
}

// startRegionOf is startRegion with the files of another folder, and a PoP of a tenant.
func startRegionOf(t *testing.T, tenant, dir, scheme, single, leafnodes, pop string) *region {
	t.Helper()
	port := freePorts(t)[0]
	setPasswords(t)
	t.Setenv("NATS_STORE_DIR", storeDir(t))
	own := fmt.Sprintf("include ./%s\ninclude ./%s", single, leafnodes)
	must(t, "write", os.WriteFile(filepath.Join(dir, "own.conf"), []byte(own), 0o600))
	opts := configuredIn(t, dir, "own.conf")
	opts.SyncAlways, opts.JetStreamMaxStore = false, 2*opts.JetStreamMaxStore
	opts.LeafNode.Host, opts.LeafNode.Port = "127.0.0.1", port
	r := &region{hub: start(t, opts), settings: defaults(), tenant: tenant}
	r.settings.HubDomain = "hub"

	popEnv(t, fmt.Sprintf("%s://%spop:%s@127.0.0.1:%d", scheme, tenant, passwords["pop"], port))
	r.pop = start(t, configured(t, pop))
	r.linked(t)
	return r
}

// popEnv is what pop.conf wants besides the passwords.
func popEnv(t *testing.T, hub string) {
	t.Helper()
	t.Setenv("NATS_STORE_DIR", storeDir(t))
	t.Setenv("NATS_DOMAIN", "pop-1")
	t.Setenv("NATS_HUB_URL", hub)
}

func (r *region) linked(t *testing.T) {
	t.Helper()
	eventually(t, "the PoP is linked to its hub", func() error {
		if r.hub.NumLeafNodes() == 0 || r.pop.NumLeafNodes() == 0 {
			return errors.New("no leaf node")
		}
		return nil
	})
}

// joinPop is join at the PoP, with the inbox prefix that its services are given.
func joinPop(t *testing.T, s *live, user string) *client {
	t.Helper()
	c := &client{violations: make(chan error, 256)}
	c.nc, c.js = connect(t, s.url, as(user), natsgo.CustomInboxPrefix("_INBOX_pop"), natsgo.ErrorHandler(func(_ *natsgo.Conn, _ *natsgo.Subscription, err error) {
		c.violations <- err
	}))
	return c
}

// provision makes the mirrors as the PoP's own user for it.
func (r *region) provision(t *testing.T) {
	t.Helper()
	provisionedAs(t, r.hub, r.tenant+"provision", defaults())
	c := joinPop(t, r.pop, "provision")
	eventually(t, "the mirrors are made", func() error { return wandnats.Provision(attempt(t), c.js, r.settings) })
	if err := wandnats.Provision(within(t), c.js, r.settings); err != nil {
		t.Errorf("again: %v", err)
	}
	c.may(t)
}

// atHome is join at the hub, as a user of the PoP's account there.
func (r *region) atHome(t *testing.T, user string) *client {
	t.Helper()
	return join(t, r.hub, r.tenant+user)
}

func holds(ctx context.Context, kv jetstream.KeyValue, key, value string) error {
	entry, err := kv.Get(ctx, key)
	if err == nil && string(entry.Value()) != value {
		err = fmt.Errorf("%s is %q", key, entry.Value())
	}
	return err
}

// An edge at a PoP reads pages there, has everything else at the hub, and needs no right
// beyond those of its user there and of the leaf node's at the hub.
func TestPopReadsMirrorsAndAsksTheHub(t *testing.T) {
	readsMirrorsAndAsksTheHub(t, startRegion(t, "nats", "single.conf", "leafnodes.conf", "pop.conf"))
}

// A tenant's PoP does so too, and is of the tenant's account only.
func TestATenantHasPoPs(t *testing.T) {
	r := startRegionOf(t, acme, tenantFolder(t, "14GB"), "nats", "single.conf", "leafnodes.conf", "pop.conf")
	readsMirrorsAndAsksTheHub(t, r)
	streams := join(t, r.hub, "operator").js.StreamNames(within(t))
	for name := range streams.Name() {
		t.Errorf("the others' account has %s", name)
	}
	must(t, "list", streams.Err())
}

func readsMirrorsAndAsksTheHub(t *testing.T, r *region) {
	t.Helper()
	edge := joinPop(t, r.pop, "edge")
	if err := wandnats.EnsureStreams(within(t), edge.js, r.settings); !errors.Is(err, wandnats.ErrNotProvisioned) {
		t.Errorf("before the mirrors are made: %v", err)
	}
	r.provision(t)
	must(t, "ensure", wandnats.EnsureStreams(within(t), edge.js, r.settings))
	hubJS, err := r.settings.Hub(edge.js)
	if err != nil {
		t.Fatal(err)
	}
	keeper := &wandnats.Keeper{JetStream: hubJS, Settings: r.settings.AtHub(), Edge: true, Log: (&logs{}).logger()}
	must(t, "the hub's streams", keeper.Ensure(within(t)))

	// What is written at home is read here.
	key := wandnats.PageKey("magic-wands", "abc123")
	generator := r.atHome(t, "generator")
	home, here := bucket(t, generator.js, wandnats.BucketPages), bucket(t, edge.js, wandnats.BucketPages)
	watched, err := here.Watch(within(t), wandnats.AllPages, jetstream.UpdatesOnly())
	if err != nil {
		t.Fatal(err)
	}
	_, err = home.Put(within(t), key, []byte("a page"))
	must(t, "put at home", err)
	select {
	case entry := <-watched.Updates():
		if entry == nil || entry.Key() != key || string(entry.Value()) != "a page" {
			t.Errorf("watched %v", entry)
		}
	case <-within(t).Done():
		t.Error("the page is not seen")
	}
	must(t, "get here", holds(within(t), here, key, "a page"))
	// What is written here is written at home.
	_, err = wandnats.Update(within(t), here, key, func(jetstream.KeyValueEntry) ([]byte, error) { return []byte("another"), nil })
	must(t, "update here", err)
	must(t, "get at home", holds(within(t), home, key, "another"))
	must(t, "purge here", here.Purge(within(t), key))
	eventually(t, "the page is gone from the mirror", func() error {
		if _, err := here.Get(attempt(t), key); !errors.Is(err, jetstream.ErrKeyNotFound) {
			return fmt.Errorf("got %w", err)
		}
		return nil
	})

	// The rest is the hub's.
	far := &client{edge.nc, hubJS, edge.violations}
	bus, err := wandnats.Open(within(t), hubJS)
	if err != nil {
		t.Fatal(err)
	}
	records(t, far, wandnats.BucketJobs, wandnats.JobKey("magic-wands", "abc123"))
	records(t, far, wandnats.BucketSessions, wandnats.SessionKey("abc123"))
	_, err = wandnats.UpdateExpiring(within(t), hubJS, bus.Sessions, wandnats.SessionKey("guest"), func(jetstream.KeyValueEntry) (wandnats.Expiring, error) {
		return wandnats.Expiring{Value: []byte("{}"), TTL: time.Hour}, nil
	})
	must(t, "a guest's session", err)
	must(t, "publish a job", publishJob(within(t), far, "a job"))
	if got := held(t, r.atHome(t, "operator").js); got["pool-3"] != 1 {
		t.Errorf("the hub's queue holds %v", got)
	}
	for _, w := range []wandnats.Watch{
		{Bucket: bus.Jobs, Keys: wandnats.AllJobs}, {Bucket: bus.Spend}, {Bucket: bus.Control},
		{Bucket: bucket(t, edge.js, wandnats.BucketStores)}, {Bucket: bucket(t, edge.js, wandnats.BucketCatalogue)},
	} {
		w.Entry = func(jetstream.KeyValueEntry) {}
		must(t, "read "+w.Bucket.Bucket(), w.Read(within(t)))
	}
	// What somebody waits for at the PoP is heard there, from the hub's own stream.
	drafts, err := edge.nc.SubscribeSync(wandnats.DraftSubject("magic-wands", "ada"))
	must(t, "hear drafts", err)
	eventually(t, "a draft is heard", func() error {
		if _, err := bus.Drafts.PutString(attempt(t), wandnats.DraftKey("magic-wands", "ada"), "a draft"); err != nil {
			return err
		}
		_, err := drafts.NextMsgWithContext(attempt(t))
		return err
	})
	answering(t, r.atHome(t, "operator"), wandnats.HealthSubject("pool-3"))
	eventually(t, "a member's health", func() error {
		_, err := edge.nc.RequestWithContext(attempt(t), wandnats.HealthSubject("pool-3"), nil)
		return err
	})
	edge.may(t)
	generator.may(t)

	if out := r.hub.cli(t, "server", "report", "leafnodes", "--user=sys", "--password="+passwords["sys"]); !strings.Contains(out, "pop-1") {
		t.Errorf("nats server report leafnodes: %s", out)
	}
}

// Whoever has taken a PoP over may no more at the hub than its edges, and breaks nothing.
func TestPopMayWhatEdgesMay(t *testing.T) {
	r := startRegion(t, "nats", "single.conf", "leafnodes.conf", "pop.conf")
	r.provision(t)
	if nc, err := natsgo.Connect(r.hub.url, as("pop")); err == nil {
		nc.Close()
		t.Error("the leaf node's user is a client too")
	}
	operator, intruder := join(t, r.hub, "operator"), joinPop(t, r.pop, "operator")
	before := snapshots(t, operator.js)
	heard, err := operator.nc.SubscribeSync("wandstore.>")
	must(t, "subscribe", err)
	must(t, "flush", operator.nc.Flush())
	for _, right := range rights {
		subject := right.subject
		if api, is := strings.CutPrefix(subject, "$JS.API."); is {
			subject = "$JS.hub.API." + api
		} else if strings.HasPrefix(subject, "$KV.") {
			subject = "$JS.hub.API." + subject
		}
		if right.subscribe || strings.Contains(" "+right.users+" ", " edge ") || !strings.HasPrefix(subject, "$JS.hub.") && !strings.HasPrefix(subject, "wandstore.") {
			continue
		}
		if m, err := intruder.nc.Request(subject, []byte("{}"), 20*time.Millisecond); err == nil {
			t.Errorf("%s (%s): answered %s", right.what, subject, m.Data)
		}
	}
	// What is heard there is not heard here.
	spy, err := intruder.nc.SubscribeSync("wandstore.dead.*")
	must(t, "subscribe", err)
	must(t, "flush", intruder.nc.Flush())
	_, err = operator.js.Publish(within(t), wandnats.DeadSubject("pool-3"), []byte("a letter"))
	must(t, "a letter", err)
	hubJS, err := r.settings.Hub(intruder.js)
	must(t, "hub", err)
	must(t, "publish a job", publishJob(within(t), &client{intruder.nc, hubJS, nil}, "a job"))
	if n, _, _ := spy.Pending(); n != 0 {
		t.Errorf("heard %d letters at the PoP", n)
	}
	for {
		m, err := heard.NextMsg(patience)
		if err != nil {
			t.Fatal(err)
		}
		if m.Subject == wandnats.GenerateSubject("pool-3") {
			break
		}
		if m.Subject != wandnats.DeadSubject("pool-3") {
			t.Errorf("the hub got %s", m.Subject)
		}
	}
	for name, now := range snapshots(t, operator.js) {
		if now.config.Description != before[name].config.Description || strings.HasPrefix(name, "KV_") && now.state.LastSeq != before[name].state.LastSeq {
			t.Errorf("%s was changed", name)
		}
	}
	if n := r.hub.NumLeafNodes(); n != 1 {
		t.Errorf("%d leaf nodes", n)
	}
}

func TestPopByTLS(t *testing.T) {
	a := newAuthority(t)
	tlsEnv(t, a)
	r := startRegion(t, "tls", "single-tls.conf", "leafnodes-tls.conf", "pop-tls.conf")
	leafs, err := r.hub.Leafz(nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(leafs.Leafs) != 1 || leafs.Leafs[0].Account != "WANDSTORE" {
		t.Errorf("leaf nodes: %+v", leafs.Leafs)
	}
}

// The hub comes back with an empty disk: its streams are made anew, and so are the mirrors,
// which would otherwise see nothing of them.
func TestMirrorsOfStreamsMadeAnewAreMadeAnew(t *testing.T) {
	r := startRegion(t, "nats", "single.conf", "leafnodes.conf", "pop.conf")
	r.provision(t)
	operator, provision := join(t, r.hub, "operator"), joinPop(t, r.pop, "provision")
	key := wandnats.PageKey("magic-wands", "abc123")
	home := bucket(t, operator.js, wandnats.BucketPages)
	for range 3 {
		_, err := home.Put(within(t), key, []byte("lost"))
		must(t, "put", err)
	}
	edge := joinPop(t, r.pop, "edge")
	here := bucket(t, edge.js, wandnats.BucketPages)
	eventually(t, "mirrored", func() error { return holds(attempt(t), here, key, "lost") })
	hubJS, err := r.settings.Hub(edge.js)
	must(t, "hub", err)
	lag := wandnats.Lag{Mirror: edge.js, Hub: hubJS, Stream: "KV_" + wandnats.BucketPages}
	eventually(t, "not behind", func() error {
		behind, err := lag.Measure(attempt(t))
		if err == nil && behind {
			err = errors.New("behind")
		}
		return err
	})

	keeper := &wandnats.Keeper{JetStream: provision.js, Settings: r.settings, Log: (&logs{}).logger()}
	must(t, "ensure", keeper.Ensure(within(t)))
	must(t, "the loss", operator.js.DeleteKeyValue(within(t), wandnats.BucketPages))
	ensure(t, operator.js, defaults())
	_, err = home.Put(within(t), key, []byte("made anew"))
	must(t, "put", err)
	if behind, err := lag.Measure(within(t)); !behind || err != nil {
		t.Errorf("the mirror of the stream before: behind %v, %v", behind, err)
	}
	if err := watch(t, keeper); !errors.Is(err, wandnats.ErrLost) || !strings.Contains(err.Error(), "KV_UI_CACHE") {
		t.Errorf("watch: %v", err)
	}
	must(t, "ensure", keeper.Ensure(within(t)))
	eventually(t, "mirrored anew", func() error { return holds(attempt(t), here, key, "made anew") })
	provision.may(t)
}
