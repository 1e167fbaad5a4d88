package wandnats_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
)

// streamFiles are the paths of the definitions of streams and buckets, as they
// are typed at the root.
func streamFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	for _, folder := range []string{"streams", "buckets"} {
		found, err := filepath.Glob(filepath.Join(folder, "*.json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			files = append(files, filepath.Join("nats", f))
		}
	}
	if len(files) != 13 {
		t.Fatalf("want two streams and ten buckets, got %v", files)
	}
	return files
}

// fields is a configuration as the server has it, without what the server notes
// in the metadata, and without times that are none (the CLI writes them out).
func fields(t *testing.T, config any) map[string]any {
	t.Helper()
	b, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(m, func(_ string, v any) bool { return v == "0001-01-01T00:00:00Z" })
	if meta, ok := m["metadata"].(map[string]any); ok {
		maps.DeleteFunc(meta, func(k string, _ any) bool { return strings.HasPrefix(k, "_nats.") })
		if len(meta) == 0 {
			delete(m, "metadata")
		}
	}
	return m
}

// same compares two configurations field by field.
func same(t *testing.T, name string, got, want any) {
	t.Helper()
	g, w := fields(t, got), fields(t, want)
	keys := slices.Sorted(maps.Keys(g))
	for k := range w {
		if _, ok := g[k]; !ok {
			keys = append(keys, k)
		}
	}
	for _, k := range keys {
		if !reflect.DeepEqual(g[k], w[k]) {
			t.Errorf("%s: %s: got %v, want %v", name, k, g[k], w[k])
		}
	}
}

func streamConfig(t *testing.T, js jetstream.JetStream, name string) jetstream.StreamConfig {
	t.Helper()
	stream, err := js.Stream(within(t), name)
	if err != nil {
		t.Fatalf("stream %s: %v", name, err)
	}
	return stream.CachedInfo().Config
}

func consumerConfig(t *testing.T, js jetstream.JetStream, name string) jetstream.ConsumerConfig {
	t.Helper()
	consumer, err := js.Consumer(within(t), wandnats.StreamGeneration, name)
	if err != nil {
		t.Fatalf("consumer %s: %v", name, err)
	}
	return consumer.CachedInfo().Config
}

// An operator who sets a server up by the CLI gets what the services would make.
func TestCLIAndEnsureMakeTheSame(t *testing.T) {
	typed, ensured := startPlain(t), startPlain(t)
	for _, file := range streamFiles(t) {
		typed.cli(t, "stream", "add", "--config", file)
	}
	typed.cli(t, "consumer", "add", wandnats.StreamGeneration, "--config", "nats/consumers/pool-0.json")

	_, js := connect(t, ensured.url)
	ensure(t, js, defaults())
	_, typedJS := connect(t, typed.url)

	names := js.StreamNames(within(t))
	count := 0
	for name := range names.Name() {
		count++
		same(t, name, streamConfig(t, typedJS, name), streamConfig(t, js, name))
	}
	if err := names.Err(); err != nil {
		t.Fatal(err)
	}
	if count != 13 {
		t.Errorf("Ensure made %d streams, want 13", count)
	}
	same(t, "pool-0", consumerConfig(t, typedJS, "pool-0"), consumerConfig(t, js, "pool-0"))

	// And the services take over what was typed without changing anything.
	before := streamConfig(t, typedJS, wandnats.StreamGeneration)
	ensure(t, typedJS, defaults())
	same(t, "after Ensure", streamConfig(t, typedJS, wandnats.StreamGeneration), before)
}

func TestCLIValidatesTheFiles(t *testing.T) {
	s := startPlain(t)
	for _, file := range streamFiles(t) {
		if out := s.cli(t, "stream", "add", "--config", file, "--validate"); !strings.Contains(out, "is a valid Stream") {
			t.Errorf("%s: %s", file, out)
		}
	}
	s.cli(t, "stream", "add", "--config", "nats/streams/GENERATION.json")
	out := s.cli(t, "consumer", "add", wandnats.StreamGeneration, "--config", "nats/consumers/pool-0.json", "--validate")
	if !strings.Contains(out, "is a valid Consumer") {
		t.Errorf("nats/consumers/pool-0.json: %s", out)
	}
}

// Members differ by their number and nothing else.
func TestMembersAreTheFileWithTheirNumber(t *testing.T) {
	s := startPlain(t)
	_, js := connect(t, s.url)
	settings := defaults()
	settings.Concurrency = 3
	ensure(t, js, settings)
	for n := range settings.PoolSize {
		want := consumerConfig(t, js, "pool-0")
		want.Name, want.Durable = wandnats.Member(n), wandnats.Member(n)
		want.Description = fmt.Sprintf("Pool member %d", n)
		want.FilterSubject = wandnats.GenerateSubject(wandnats.Member(n))
		got := consumerConfig(t, js, wandnats.Member(n))
		same(t, wandnats.Member(n), got, want)
		if got.MaxAckPending != 3 {
			t.Errorf("%s runs %d jobs at a time, want 3", wandnats.Member(n), got.MaxAckPending)
		}
	}
}

func TestSettingsNameWhatIsWrong(t *testing.T) {
	if err := defaults().Validate(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	// Each is within its bounds, and there are too many members.
	for _, s := range []wandnats.Settings{sharded(11, 100), sharded(1000, 2), sharded(500, 3)} {
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), "GENERATION_SHARDS") {
			t.Errorf("%d shards of %d: %v", s.Shards, s.PoolSize, err)
		}
	}
	for _, s := range []wandnats.Settings{sharded(10, 100), sharded(1000, 1)} {
		if err := s.Validate(); err != nil {
			t.Errorf("%d shards of %d: %v", s.Shards, s.PoolSize, err)
		}
	}
	for variable, spoil := range map[string]func(*wandnats.Settings, int){
		"POOL_SIZE":         func(s *wandnats.Settings, v int) { s.PoolSize = v },
		"MAX_QUEUE_DEPTH":   func(s *wandnats.Settings, v int) { s.MaxQueueDepth = v },
		"POOL_CONCURRENCY":  func(s *wandnats.Settings, v int) { s.Concurrency = v },
		"CACHE_TTL_SECONDS": func(s *wandnats.Settings, v int) { s.CacheTTLSeconds = v },
		"JOB_MAX_WAIT":      func(s *wandnats.Settings, v int) { s.JobMaxWait = time.Duration(v|1) * time.Nanosecond },
		"NATS_REPLICAS":     func(s *wandnats.Settings, v int) { s.Replicas = v },
		"GENERATION_SHARDS": func(s *wandnats.Settings, v int) { s.Shards = v },
	} {
		for _, v := range []int{-1, 0, 1 << 30} {
			s := defaults()
			spoil(&s, v)
			if err := s.Validate(); err == nil || !strings.HasPrefix(err.Error(), variable+" ") {
				t.Errorf("%s=%d: %v", variable, v, err)
			}
		}
	}
}
