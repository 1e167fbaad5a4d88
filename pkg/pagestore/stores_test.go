package pagestore_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/miniotest"
	"github.com/wandstore/wandstore/pkg/natstest"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/pagestore/pagestoretest"
)

func TestMemoryConforms(t *testing.T) {
	t.Parallel()
	pagestoretest.Run(t, func(t *testing.T) pagestoretest.Store {
		return newMemory(t, pagestore.MemoryConfig{})
	})
}

func TestKVConforms(t *testing.T) {
	t.Parallel()
	_, js := natstest.Start(t).Connect(t)
	buckets := 0
	pagestoretest.Run(t, func(t *testing.T) pagestoretest.Store {
		buckets++
		return pagestore.NewKV(newBucket(t, js, fmt.Sprintf("PAGES_%d", buckets)))
	})
}

func TestKVWithKeysConforms(t *testing.T) {
	t.Parallel()
	_, js := natstest.Start(t).Connect(t)
	buckets := 0
	pagestoretest.Run(t, func(t *testing.T) pagestoretest.Store {
		buckets++
		return pagestore.NewKV(newBucket(t, js, fmt.Sprintf("PAGES_%d", buckets)), keysOf(t, "ab"))
	})
}

func TestS3WithKeysConforms(t *testing.T) {
	t.Parallel()
	server := miniotest.Start(t)
	pagestoretest.Run(t, func(t *testing.T) pagestoretest.Store {
		return newS3(t, server.Addr(), server.Bucket(t), keysOf(t, "ab"))
	})
}

func TestS3Conforms(t *testing.T) {
	t.Parallel()
	server := miniotest.Start(t)
	pagestoretest.Run(t, func(t *testing.T) pagestoretest.Store {
		return newS3(t, server.Addr(), server.Bucket(t))
	})
}

func newMemory(t testing.TB, cfg pagestore.MemoryConfig) *pagestore.Memory {
	t.Helper()
	memory, err := pagestore.NewMemory(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return memory
}

func newBucket(t testing.TB, js jetstream.JetStream, name string) jetstream.KeyValue {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
	defer cancel()
	bucket, err := js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: name, History: 1, TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return bucket
}

func newS3(t testing.TB, addr, bucket string, keys ...pagestore.Keys) *pagestore.S3 {
	t.Helper()
	return openS3(t, s3Config(addr, bucket), keys...)
}

func openS3(t testing.TB, cfg pagestore.S3Config, keys ...pagestore.Keys) *pagestore.S3 {
	t.Helper()
	store, err := pagestore.NewS3(cfg, keys...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	return store
}

func s3Config(addr, bucket string) pagestore.S3Config {
	return pagestore.S3Config{
		Endpoint: addr, AccessKey: miniotest.AccessKey, SecretKey: miniotest.SecretKey, Bucket: bucket,
	}
}

// countRequests puts an HTTP proxy before addr that counts requests.
func countRequests(t testing.TB, addr string) (proxy string, requests *atomic.Int64) {
	t.Helper()
	requests = new(atomic.Int64)
	return spyOnRequests(t, addr, func(*http.Request) { requests.Add(1) }), requests
}

// spyOnRequests puts an HTTP proxy before addr that shows each request to spy,
// then forwards it.
func spyOnRequests(t testing.TB, addr string, spy func(*http.Request)) (proxy string) {
	t.Helper()
	transport := &http.Transport{}
	server := httptest.NewServer(&httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			spy(r.In)
			r.SetURL(&url.URL{Scheme: "http", Host: addr})
			r.Out.Host = r.In.Host // part of the signature
		},
	})
	t.Cleanup(func() {
		server.Close()
		transport.CloseIdleConnections()
	})
	return server.Listener.Addr().String()
}
