package wandnats_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
)

// fill publishes jobs "0" to "n-1" of a member.
func fill(t *testing.T, js jetstream.JetStream, member string, n int) {
	t.Helper()
	for i := range n {
		if _, err := js.Publish(within(t), wandnats.GenerateSubject(member), fmt.Appendf(nil, "%d", i)); err != nil {
			t.Fatalf("job %d of %s: %v", i, member, err)
		}
	}
}

// held is how many jobs each member holds.
func held(t *testing.T, js jetstream.JetStream) map[string]uint64 {
	t.Helper()
	stream, err := js.Stream(within(t), wandnats.StreamGeneration)
	if err != nil {
		t.Fatal(err)
	}
	info, err := stream.Info(within(t), jetstream.WithSubjectFilter(">"))
	if err != nil {
		t.Fatal(err)
	}
	members := map[string]uint64{}
	for subject, n := range info.State.Subjects {
		members[wandnats.MemberOfSubject(subject)] = n
	}
	return members
}

// work takes n jobs of a member and gives their payloads, acked.
func work(t *testing.T, js jetstream.JetStream, member string, n int) []string {
	t.Helper()
	ctx := within(t)
	consumer, err := js.Consumer(ctx, wandnats.StreamGeneration, member)
	if err != nil {
		t.Fatal(err)
	}
	jobs := make([]string, 0, n)
	for range n {
		msg, err := consumer.Next(jetstream.FetchMaxWait(patience))
		if err != nil {
			t.Fatalf("job %d of %s: %v", len(jobs), member, err)
		}
		jobs = append(jobs, string(msg.Data()))
		if err := msg.DoubleAck(ctx); err != nil {
			t.Fatal(err)
		}
	}
	return jobs
}

type snapshot struct {
	created time.Time
	config  jetstream.StreamConfig
	state   jetstream.StreamState
}

func snapshots(t *testing.T, js jetstream.JetStream) map[string]snapshot {
	t.Helper()
	all := map[string]snapshot{}
	streams := js.ListStreams(within(t))
	for info := range streams.Info() {
		all[info.Config.Name] = snapshot{info.Created, info.Config, info.State}
	}
	if err := streams.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestEnsureTwiceChangesNothing(t *testing.T) {
	s := startPlain(t)
	nc, js := connect(t, s.url)
	ensure(t, js, defaults())
	fill(t, js, "pool-3", 5)
	before := snapshots(t, js)

	// The server tells of every update of a stream, also of one that changes nothing.
	told, err := nc.SubscribeSync("$JS.EVENT.ADVISORY.STREAM.UPDATED.>")
	if err != nil {
		t.Fatal(err)
	}
	ensure(t, js, defaults())
	after := snapshots(t, js)
	// It tells in order: once it tells of another's, none of ours is still to come.
	other := jetstream.StreamConfig{Name: "OTHER", Subjects: []string{"other"}}
	if _, err := js.CreateStream(within(t), other); err != nil {
		t.Fatal(err)
	}
	other.Description = "changed"
	if _, err := js.UpdateStream(within(t), other); err != nil {
		t.Fatal(err)
	}
	first, err := told.NextMsgWithContext(within(t))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(first.Subject, "."+other.Name) {
		t.Errorf("Ensure updated a stream: %s", first.Subject)
	}

	for name, was := range before {
		is := after[name]
		if !is.created.Equal(was.created) {
			t.Errorf("%s was recreated", name)
		}
		same(t, name, is.config, was.config)
		if is.state.Msgs != was.state.Msgs || is.state.LastSeq != was.state.LastSeq {
			t.Errorf("%s: %d messages, last %d; want %d, %d", name, is.state.Msgs, is.state.LastSeq, was.state.Msgs, was.state.LastSeq)
		}
	}
	if len(after) != len(before) {
		t.Errorf("%d streams, want %d", len(after), len(before))
	}
}

func TestEnsureUpdatesWhatDiffers(t *testing.T) {
	s := startPlain(t)
	_, js := connect(t, s.url)
	ctx := within(t)
	ensure(t, js, defaults())
	fill(t, js, "pool-3", 20)
	pages := bucket(t, js, wandnats.BucketPages)
	if _, err := pages.PutString(ctx, "ui.magic-wands.abc123", "a page"); err != nil {
		t.Fatal(err)
	}
	before := snapshots(t, js)

	changed := defaults()
	changed.MaxQueueDepth, changed.CacheTTLSeconds, changed.Concurrency = 50, 60, 2
	ensure(t, js, changed)

	if got := streamConfig(t, js, wandnats.StreamGeneration).MaxMsgsPerSubject; got != 50 {
		t.Errorf("depth: got %d, want 50", got)
	}
	if got := streamConfig(t, js, "KV_"+wandnats.BucketPages).MaxAge; got != time.Minute {
		t.Errorf("TTL: got %v, want 1m", got)
	}
	if got := consumerConfig(t, js, "pool-3").MaxAckPending; got != 2 {
		t.Errorf("concurrency: got %d, want 2", got)
	}
	if jobs := work(t, js, "pool-3", 20); jobs[0] != "0" || jobs[19] != "19" {
		t.Errorf("jobs after the update: %v", jobs)
	}
	if _, err := pages.Get(ctx, "ui.magic-wands.abc123"); err != nil {
		t.Errorf("the page after the update: %v", err)
	}

	// And back, the duplicate window with it, which the short TTL had cut.
	ensure(t, js, defaults())
	for name, is := range snapshots(t, js) {
		same(t, name, is.config, before[name].config)
		if !is.created.Equal(before[name].created) {
			t.Errorf("%s was recreated", name)
		}
	}
}

// The server drops the oldest messages over a limit that is lowered, also where
// it would refuse the newest; a job must not end like that.
func TestLowerDepthWaitsForTheQueueToShrink(t *testing.T) {
	s := startPlain(t)
	_, js := connect(t, s.url)
	ensure(t, js, defaults())
	fill(t, js, "pool-3", 60)
	fill(t, js, "pool-4", 1)

	lower := defaults()
	lower.MaxQueueDepth = 50
	ensure(t, js, lower)
	if got := held(t, js); got["pool-3"] != 60 || got["pool-4"] != 1 {
		t.Fatalf("held after the depth was lowered: %v", got)
	}
	if jobs := work(t, js, "pool-3", 36); jobs[0] != "0" || jobs[35] != "35" {
		t.Errorf("jobs: %v", jobs)
	}

	ensure(t, js, lower)
	if got := streamConfig(t, js, wandnats.StreamGeneration).MaxMsgsPerSubject; got != 50 {
		t.Errorf("depth once the queue has shrunk: got %d, want 50", got)
	}
	if got := held(t, js); got["pool-3"] != 24 {
		t.Errorf("held: %v, want 24 of pool-3", got)
	}
}

func TestEnsureKeepsWhatOperatorsDecide(t *testing.T) {
	s := startPlain(t)
	_, js := connect(t, s.url)
	ctx := within(t)
	ensure(t, js, defaults())
	s.cli(t, "stream", "edit", wandnats.StreamGeneration, "--force",
		"--compression=s2", "--metadata=owner:shop-team", "--max-bytes=50000000")
	// Cannot be taken back: an update without it would be refused for ever.
	perKeyTTL := streamConfig(t, js, "KV_"+wandnats.BucketPages)
	perKeyTTL.AllowMsgTTL, perKeyTTL.SubjectDeleteMarkerTTL = true, time.Minute
	if _, err := js.UpdateStream(ctx, perKeyTTL); err != nil {
		t.Fatal(err)
	}
	s.cli(t, "consumer", "pause", wandnats.StreamGeneration, "pool-3", "1h", "--force")
	queue, pages := streamConfig(t, js, wandnats.StreamGeneration), streamConfig(t, js, "KV_"+wandnats.BucketPages)

	// Settings that make both be updated.
	changed := defaults()
	changed.MaxQueueDepth, changed.CacheTTLSeconds, changed.Replicas = 200, 7200, 3
	ensure(t, js, changed)

	queue.MaxMsgsPerSubject = 200
	pages.MaxAge = 2 * time.Hour
	same(t, wandnats.StreamGeneration, streamConfig(t, js, wandnats.StreamGeneration), queue)
	same(t, wandnats.BucketPages, streamConfig(t, js, "KV_"+wandnats.BucketPages), pages)
	if queue.Compression != jetstream.S2Compression || queue.Metadata["owner"] != "shop-team" || queue.MaxBytes != 50_000_000 {
		t.Errorf("the operator's edit was not what it was meant to be: %+v", queue)
	}
	consumer, err := js.Consumer(ctx, wandnats.StreamGeneration, "pool-3")
	if err != nil {
		t.Fatal(err)
	}
	if !consumer.CachedInfo().Paused {
		t.Error("the paused member was resumed")
	}
}

// Streams of an earlier release get every setting that they have when they are new.
func TestEnsureBringsEarlierStreamsUpToDate(t *testing.T) {
	fresh, earlier := startPlain(t), startPlain(t)
	_, freshJS := connect(t, fresh.url)
	_, js := connect(t, earlier.url)
	definitions, err := wandnats.Streams(defaults())
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range definitions {
		// What cannot be changed later.
		bare := jetstream.StreamConfig{Name: d.Name, Subjects: d.Subjects, Storage: d.Storage, Retention: d.Retention}
		if _, err := js.CreateStream(within(t), bare); err != nil {
			t.Fatal(err)
		}
	}
	ensure(t, freshJS, defaults())
	ensure(t, js, defaults())
	for _, d := range definitions {
		same(t, d.Name, streamConfig(t, js, d.Name), streamConfig(t, freshJS, d.Name))
	}
}

func TestPoolGrowsAndShrinks(t *testing.T) {
	s := startPlain(t)
	_, js := connect(t, s.url)
	settings := defaults()
	names := func() string {
		stream, err := js.Stream(within(t), wandnats.StreamGeneration)
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]bool{}
		list := stream.ConsumerNames(within(t))
		for name := range list.Name() {
			all[name] = true
		}
		if err := list.Err(); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(all)
	}
	for _, step := range []struct {
		size int
		want map[string]bool
	}{
		{2, map[string]bool{"pool-0": true, "pool-1": true}},
		{4, map[string]bool{"pool-0": true, "pool-1": true, "pool-2": true, "pool-3": true}},
		// Those taken away stay, to be drained.
		{2, map[string]bool{"pool-0": true, "pool-1": true, "pool-2": true, "pool-3": true}},
	} {
		settings.PoolSize = step.size
		ensure(t, js, settings)
		if got := names(); got != fmt.Sprint(step.want) {
			t.Fatalf("a pool of %d has %s, want %v", step.size, got, step.want)
		}
		if step.size == 4 {
			fill(t, js, "pool-3", 3)
		}
	}
	if jobs := work(t, js, "pool-3", 3); strings.Join(jobs, " ") != "0 1 2" {
		t.Errorf("jobs of a member that was taken away: %v", jobs)
	}
}

// All services start at once, on a server where there is nothing yet.
func TestConcurrentEnsure(t *testing.T) {
	s := startPlain(t)
	const services = 4
	failed := make(chan error, services)
	for range services {
		_, js := connect(t, s.url)
		go func() {
			for range 3 {
				if err := wandnats.Ensure(within(t), js, defaults()); err != nil {
					failed <- err
					return
				}
			}
			failed <- nil
		}()
	}
	for range services {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	_, js := connect(t, s.url)
	if all := snapshots(t, js); len(all) != 13 || all[wandnats.StreamGeneration].state.Consumers != 10 {
		t.Errorf("%d streams, %d consumers", len(all), all[wandnats.StreamGeneration].state.Consumers)
	}
}

func TestRefusalNamesTheStream(t *testing.T) {
	for name, byHand := range map[string]jetstream.StreamConfig{
		wandnats.StreamGeneration: {
			Name: wandnats.StreamGeneration, Subjects: []string{"wandstore.generate.*"}, Retention: jetstream.LimitsPolicy,
		},
		wandnats.StreamDead: {
			Name: wandnats.StreamDead, Subjects: []string{"wandstore.dead.*"}, Storage: jetstream.MemoryStorage,
		},
		"KV_" + wandnats.BucketPages: {
			// Another stream sits on the bucket's subjects.
			Name: "SPY", Subjects: []string{"$KV.UI_CACHE.>"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := startPlain(t)
			_, js := connect(t, s.url)
			stream, err := js.CreateStream(within(t), byHand)
			if err != nil {
				t.Fatal(err)
			}
			err = wandnats.Ensure(within(t), js, defaults())
			var refused *jetstream.APIError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), name+":") {
				t.Errorf("got %v, want the server's refusal, with %s named", err, name)
			}
			if _, err := stream.Info(within(t)); err != nil {
				t.Errorf("the stream that was there: %v", err)
			}
		})
	}
}

func TestEnsureSaysWhenNobodyAnswers(t *testing.T) {
	s := start(t, &server.Options{})
	nc, js := connect(t, s.url)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := wandnats.Ensure(ctx, js, defaults()); err == nil || !strings.Contains(err.Error(), wandnats.StreamGeneration) {
		t.Errorf("Ensure without JetStream: %v", err)
	}
	stop(s.Server)
	becomes(t, nc, natsgo.RECONNECTING)
	if err := wandnats.Ensure(within(t), js, defaults()); !errors.Is(err, wandnats.ErrNotConnected) {
		t.Errorf("Ensure without a server: got %v, want ErrNotConnected", err)
	}
}
