package wandnats

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrLost: a stream, bucket or consumer that a process uses is missing, or was made anew
// since and has lost what it held.
var ErrLost = errors.New("lost on NATS")

// LookEvery is how often a [Keeper] looks whether everything is still there. A server whose
// disk is lost ends the connections, and after a reconnect the Keeper looks at once.
const LookEvery = 5 * time.Second

// Keeper sees to it that the streams, buckets and consumers are there for as long as a
// process uses them, and tells what was lost. A stream in memory ends with each restart of
// its server, and what it held is nobody's loss; only generators use one. Its methods may be
// called concurrently, but for Ensure and Watch, which take turns.
type Keeper struct {
	// JetStream is the connection.
	JetStream jetstream.JetStream
	// Settings are those of [Ensure].
	Settings Settings
	// Edge says that the process publishes jobs and takes none. Then only a user who may
	// create streams looks after the members' consumers, and changes none that is there.
	Edge bool
	// Clock is corrected by the server's answers; it may be nil.
	Clock *Clock
	Log   *slog.Logger

	// consumers and mirrors say whether these are looked after.
	consumers, mirrors bool

	mu sync.Mutex
	// created is when each stream and bucket was made, as of the last Ensure.
	created map[string]time.Time
	// missing is what Watch found missing; it is empty again after Ensure.
	missing []string
	// renewed is what was made anew at last.
	renewed   []string
	renewedAt time.Time
}

// Ensure is [Ensure], or what an edge needs of it, and remembers what there is. What was
// made anew since the last call is logged as an error, because what it held is lost.
// Errors are those of Ensure, and ErrLost if something goes missing meanwhile.
func (k *Keeper) Ensure(ctx context.Context) error {
	if err := k.ensure(ctx); err != nil {
		return err
	}
	created, missing, err := k.look(ctx)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		return fmt.Errorf("%w: %s is missing again", ErrLost, strings.Join(missing, ", "))
	}
	k.mu.Lock()
	renewed := changed(k.created, created)
	// A consumer has no content, so nothing is lost with one that is there again.
	k.created, k.missing = created, nil
	if len(renewed) > 0 {
		k.renewed, k.renewedAt = renewed, time.Now()
	}
	k.mu.Unlock()
	if len(renewed) > 0 {
		k.Log.ErrorContext(ctx, "NATS has lost streams or buckets, which were made anew and are empty: restore what is not made again by itself from a backup",
			"lost", renewed)
	}
	return nil
}

func (k *Keeper) ensure(ctx context.Context) error {
	if k.Settings.HubDomain != "" {
		k.mirrors = mayProvision(ctx, k.JetStream)
		return EnsureStreams(ctx, k.JetStream, k.Settings)
	}
	if !k.Edge {
		k.consumers = true
		return Ensure(ctx, k.JetStream, k.Settings)
	}
	if err := EnsureStreams(ctx, k.JetStream, k.Settings); err != nil {
		return err
	}
	// Generators that are started by the depth of the queues need the consumers to be there
	// before them.
	k.consumers = mayProvision(ctx, k.JetStream)
	if !k.consumers {
		return nil
	}
	stream, err := k.JetStream.Stream(ctx, StreamGeneration)
	if err != nil {
		return fmt.Errorf("stream %s: %w", StreamGeneration, err)
	}
	gone, err := missingMembers(ctx, stream, k.Settings.Members())
	if err != nil {
		return err
	}
	for _, name := range gone {
		want, err := Consumer(name, k.Settings.Concurrency)
		if err != nil {
			return err
		}
		if _, err := stream.CreateConsumer(ctx, want); err != nil && !errors.Is(err, jetstream.ErrConsumerExists) {
			return fmt.Errorf("ensure consumer %s: %w", name, err)
		}
	}
	return nil
}

// Watch returns ErrLost with names once something is missing or was made anew since
// [Keeper.Ensure], and nil when ctx ends. It looks every LookEvery and after each
// reconnect. While NATS does not answer nothing counts as lost.
func (k *Keeper) Watch(ctx context.Context) error {
	nc := k.JetStream.Conn()
	connected := nc.StatusChanged(nats.CONNECTED)
	defer nc.RemoveStatusListener(connected)
	tick := time.NewTicker(LookEvery)
	defer tick.Stop()
	for {
		// The first look is for what was lost between Ensure and the listener.
		if err := k.check(ctx); errors.Is(err, ErrLost) {
			return err
		}
		select {
		case <-tick.C:
		case <-connected:
		case <-ctx.Done():
			return nil
		}
	}
}

func (k *Keeper) check(ctx context.Context) error {
	created, missing, err := k.look(ctx)
	if err != nil {
		return err
	}
	k.mu.Lock()
	renewed := changed(k.created, created)
	k.missing = missing
	level := slog.LevelWarn
	for _, name := range missing {
		if _, kept := k.created[name]; kept || IsMember(name) {
			level = slog.LevelError
		}
	}
	k.mu.Unlock()
	switch {
	case len(missing) > 0:
		k.Log.Log(ctx, level, "streams, buckets or consumers are missing on NATS", "missing", missing)
		return fmt.Errorf("%w: %s", ErrLost, strings.Join(missing, ", "))
	case len(renewed) > 0:
		return fmt.Errorf("%w: %s, made anew", ErrLost, strings.Join(renewed, ", "))
	default:
		return nil
	}
}

// changed is the names of which the time is another.
func changed(before, now map[string]time.Time) []string {
	var names []string
	for name, at := range before {
		if again, there := now[name]; there && !again.Equal(at) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// look returns when each stream and bucket was created, and what is missing.
func (k *Keeper) look(ctx context.Context) (created map[string]time.Time, missing []string, err error) {
	if err := ready(k.JetStream.Conn()); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*requestTimeout)
	defer cancel()
	configs, err := Streams(k.Settings)
	if err != nil {
		return nil, nil, err
	}
	configs = slices.DeleteFunc(configs, func(c jetstream.StreamConfig) bool { return k.Edge && volatile(c) })
	found := make([]jetstream.Stream, len(configs))
	if err := atOnce(len(configs), func(i int) (err error) {
		found[i], err = k.stream(ctx, configs[i].Name)
		if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
			return fmt.Errorf("stream %s: %w", configs[i].Name, err)
		}
		return nil
	}); err != nil {
		return nil, nil, err
	}
	created = make(map[string]time.Time, len(configs))
	for i, c := range configs {
		switch {
		case found[i] == nil:
			missing = append(missing, c.Name)
		case !volatile(c):
			created[c.Name] = found[i].CachedInfo().Created
		}
		if c.Name == StreamGeneration && found[i] != nil && k.consumers {
			gone, err := missingMembers(ctx, found[i], k.Settings.Members())
			if err != nil {
				return nil, nil, err
			}
			missing = append(missing, gone...)
		}
	}
	if k.mirrors {
		missing = append(missing, k.strayed(ctx, found)...)
	}
	return created, missing, nil
}

// volatile tells whether a stream ends with each restart of its server.
func volatile(c jetstream.StreamConfig) bool { return c.Storage == jetstream.MemoryStorage }

// strayed is the mirrors whose stream at the hub was made anew since. While the hub is not
// reached it is none.
func (k *Keeper) strayed(ctx context.Context, mirrors []jetstream.Stream) (names []string) {
	origins, err := readOrigins(ctx, k.JetStream, k.Settings)
	if err != nil {
		return nil
	}
	for _, mirror := range mirrors {
		if mirror != nil && !originOf(mirror).Equal(origins[mirror.CachedInfo().Config.Name]) {
			names = append(names, mirror.CachedInfo().Config.Name)
		}
	}
	return names
}

// clockStream is the stream by whose leader's time all processes go: the servers of a cluster
// have clocks too. Its records' deadlines are what must be agreed on first.
const clockStream = "KV_" + BucketJobs

func (k *Keeper) stream(ctx context.Context, name string) (jetstream.Stream, error) {
	if k.Clock == nil || name != clockStream {
		return k.JetStream.Stream(ctx, name)
	}
	sent := k.Clock.read()
	stream, err := k.JetStream.Stream(ctx, name)
	if err == nil {
		before := k.Clock.Fault()
		k.Clock.heard(sent, stream.CachedInfo().TimeStamp)
		if after := k.Clock.Fault(); after != "" && before == "" {
			k.Log.ErrorContext(ctx, "this machine's clock is wrong, or that of NATS is", "clock", after)
		}
	}
	return stream, err
}

// missingMembers is the members whose consumer is not there.
func missingMembers(ctx context.Context, stream jetstream.Stream, members []string) ([]string, error) {
	there := map[string]bool{}
	names := stream.ConsumerNames(ctx)
	for name := range names.Name() {
		there[name] = true
	}
	if err := names.Err(); err != nil {
		return nil, fmt.Errorf("consumers: %w", err)
	}
	return slices.DeleteFunc(members, func(name string) bool { return there[name] }), nil
}

// Created is when the stream or bucket's stream of that name was made, as of the last
// Ensure; the zero time before one.
func (k *Keeper) Created(name string) time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.created[name]
}

// lostFor is how long [Keeper.Faults] tells of what was made anew.
const lostFor = time.Hour

// Faults is what operators have to know, by the name of the stream, bucket or consumer:
// that it is missing, or that it was lost within the last hour.
func (k *Keeper) Faults() map[string]string {
	k.mu.Lock()
	defer k.mu.Unlock()
	faults := map[string]string{}
	if time.Since(k.renewedAt) < lostFor {
		for _, name := range k.renewed {
			faults[name] = "lost and made anew, empty, at " + k.renewedAt.UTC().Format(time.RFC3339)
		}
	}
	for _, name := range k.missing {
		faults[name] = "missing"
	}
	return faults
}

// Missing reports whether something that the process needs is missing.
func (k *Keeper) Missing() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.missing) > 0
}
