package allinone

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/freeport"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/pagestore/pagestoretest"
)

// The embedded gateway keeps pages as MinIO does.
func TestS3GatewayConforms(t *testing.T) {
	// The gateway changes the working directory; this puts it back.
	t.Chdir(".")
	cfg := pagestore.S3Config{Endpoint: freeport.Addr(t), AccessKey: "test", SecretKey: "test-secret"}
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- runS3(ctx, cfg, dir) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the gateway ended badly: %v", err)
		}
	})
	buckets := 0
	pagestoretest.Run(t, func(t *testing.T) pagestoretest.Store {
		own := cfg
		buckets++
		own.Bucket = fmt.Sprintf("pages-%d", buckets)
		store, err := pagestore.NewS3(own)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(store.Close)
		bounded, cancel := context.WithTimeout(t.Context(), eventually.Patience)
		defer cancel()
		for store.EnsureBucket(bounded) != nil {
			select {
			case err := <-ended:
				ended <- err
				t.Fatalf("the gateway does not run: %v", err)
			case <-bounded.Done():
				t.Fatal("the gateway does not answer")
			case <-time.After(10 * time.Millisecond):
			}
		}
		if err := store.CheckConditionalWrites(bounded); err != nil {
			t.Error(err)
		}
		return store
	})
}
