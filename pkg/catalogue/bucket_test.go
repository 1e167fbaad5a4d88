package catalogue_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/natstest"
)

// bucket is the bucket STORES of an account.
func bucket(t testing.TB, account natstest.Account) (*nats.Conn, jetstream.KeyValue) {
	t.Helper()
	nc, js := account.Connect(t)
	settings := wandnats.Settings{PoolSize: 1, MaxQueueDepth: 1, Concurrency: 1, CacheTTLSeconds: 60, Replicas: 1}
	if err := wandnats.EnsureStreams(t.Context(), js, settings); err != nil {
		t.Fatal(err)
	}
	kv, err := js.KeyValue(t.Context(), wandnats.BucketStores)
	if err != nil {
		t.Fatal(err)
	}
	return nc, kv
}

// loaded gives a directory that has read the bucket and follows it until the test
// ends.
func loaded(t testing.TB, cfg catalogue.Config, nc *nats.Conn, kv jetstream.KeyValue) *catalogue.Directory {
	t.Helper()
	d, err := catalogue.New(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	products := catalogueOf(t, nc)
	if err := d.Load(t.Context(), kv, products); err != nil {
		t.Fatal(err)
	}
	background(t, func(ctx context.Context) error { return d.Follow(ctx, nc, kv, products) })
	return d
}

func put(t testing.TB, kv jetstream.KeyValue, slug string, text []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
	defer cancel()
	if _, err := kv.Put(ctx, slug, text); err != nil {
		t.Fatal(err)
	}
}

func TestBucketIsFollowed(t *testing.T) {
	t.Parallel()
	nc, kv := bucket(t, natstest.Start(t))
	dir := t.TempDir()
	write(t, dir, "harbour.json", teas(t, "harbour", "Folder"))
	put(t, kv, "pier", teas(t, "pier", "Pier"))
	d := loaded(t, catalogue.Config{Dir: dir}, nc, kv)
	if _, ok := d.Shop("pier"); !ok {
		t.Fatal("what the bucket held is not there once it is loaded")
	}
	put(t, kv, "harbour", teas(t, "harbour", "Bucket"))
	named(t, d, "harbour", "Bucket")
	// A fault leaves the shop as it was and is reported until the document is removed.
	put(t, kv, "harbour", []byte(`{"slug":"harbour"}`))
	eventually.True(t, "the fault is reported", func() bool {
		return strings.Contains(d.Faults()["STORES/harbour"], "STORES/harbour: name: must not be empty (and ")
	})
	named(t, d, "harbour", "Bucket")
	if err := kv.Delete(t.Context(), "harbour"); err != nil {
		t.Fatal(err)
	}
	named(t, d, "harbour", "Folder")
	if err := kv.Purge(t.Context(), "pier"); err != nil {
		t.Fatal(err)
	}
	named(t, d, "pier", "")
	put(t, kv, "no.slug", teas(t, "pier", "Pier"))
	eventually.True(t, "a key that is not a slug is reported", func() bool { return strings.Contains(d.Faults()["STORES/no.slug"], "lower-case") })
	if len(d.Faults()) != 1 {
		t.Errorf("faults %v", d.Faults())
	}
}

// A process that starts while the newest document is faulty serves the newest valid one
// of the key's history, but none from before a removal.
func TestStartReadsTheHistory(t *testing.T) {
	t.Parallel()
	nc, kv := bucket(t, natstest.Start(t))
	put(t, kv, "harbour", teas(t, "harbour", "First"))
	put(t, kv, "harbour", teas(t, "harbour", "Second"))
	put(t, kv, "harbour", []byte("{"))
	put(t, kv, "harbour", []byte("["))
	put(t, kv, "pier", teas(t, "pier", "Pier"))
	if err := kv.Delete(t.Context(), "pier"); err != nil {
		t.Fatal(err)
	}
	put(t, kv, "pier", []byte("{"))
	d := loaded(t, catalogue.Config{}, nc, kv)
	named(t, d, "harbour", "Second")
	named(t, d, "pier", "")
	if len(d.Faults()) != 2 {
		t.Errorf("faults %v", d.Faults())
	}
}

// During an outage of NATS all shops are served. Changes after it are applied.
func TestShopsSurviveAnOutage(t *testing.T) {
	t.Parallel()
	server := natstest.StartOwn(t)
	nc, kv := bucket(t, server.Account)
	put(t, kv, "harbour", teas(t, "harbour", "First"))
	put(t, kv, "pier", teas(t, "pier", "Pier"))
	d := loaded(t, catalogue.Config{}, nc, kv)
	before, _ := d.Shop("harbour")
	server.Stop()
	eventually.True(t, "the bucket is missed", func() bool { return d.Faults()["STORES"] != "" })
	named(t, d, "pier", "Pier")
	server.Restart()
	eventually.True(t, "the bucket is back", func() bool { return len(d.Faults()) == 0 })
	if now, _ := d.Shop("harbour"); now != before {
		t.Error("an unchanged document became another shop")
	}
	if err := kv.Delete(t.Context(), "pier"); err != nil {
		t.Fatal(err)
	}
	put(t, kv, "harbour", teas(t, "harbour", "Second"))
	named(t, d, "harbour", "Second")
	named(t, d, "pier", "")
}
