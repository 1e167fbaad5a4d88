package pagestore_test

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/wandstore/wandstore/pkg/miniotest"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/pagestore/pagestoretest"
)

const object = "generated/magic-wands:abc123.html"

func TestS3(t *testing.T) {
	t.Parallel()
	server := miniotest.Start(t)
	bucket := server.Bucket(t)
	proxy, requests := countRequests(t, server.Addr())
	store := newS3(t, proxy, bucket)
	raw := rawClient(t, server.Addr())
	page := pagestoretest.Page(t, "job", 0)

	t.Run("a first put and a get are one request each", func(t *testing.T) {
		put(t, store, page)
		if got := requests.Swap(0); got != 1 {
			t.Errorf("Put: %d requests, want 1", got)
		}
		if _, err := store.Get(t.Context(), page.Key()); err != nil {
			t.Fatal(err)
		}
		if got := requests.Swap(0); got != 1 {
			t.Errorf("Get: %d requests, want 1", got)
		}
	})

	t.Run("object and metadata are the contract's", func(t *testing.T) {
		got, err := raw.GetObject(t.Context(), bucket, object, minio.GetObjectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = got.Close() }()
		if html, err := io.ReadAll(got); err != nil || !bytes.Equal(html, page.HTML()) {
			t.Errorf("object: %q, %v", html, err)
		}
		info, err := got.Stat()
		if err != nil {
			t.Fatal(err)
		}
		if info.ContentType != "text/html; charset=utf-8" {
			t.Errorf("content type: %s", info.ContentType)
		}
		meta := make(map[string]string)
		for name, value := range info.UserMetadata {
			meta[strings.ToLower(name)] = value
		}
		want := map[string]string{
			"storeslug": "magic-wands", "shopperid": "abc123",
			"requestedat": "2026-03-01T12:00:00.123456789Z", "generatedat": "2026-03-01T12:00:01.123456789Z",
			"persona": "explorer", "source": "llm", "jobid": "job", "model": "kimi-k2",
			"promptversion": "p1", "catalogueversion": "c1",
			"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		}
		if !maps.Equal(meta, want) {
			t.Errorf("metadata:\n got %v\nwant %v", meta, want)
		}
	})

	t.Run("a template is refused", func(t *testing.T) {
		msg := pagestoretest.Message("template", 1)
		msg.Source = pagestore.SourceTemplate
		if err := store.Put(t.Context(), pagestoretest.Make(t, msg)); !errors.Is(err, pagestore.ErrTemplate) {
			t.Errorf("got %v, want ErrTemplate", err)
		}
	})

	good := map[string]string{
		"storeSlug": "magic-wands", "shopperId": "abc123", "jobId": "job", "source": "llm",
		"requestedAt": "2026-03-01T12:00:00Z", "generatedAt": "2026-03-01T12:00:01Z",
	}
	for name, test := range map[string]struct {
		change map[string]string
		html   string
	}{
		"no metadata":         {change: map[string]string{"storeSlug": "", "shopperId": "", "jobId": "", "source": "", "requestedAt": "", "generatedAt": ""}},
		"no request time":     {change: map[string]string{"requestedAt": ""}},
		"no time of making":   {change: map[string]string{"generatedAt": "yesterday"}},
		"not percent-encoded": {change: map[string]string{"model": "100%"}},
		"another shopper's":   {change: map[string]string{"shopperId": "abc124"}},
		"not UTF-8":           {html: "<p>\xff"},
		"empty":               {html: "-"},
		"too large":           {html: strings.Repeat("x", pagestore.MaxHTML+1)},
	} {
		t.Run("corrupt: "+name, func(t *testing.T) {
			meta := maps.Clone(good)
			for key, value := range test.change {
				if meta[key] = value; value == "" {
					delete(meta, key)
				}
			}
			html := "<p>hello"
			switch test.html {
			case "":
			case "-":
				html = ""
			default:
				html = test.html
			}
			if _, err := raw.PutObject(t.Context(), bucket, object, strings.NewReader(html), int64(len(html)),
				minio.PutObjectOptions{UserMetadata: meta}); err != nil {
				t.Fatal(err)
			}
			_, err := store.Get(t.Context(), page.Key())
			if !errors.Is(err, pagestore.ErrCorrupt) || errors.Is(err, pagestore.ErrMiss) {
				t.Fatalf("Get: got %v, want ErrCorrupt", err)
			}
			if strings.Contains(err.Error(), "abc12") {
				t.Errorf("the error names a shopper: %v", err)
			}
		})
	}

	t.Run("a corrupt object is replaced", func(t *testing.T) {
		if _, err := raw.PutObject(t.Context(), bucket, object, strings.NewReader("x"), 1, minio.PutObjectOptions{}); err != nil {
			t.Fatal(err)
		}
		put(t, store, page)
		if _, err := store.Get(t.Context(), page.Key()); err != nil {
			t.Errorf("Get: %v", err)
		}
	})

	t.Run("a newer page put between the read and the put stays", func(t *testing.T) {
		bucket := server.Bucket(t)
		others := newS3(t, server.Addr(), bucket)
		put(t, others, page)
		newest := pagestoretest.Page(t, "newest", 2)
		var looked atomic.Bool
		store := newS3(t, spyOnRequests(t, server.Addr(), func(r *http.Request) {
			switch {
			case r.Method == http.MethodHead:
				looked.Store(true)
			case r.Method == http.MethodPut && looked.Swap(false):
				put(t, others, newest)
			}
		}), bucket)
		if err := store.Put(t.Context(), pagestoretest.Page(t, "newer", 1)); !errors.Is(err, pagestore.ErrSuperseded) {
			t.Errorf("Put: got %v, want ErrSuperseded", err)
		}
		if got, err := store.Get(t.Context(), page.Key()); err != nil || got.JobID() != "newest" {
			t.Errorf("Get: got %v, %v, want the newest", got, err)
		}
	})

	t.Run("a page deleted between the read and the put is put", func(t *testing.T) {
		bucket := server.Bucket(t)
		others := newS3(t, server.Addr(), bucket)
		put(t, others, page)
		var looked atomic.Bool
		store := newS3(t, spyOnRequests(t, server.Addr(), func(r *http.Request) {
			switch {
			case r.Method == http.MethodHead:
				looked.Store(true)
			case r.Method == http.MethodPut && looked.Swap(false):
				if err := others.Delete(t.Context(), page.Key()); err != nil {
					t.Error(err)
				}
			}
		}), bucket)
		put(t, store, pagestoretest.Page(t, "newer", 1))
		if got, err := store.Get(t.Context(), page.Key()); err != nil || got.JobID() != "newer" {
			t.Errorf("Get: got %v, %v, want the newer", got, err)
		}
	})

	t.Run("a missing bucket is no miss, and can be made", func(t *testing.T) {
		store := newS3(t, server.Addr(), "not-there-yet")
		if _, err := store.Get(t.Context(), page.Key()); err == nil || errors.Is(err, pagestore.ErrMiss) {
			t.Errorf("Get: got %v, want an error that is no miss", err)
		}
		for range 2 {
			if err := store.EnsureBucket(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		put(t, store, page)
	})

	t.Run("a dead server's error names no shopper", func(t *testing.T) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr := listener.Addr().String()
		_ = listener.Close()
		store := newS3(t, addr, bucket)
		_, getErr := store.Get(t.Context(), page.Key())
		for _, err := range []error{getErr, store.Put(t.Context(), page), store.Delete(t.Context(), page.Key()), store.EnsureBucket(t.Context())} {
			if err == nil || errors.Is(err, pagestore.ErrMiss) || strings.Contains(err.Error(), "abc123") {
				t.Errorf("got %v", err)
			}
		}
	})
}

func TestS3ConfigIsValidated(t *testing.T) {
	t.Parallel()
	for _, change := range []func(*pagestore.S3Config){
		func(c *pagestore.S3Config) { c.Endpoint = "" },
		func(c *pagestore.S3Config) { c.Endpoint = "http://127.0.0.1:9000" },
		func(c *pagestore.S3Config) { c.AccessKey = "" },
		func(c *pagestore.S3Config) { c.SecretKey = "" },
		func(c *pagestore.S3Config) { c.Bucket = "" },
	} {
		cfg := s3Config("127.0.0.1:9000", "bucket")
		change(&cfg)
		if _, err := pagestore.NewS3(cfg); err == nil {
			t.Errorf("NewS3(%+v): no error", cfg)
		}
	}
}

// MinIO's default password is everybody's: it serves on loopback only.
func TestDefaultPasswordStaysOnLoopback(t *testing.T) {
	t.Parallel()
	const given = "minioadmin"
	for _, tt := range []struct{ endpoint, access, secret, want string }{
		{"127.0.0.1:9000", given, given, ""},
		{"localhost:9000", given, given, ""},
		{"[::1]:9000", given, given, ""},
		{"minio:9000", "wandstore", "a secret", ""},
		{"minio:9000", given, given, "MINIO_SECRET_KEY"},
		{"minio:9000", "wandstore", given, "MINIO_SECRET_KEY"},
		{"192.0.2.1:9000", given, "a secret", "MINIO_ACCESS_KEY"},
	} {
		err := pagestore.S3Config{Endpoint: tt.endpoint, AccessKey: tt.access, SecretKey: tt.secret, Bucket: "b"}.Validate()
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.want)) {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}

func rawClient(t *testing.T, addr string) *minio.Client {
	t.Helper()
	transport, err := minio.DefaultTransport(false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(transport.CloseIdleConnections)
	client, err := minio.New(addr, &minio.Options{
		Creds: credentials.NewStaticV4(miniotest.AccessKey, miniotest.SecretKey, ""), Transport: transport,
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}
