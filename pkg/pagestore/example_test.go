package pagestore_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/types/known/timestamppb"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/natstest"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagestore"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// A page is stored in KV and looked up through the tiers: the first lookup finds it in
// KV, the second one in memory.
func Example() {
	url, stop, err := natstest.Run()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := lookUpAPage(ctx, url); err != nil {
		fmt.Println(err)
	}
	// Output:
	// before: a miss
	// kv: <h1>Wands for you</h1>
	// memory: <h1>Wands for you</h1>
}

func lookUpAPage(ctx context.Context, url string) error {
	nc, err := nats.Connect(url, nats.Timeout(time.Minute))
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	settings := wandnats.Settings{PoolSize: 1, MaxQueueDepth: 1, Concurrency: 1, CacheTTLSeconds: 3600, Replicas: 1}
	if err := wandnats.EnsureStreams(ctx, js, settings); err != nil {
		return err
	}
	bus, err := wandnats.Open(ctx, js)
	if err != nil {
		return err
	}

	kv := pagestore.NewKV(bus.Pages)
	memory, err := pagestore.NewMemory(pagestore.MemoryConfig{MaxBytes: 1 << 20, MaxAge: time.Minute})
	if err != nil {
		return err
	}
	// nothing stands for pagestore.NewS3, which needs an S3 server.
	pages, err := pagestore.NewTiered(memory, nothing{}, kv, pagestore.WithDeadline(pagestore.TierKV, time.Minute))
	if err != nil {
		return err
	}
	defer pages.Close()

	key, err := pagekey.New("magic-wands", "abc123")
	if err != nil {
		return err
	}
	if _, err := pages.Get(ctx, key); errors.Is(err, pagestore.ErrMiss) {
		fmt.Println("before: a miss")
	}

	page, err := pagestore.New(&wandstorev1.Page{
		StoreSlug: key.Shop(), ShopperId: key.Shopper(), Html: "<h1>Wands for you</h1>",
		Persona: "explorer", Source: pagestore.SourceLLM, JobId: "job-1",
		RequestedAt: timestamppb.Now(), GeneratedAt: timestamppb.Now(),
	})
	if err != nil {
		return err
	}
	// A page that was requested later stays: pagestore.ErrSuperseded.
	if err := kv.Put(ctx, page); err != nil {
		return err
	}
	for range 2 {
		hit, err := pages.Get(ctx, key)
		if err != nil {
			return err
		}
		fmt.Printf("%s: %s\n", hit.Tier, hit.Page.HTML())
	}
	return nil
}

// nothing is a tier without pages.
type nothing struct{}

// Get returns ErrMiss.
func (nothing) Get(context.Context, pagekey.Key) (*pagestore.Page, error) {
	return nil, pagestore.ErrMiss
}
