package natstest_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/wandstore/wandstore/pkg/natstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOutageKeepsPortAndData(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	server := natstest.Start(t)
	url := server.URL()
	_, js := server.Connect(t)
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
	// The client from before the outage finds its way back by itself.
	entry, err := bucket.Get(ctx, "key")
	if err != nil || string(entry.Value()) != "value" {
		t.Errorf("Get after the outage: %v, %v", entry, err)
	}
}

func TestServersAreApart(t *testing.T) {
	one, two := natstest.Start(t), natstest.Start(t)
	if one.URL() == two.URL() {
		t.Fatalf("both at %s", one.URL())
	}
	_, js := one.Connect(t)
	if _, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "ONE"}); err != nil {
		t.Fatal(err)
	}
	_, js = two.Connect(t)
	if _, err := js.KeyValue(t.Context(), "ONE"); err == nil {
		t.Error("the other server has the first one's bucket")
	}
}
