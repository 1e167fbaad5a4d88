package wandnats_test

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
)

// size is a number of bytes as the operator's page writes it.
func size(n int64) string {
	if n%(1<<30) == 0 {
		return fmt.Sprintf("%d GiB", n>>30)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}

// Every stream has a bound, which is documented, and all of them fit what the servers of
// production reserve them of.
func TestEveryStreamHasABound(t *testing.T) {
	definitions, err := wandnats.Streams(defaults())
	if err != nil {
		t.Fatal(err)
	}
	page := readme(t)
	var sum int64
	for _, d := range definitions {
		if d.MaxBytes <= 0 {
			t.Errorf("%s has no bound", d.Name)
		}
		if d.Discard != jetstream.DiscardNew {
			t.Errorf("%s evicts what it holds", d.Name)
		}
		sum += d.MaxBytes
		name := strings.TrimPrefix(d.Name, "KV_")
		if row := fmt.Sprintf("| `%s` | %s |", name, size(d.MaxBytes)); !strings.Contains(page, row) {
			t.Errorf("README.md has no row that begins %q", row)
		}
	}
	t.Setenv("NATS_STORE_DIR", t.TempDir())
	setPasswords(t)
	clusterEnv(t, freePorts(t))
	t.Setenv("NATS_SERVER_NAME", "n1")
	t.Setenv("NATS_CLUSTER_LISTEN", "127.0.0.1:6222")
	popEnv(t, "tls://pop:secret@127.0.0.1:7422")
	pop := defaults()
	pop.HubDomain = "hub"
	mirrors, err := wandnats.Streams(pop)
	if err != nil {
		t.Fatal(err)
	}
	var mirrored int64
	for _, d := range mirrors {
		mirrored += d.MaxBytes
	}
	for file, bounds := range map[string]int64{"single.conf": sum, "cluster.conf": sum, "pop.conf": mirrored} {
		opts := &server.Options{}
		if err := opts.ProcessConfigFile(filepath.Join("server", file)); err != nil {
			t.Fatal(err)
		}
		if opts.JetStreamMaxStore < bounds {
			t.Errorf("%s reserves %d for bounds of %d", file, opts.JetStreamMaxStore, bounds)
		}
	}
}

// A full stream refuses what is new, and keeps what it has.
func TestFullStreamsRefuse(t *testing.T) {
	s := startPlain(t)
	_, js := connect(t, s.url)
	ensure(t, js, defaults())
	for name, subject := range map[string]string{
		wandnats.StreamGeneration:       wandnats.GenerateSubject("pool-3"),
		wandnats.StreamDead:             wandnats.DeadSubject("pool-3"),
		"KV_" + wandnats.BucketPages:    "$KV.UI_CACHE.ui.magic-wands.%d",
		"KV_" + wandnats.BucketJobs:     "$KV.GENERATION_QUEUE.job.magic-wands.%d",
		"KV_" + wandnats.BucketSessions: "$KV.SHOPPER_SESSIONS.session.%d",
		"KV_" + wandnats.BucketStores:   "$KV.STORES.store-%d",
	} {
		config := streamConfig(t, js, name)
		config.MaxBytes = 20_000
		if _, err := js.UpdateStream(within(t), config); err != nil {
			t.Fatal(err)
		}
		publish := func(n int) error {
			to := subject
			if strings.Contains(to, "%d") {
				to = fmt.Sprintf(subject, n)
			}
			_, err := js.Publish(within(t), to, make([]byte, 1000))
			return err
		}
		n := 0
		err := publish(n)
		for ; err == nil && n < 50; err = publish(n) {
			n++
		}
		if n == 0 || !wandnats.IsFull(err) {
			t.Errorf("%s took %d messages, then %v", name, n, err)
		}
		stream, err := js.Stream(within(t), name)
		if err != nil {
			t.Fatal(err)
		}
		if state := stream.CachedInfo().State; state.FirstSeq != 1 || state.Msgs != uint64(n) {
			t.Errorf("%s took %d, and has %d from %d on", name, n, state.Msgs, state.FirstSeq)
		}
	}
}

// A stream of before there were bounds gets its file's, unless it holds more.
func TestEnsureBoundsWhatHasNoBound(t *testing.T) {
	s := startPlain(t)
	_, js := connect(t, s.url)
	ensure(t, js, defaults())
	want := streamConfig(t, js, wandnats.StreamDead)
	for _, old := range []func(*jetstream.StreamConfig){
		func(c *jetstream.StreamConfig) { c.MaxBytes = -1 },
		func(c *jetstream.StreamConfig) { c.MaxBytes, c.Discard = -1, jetstream.DiscardOld },
	} {
		config := want
		old(&config)
		if _, err := js.UpdateStream(within(t), config); err != nil {
			t.Fatal(err)
		}
		ensure(t, js, defaults())
		same(t, wandnats.StreamDead, streamConfig(t, js, wandnats.StreamDead), want)
	}
}

// A full member refuses the next job, keeps those it has, and leaves the others'
// places alone.
func TestFullMemberRefuses(t *testing.T) {
	s := startPlain(t)
	_, js := connect(t, s.url)
	ctx := within(t)
	ensure(t, js, defaults())
	fill(t, js, "pool-3", 100)

	_, err := js.Publish(ctx, wandnats.GenerateSubject("pool-3"), []byte("one too many"))
	var refused *jetstream.APIError
	if !errors.As(err, &refused) || refused.ErrorCode != 10077 || refused.Description != "maximum messages per subject exceeded" {
		t.Errorf("the 101st job: %v, want err_code 10077 for the subject", err)
	}
	fill(t, js, "pool-4", 1)
	if got, want := held(t, js), map[string]uint64{"pool-3": 100, "pool-4": 1}; !maps.Equal(got, want) {
		t.Errorf("held: %v, want %v", got, want)
	}

	// One done, one place.
	if jobs := work(t, js, "pool-3", 1); jobs[0] != "0" {
		t.Errorf("the oldest job was %q, want the first: it was evicted", jobs[0])
	}
	fill(t, js, "pool-3", 1)
	if _, err := js.Publish(ctx, wandnats.GenerateSubject("pool-3"), nil); err == nil {
		t.Error("the 101st job was taken")
	}
}
