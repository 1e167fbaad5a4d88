package wandnats_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
)

// sharded are the defaults with other numbers of members and shards.
func sharded(size, shards int) wandnats.Settings {
	s := defaults()
	s.PoolSize, s.Shards = size, shards
	return s
}

func memberNames(t *testing.T, js jetstream.JetStream) []string {
	t.Helper()
	stream, err := js.Stream(within(t), wandnats.StreamGeneration)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	list := stream.ConsumerNames(within(t))
	for name := range list.Name() {
		names = append(names, name)
	}
	if err := list.Err(); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(names, wandnats.CompareMembers)
	return names
}

// One shard is what there was before shards: the same subjects, and the same members.
func TestOneShardIsNone(t *testing.T) {
	for _, shards := range []int{0, 1} {
		_, js := connect(t, startPlain(t).url)
		ensure(t, js, sharded(2, shards))
		if got := streamConfig(t, js, wandnats.StreamGeneration).Subjects; !slices.Equal(got, []string{"wandstore.generate.*"}) {
			t.Errorf("%d shards: the queue has the subjects %v", shards, got)
		}
		if got := memberNames(t, js); !slices.Equal(got, []string{"pool-0", "pool-1"}) {
			t.Errorf("%d shards: the members are %v", shards, got)
		}
	}
}

// Whatever the number of shards was and will be, jobs stay where they are, and there is a
// consumer for each. What there was is kept for processes with older settings.
func TestShardsChangeWithoutLosingAJob(t *testing.T) {
	_, js := connect(t, startPlain(t).url)
	jobs := map[string]bool{}
	for _, shards := range []int{1, 3, 2, 1} {
		s := sharded(2, shards)
		for range 2 {
			ensure(t, js, s)
		}
		for _, member := range s.Members() {
			jobs[member] = true
			fill(t, js, member, 1)
		}
	}
	want := []string{"wandstore.generate.*", "wandstore.generate.0.*", "wandstore.generate.1.*", "wandstore.generate.2.*"}
	subjects := streamConfig(t, js, wandnats.StreamGeneration).Subjects
	if slices.Sort(subjects); !slices.Equal(subjects, want) {
		t.Errorf("the queue has the subjects %v, want %v", subjects, want)
	}
	if got := memberNames(t, js); len(got) != len(jobs) {
		t.Errorf("the members are %v, want those of %v", got, jobs)
	}
	for member, n := range held(t, js) {
		if !jobs[member] {
			t.Errorf("%q holds jobs", member)
		}
		work(t, js, member, int(n))
	}
	for member, n := range held(t, js) {
		t.Errorf("%s still holds %d jobs", member, n)
	}
}

// Each member of each shard refuses what is above its depth, and the others do not.
func TestShardsAreFullEachByItself(t *testing.T) {
	_, js := connect(t, startPlain(t).url)
	s := sharded(1, 2)
	s.MaxQueueDepth = 3
	ensure(t, js, s)
	fill(t, js, "1-pool-0", 3)
	if _, err := js.Publish(within(t), wandnats.GenerateSubject("1-pool-0"), []byte("one more")); err == nil {
		t.Error("a full member of a shard has taken a job")
	}
	fill(t, js, "0-pool-0", 3)
}

// A service whose user may not provision waits for its shards: a job for one that is not
// there would reach nobody.
func TestServicesWaitForTheirShards(t *testing.T) {
	s := startSecured(t, nil)
	provisioned(t, s, sharded(2, 2))
	edge, generator := join(t, s, "edge"), join(t, s, "generator")
	must(t, "edge with as many shards", wandnats.EnsureStreams(within(t), edge.js, sharded(2, 2)))
	must(t, "generator with as many shards", wandnats.Ensure(within(t), generator.js, sharded(2, 2)))
	must(t, "edge with fewer shards", wandnats.EnsureStreams(within(t), edge.js, sharded(2, 1)))
	for who, err := range map[string]error{
		"edge":                   wandnats.EnsureStreams(within(t), edge.js, sharded(2, 3)),
		"generator":              wandnats.Ensure(within(t), generator.js, sharded(2, 3)),
		"generator of old names": wandnats.Ensure(within(t), generator.js, sharded(2, 1)),
	} {
		if !errors.Is(err, wandnats.ErrNotProvisioned) {
			t.Errorf("%s: %v, want ErrNotProvisioned", who, err)
		}
	}
	_, err := edge.js.Publish(within(t), "wandstore.generate.1.pool-1", []byte("job"))
	must(t, "edge publishes to a shard", err)
	consumer, err := generator.js.Consumer(within(t), wandnats.StreamGeneration, "1-pool-1")
	must(t, "generator finds a member of a shard", err)
	msg, err := consumer.Next(jetstream.FetchMaxWait(patience))
	must(t, "generator takes its job", err)
	must(t, "generator acknowledges it", msg.DoubleAck(within(t)))
	edge.may(t)
	generator.may(t)
}

// The definition that is made for a member says which one it is.
func TestConsumerOfAShard(t *testing.T) {
	c, err := wandnats.Consumer("2-pool-3", 4)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(c.Durable, " ", c.FilterSubject, " ", c.MaxAckPending, " ", c.Description); got != "2-pool-3 wandstore.generate.2.pool-3 4 Pool member 3 of shard 2" {
		t.Errorf("got %s", got)
	}
	if _, err := wandnats.Consumer("2.pool-3", 1); err == nil || !strings.Contains(err.Error(), "2.pool-3") {
		t.Errorf("of no member: %v", err)
	}
}
