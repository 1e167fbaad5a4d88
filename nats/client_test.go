package wandnats_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

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
	c := &client{violations: make(chan error, 256)}
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
	return startSecuredBy(t, "single.conf", flags)
}

func startSecuredBy(t *testing.T, config string, flags map[string]bool) *live {
	t.Helper()
	t.Setenv("NATS_STORE_DIR", storeDir(t))
	setPasswords(t)
	opts := configured(t, config)
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

// breadcrumb leaves a breadcrumb as package jobqueue does.
func breadcrumb(t *testing.T, c *client) {
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

// provisioned has the provisioning user create and update everything.
func provisioned(t *testing.T, s *live, settings wandnats.Settings) {
	t.Helper()
	provisionedAs(t, s, "provision", settings)
}

// provisionedAs is provisioned by another account's user for it.
func provisionedAs(t *testing.T, s *live, user string, settings wandnats.Settings) {
	t.Helper()
	provision := join(t, s, user)
	if err := wandnats.Provision(within(t), provision.js, settings); err != nil {
		t.Fatalf("Provision: %v", err)
	}
	provision.may(t)
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
func answering(t *testing.T, operator *client, subject string) {
	t.Helper()
	if _, err := operator.nc.Subscribe(subject, func(m *natsgo.Msg) { _ = m.Respond([]byte("{}")) }); err != nil {
		t.Fatal(err)
	}
	if err := operator.nc.Flush(); err != nil {
		t.Fatal(err)
	}
}
