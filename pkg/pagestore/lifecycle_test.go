package pagestore_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/minio/minio-go/v7/pkg/lifecycle"

	"github.com/wandstore/wandstore/pkg/miniotest"
	"github.com/wandstore/wandstore/pkg/pagestore"
)

// PAGE_TTL is one rule of the bucket, which comes, changes and goes with the setting. An
// operator's rules stay.
func TestLifecycle(t *testing.T) {
	t.Parallel()
	server := miniotest.Start(t)
	bucket := server.Bucket(t)
	raw := rawClient(t, server.Addr())
	rules := func() (all []string) {
		t.Helper()
		have, err := raw.GetBucketLifecycle(t.Context(), bucket)
		if err != nil {
			return nil
		}
		for _, r := range have.Rules {
			all = append(all, fmt.Sprint(r.ID, " ", r.RuleFilter.Prefix, " ", r.Expiration.Days))
		}
		return all
	}
	ensure := func(ttl time.Duration, want ...string) {
		t.Helper()
		cfg := s3Config(server.Addr(), bucket)
		cfg.PageTTL = ttl
		store, err := pagestore.NewS3(cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		for range 2 {
			if err := store.EnsureLifecycle(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := rules(); !slices.Equal(got, want) {
				t.Fatalf("%v: rules %q, want %q", ttl, got, want)
			}
		}
	}
	const day = 24 * time.Hour
	ensure(0)
	ensure(30*day, "wandstore-page-ttl generated/ 30")
	theirs := lifecycle.NewConfiguration()
	theirs.Rules = []lifecycle.Rule{{ID: "theirs", Status: "Enabled", RuleFilter: lifecycle.Filter{Prefix: "logs/"}, Expiration: lifecycle.Expiration{Days: 3}}}
	if err := raw.SetBucketLifecycle(t.Context(), bucket, theirs); err != nil {
		t.Fatal(err)
	}
	ensure(7*day, "theirs logs/ 3", "wandstore-page-ttl generated/ 7")
	ensure(8*day, "theirs logs/ 3", "wandstore-page-ttl generated/ 8")
	ensure(0, "theirs logs/ 3")
}

// A user without the right to set it gets an error that says so; without a PageTTL nothing
// is wanted, so nothing is refused.
func TestLifecycleRefused(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`<Error><Code>AccessDenied</Code></Error>`))
	}))
	t.Cleanup(server.Close)
	for ttl, want := range map[time.Duration]error{0: nil, 24 * time.Hour: pagestore.ErrLifecycleRefused} {
		cfg := s3Config(server.Listener.Addr().String(), "pages")
		cfg.PageTTL = ttl
		store, err := pagestore.NewS3(cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(store.Close)
		if err := store.EnsureLifecycle(t.Context()); !errors.Is(err, want) {
			t.Errorf("%v: %v, want %v", ttl, err, want)
		}
	}
}

func TestPageTTLIsWholeDays(t *testing.T) {
	t.Parallel()
	for ttl, valid := range map[time.Duration]bool{0: true, 24 * time.Hour: true, 720 * time.Hour: true, time.Hour: false, -24 * time.Hour: false} {
		cfg := s3Config("127.0.0.1:9000", "pages")
		cfg.PageTTL = ttl
		if err := cfg.Validate(); (err == nil) != valid {
			t.Errorf("%v: %v", ttl, err)
		}
	}
}
