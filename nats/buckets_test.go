package wandnats_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
)

// Our bucket files are streams; clients and the CLI must not see a difference to
// a bucket that the CLI made.
func TestBucketsAreThoseOfTheCLI(t *testing.T) {
	ours, theirs := startPlain(t), startPlain(t)
	_, js := connect(t, ours.url)
	ensure(t, js, defaults())
	_, theirJS := connect(t, theirs.url)
	for bucket, flags := range map[string][]string{
		wandnats.BucketPages:     {"--history=1", "--ttl=1h", "--max-value-size=1000000"},
		wandnats.BucketJobs:      {"--history=64", "--ttl=5h", "--max-value-size=16384"},
		wandnats.BucketSessions:  {"--history=1", "--max-value-size=131072"},
		wandnats.BucketStores:    {"--history=5", "--max-value-size=524288"},
		wandnats.BucketCatalogue: {"--history=1", "--max-value-size=262144"},
		wandnats.BucketSpend:     {"--history=1", "--ttl=90d", "--max-value-size=131072"},
		wandnats.BucketControl:   {"--history=5", "--max-value-size=1024"},
		wandnats.BucketImports:   {"--history=1", "--ttl=7d", "--max-value-size=16384"},
		wandnats.BucketForgotten: {"--history=1", "--ttl=2160h", "--max-value-size=1024"},
		wandnats.BucketDrafts:    {"--history=1", "--ttl=5m", "--max-value-size=131072", "--republish-source=$KV.PAGE_DRAFTS.draft.>", "--republish-destination=wandstore.draft.>"},
		wandnats.BucketAccount:   {"--history=1", "--ttl=24h", "--max-value-size=131072"},
	} {
		got := streamConfig(t, js, "KV_"+bucket)
		flags = append(flags, "--storage="+strings.ToLower(got.Storage.String()), "--description="+got.Description, fmt.Sprintf("--max-bucket-size=%d", got.MaxBytes))
		theirs.cli(t, append([]string{"kv", "add", bucket}, flags...)...)
		want := streamConfig(t, theirJS, "KV_"+bucket)
		// The purge of a forgotten shopper expires, and that of a removed product; the CLI
		// allows a TTL of a message only with markers for the expired values, which these
		// have not.
		want.AllowMsgTTL = bucket == wandnats.BucketSessions || bucket == wandnats.BucketCatalogue
		// A replica that lags behind must not deny a tombstone.
		want.AllowDirect = bucket != wandnats.BucketForgotten
		// Breadcrumbs are written in batches, for which the CLI has no flag.
		want.AllowAtomicPublish = bucket == wandnats.BucketJobs
		same(t, bucket, got, want)
	}
}

func TestBucketsHold(t *testing.T) {
	s := startPlain(t)
	_, js := connect(t, s.url)
	ctx := within(t)
	settings := defaults()
	// The shortest TTL there is; the others' do not follow it.
	settings.CacheTTLSeconds = 1
	ensure(t, js, settings)
	pages, jobs, sessions := bucket(t, js, wandnats.BucketPages), bucket(t, js, wandnats.BucketJobs), bucket(t, js, wandnats.BucketSessions)

	for _, want := range []struct {
		kv      jetstream.KeyValue
		ttl     time.Duration
		history int64
	}{{pages, time.Second, 1}, {jobs, 5 * time.Hour, 64}, {sessions, 0, 1}} {
		status, err := want.kv.Status(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if status.TTL() != want.ttl || status.History() != want.history {
			t.Errorf("%s: TTL %v, history %d; want %v, %d", status.Bucket(), status.TTL(), status.History(), want.ttl, want.history)
		}
	}

	pageKey := wandnats.PageKey("magic-wands", "abc123")
	if _, err := pages.PutString(ctx, pageKey, "a page"); err != nil {
		t.Fatal(err)
	}
	if _, err := sessions.PutString(ctx, wandnats.SessionKey("abc123"), "a session"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the page is out of date", func() error {
		if _, err := pages.Get(ctx, pageKey); !errors.Is(err, jetstream.ErrKeyNotFound) {
			return fmt.Errorf("Get: %w", err)
		}
		return nil
	})
	if e, err := sessions.Get(ctx, wandnats.SessionKey("abc123")); err != nil || string(e.Value()) != "a session" {
		t.Errorf("the session after the page's TTL: %v, %v", e, err)
	}
}

func TestRecordsAreClaimedOnceAndWatched(t *testing.T) {
	s := startPlain(t)
	_, js := connect(t, s.url)
	_, otherJS := connect(t, s.url)
	ctx := within(t)
	ensure(t, js, defaults())
	jobs, other := bucket(t, js, wandnats.BucketJobs), bucket(t, otherJS, wandnats.BucketJobs)
	key := wandnats.JobKey("magic-wands", "abc123")

	watch, err := other.Watch(ctx, wandnats.AllJobs, jetstream.UpdatesOnly())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = watch.Stop() }()

	revision, err := jobs.Create(ctx, key, []byte("mine"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Create(ctx, key, []byte("theirs")); !errors.Is(err, jetstream.ErrKeyExists) {
		t.Errorf("a second claim: %v, want ErrKeyExists", err)
	}
	// A breadcrumb is in the same bucket and none of the watch's business.
	if _, err := jobs.PutString(ctx, wandnats.DebugKey("magic-wands", "abc123"), "crumb"); err != nil {
		t.Fatal(err)
	}
	if _, err := jobs.Update(ctx, key, []byte("mine, moved on"), revision); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Update(ctx, key, []byte("theirs"), revision); !errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		t.Errorf("an update of what has moved on: %v, want ErrKeyRevisionMismatch", err)
	}
	for _, want := range []string{"mine", "mine, moved on"} {
		select {
		case e := <-watch.Updates():
			if e.Key() != key || string(e.Value()) != want {
				t.Errorf("watched %s %q, want %s %q", e.Key(), e.Value(), key, want)
			}
		case <-ctx.Done():
			t.Fatalf("not watched: %q", want)
		}
	}

	// A job that is gone can be claimed anew.
	if err := jobs.Delete(ctx, key); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Create(ctx, key, []byte("theirs")); err != nil {
		t.Errorf("a claim after the record was deleted: %v", err)
	}
}

func TestTrailIsPrintedByTheCLI(t *testing.T) {
	s := startPlain(t)
	_, js := connect(t, s.url)
	ctx := within(t)
	ensure(t, js, defaults())
	jobs := bucket(t, js, wandnats.BucketJobs)
	key := wandnats.DebugKey("magic-wands", "abc123")
	for n := range 70 {
		if _, err := jobs.PutString(ctx, key, fmt.Sprintf("step-%d.", n)); err != nil {
			t.Fatal(err)
		}
	}

	out := s.cli(t, "kv", "history", wandnats.BucketJobs, key)
	for n, want := range map[int]bool{0: false, 5: false, 6: true, 69: true} {
		if got := strings.Contains(out, fmt.Sprintf("step-%d.", n)); got != want {
			t.Errorf("step %d of 70 printed: %v, want %v\n%s", n, got, want, out)
		}
	}
	out = s.cli(t, "kv", "ls")
	for _, name := range []string{wandnats.BucketPages, wandnats.BucketJobs, wandnats.BucketSessions, wandnats.BucketStores} {
		if !strings.Contains(out, name) {
			t.Errorf("nats kv ls does not show %s:\n%s", name, out)
		}
	}
	if out := s.cli(t, "kv", "get", wandnats.BucketJobs, key, "--raw"); strings.TrimSpace(out) != "step-69." {
		t.Errorf("nats kv get: %q", out)
	}
}

func bucket(t *testing.T, js jetstream.JetStream, name string) jetstream.KeyValue {
	t.Helper()
	kv, err := js.KeyValue(within(t), name)
	if err != nil {
		t.Fatalf("bucket %s: %v", name, err)
	}
	return kv
}
