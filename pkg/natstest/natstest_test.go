package natstest_test

import (
	"context"
	"errors"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/leaktest"
	"github.com/wandstore/wandstore/pkg/natstest"
)

func TestMain(m *testing.M) { leaktest.Main(natstest.Main(m)) }

func TestOutageKeepsPortAndData(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
	defer cancel()
	server := natstest.StartOwn(t)
	url := server.URL()
	nc, js := server.Connect(t)
	bucket, err := js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "KEPT"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.PutString(ctx, "key", "value"); err != nil {
		t.Fatal(err)
	}

	server.Stop()
	if nc, err := nats.Connect(url); err == nil {
		nc.Close()
		t.Fatal("a stopped server accepts a client")
	}
	server.Restart()
	if server.URL() != url {
		t.Errorf("URL: got %s, want %s", server.URL(), url)
	}
	// The client from before the outage reconnects by itself. Until it has noticed the
	// outage it would write its request to the connection that is gone.
	eventually.True(t, "the client has reconnected", func() bool { return nc.Stats().Reconnects > 0 && nc.IsConnected() })
	entry, err := bucket.Get(ctx, "key")
	if err != nil || string(entry.Value()) != "value" {
		t.Errorf("Get after the outage: %v, %v", entry, err)
	}
}

func TestServersAreApart(t *testing.T) {
	one, two := natstest.StartOwn(t), natstest.StartOwn(t)
	if one.URL() == two.URL() {
		t.Fatalf("both at %s", one.URL())
	}
	apart(t, one.Account, two.Account)
}

func TestAccountsAreApart(t *testing.T) {
	one, two := natstest.Start(t), natstest.Start(t)
	if one.Addr() != two.Addr() {
		t.Fatalf("two servers, %s and %s", one.Addr(), two.Addr())
	}
	apart(t, one, two)
}

// apart checks that nothing of one account is seen in the other: no bucket, no message
// and no advisory.
func apart(t *testing.T, one, two natstest.Account) {
	t.Helper()
	_, js := one.Connect(t)
	nc, other := two.Connect(t)
	heard, err := nc.SubscribeSync(">")
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	bucket, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "ONE"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.PutString(t.Context(), "key", "value"); err != nil {
		t.Fatal(err)
	}
	if err := nc.Publish("last", nil); err != nil {
		t.Fatal(err)
	}
	if m, err := heard.NextMsg(eventually.Patience); err != nil || m.Subject != "last" {
		t.Errorf("heard %v, %v of the other account", m, err)
	}
	if _, err := other.KeyValue(t.Context(), "ONE"); !errors.Is(err, jetstream.ErrBucketNotFound) {
		t.Errorf("the other account's bucket: %v", err)
	}
}

// The data of an account is deleted with its test.
func TestAccountEndsWithItsTest(t *testing.T) {
	var ended natstest.Account
	t.Run("account", func(t *testing.T) {
		ended = natstest.Start(t)
		_, js := ended.Connect(t)
		if _, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "ONE"}); err != nil {
			t.Fatal(err)
		}
	})
	if nc, err := nats.Connect(ended.URL()); err == nil {
		nc.Close()
		t.Error("an ended account accepts a client")
	}
}
