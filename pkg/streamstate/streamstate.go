// Package streamstate reports how full the streams, the buckets and the members' queues are.
// Edges and generators report the same of each, so the numbers are there while either runs,
// also while the generators are scaled to none. Dashboards and alerts take the highest.
package streamstate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"golang.org/x/sync/errgroup"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/telemetry"
)

// timeout bounds the requests to NATS in one scrape, which may take 10 s.
const timeout = 2 * time.Second

// Queue returns how many jobs of a member run and how long its oldest waits; now is the
// server's time. It is called for members that hold jobs, for several at a time.
type Queue func(ctx context.Context, stream jetstream.Stream, now time.Time, member string) (running int, oldest time.Duration, err error)

// Observe registers the gauges for the streams and buckets of settings and for the queues of
// the members, and of whatever other member holds jobs. stop unregisters them. What NATS does
// not tell in time has no value rather than an old one.
func Observe(js jetstream.JetStream, settings wandnats.Settings, members []string, queue Queue, scope string) (stop func()) {
	configs, unread := wandnats.Streams(settings)
	return telemetry.Observe(otel.GetMeterProvider(), scope, func(ctx context.Context, see telemetry.See) error {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		see = oneAtATime(see)
		return errors.Join(unread, together(len(configs), func(i int) error {
			return seeStream(ctx, js, configs[i].Name, members, queue, see)
		}))
	}, telemetry.QueueDepth, telemetry.QueueRunning, telemetry.QueueOldestAge,
		telemetry.StreamMessages, telemetry.StreamSize, telemetry.StreamLimit)
}

// atATime bounds the requests of a scrape that are on their way together. Each may have a long
// way to go, and there are two for each member that holds jobs.
const atATime = 32

// together calls do for 0 to n-1 concurrently, and joins the errors.
func together(n int, do func(i int) error) error {
	failed := make([]error, n)
	var asked errgroup.Group
	asked.SetLimit(atATime)
	for i := range n {
		asked.Go(func() error {
			failed[i] = do(i)
			return nil
		})
	}
	_ = asked.Wait() // it has no error
	return errors.Join(failed...)
}

// oneAtATime is see for concurrent use.
func oneAtATime(see telemetry.See) telemetry.See {
	var mu sync.Mutex
	return func(gauge telemetry.Metric, value float64, attributes ...attribute.KeyValue) {
		mu.Lock()
		defer mu.Unlock()
		see(gauge, value, attributes...)
	}
}

func seeStream(ctx context.Context, js jetstream.JetStream, name string, members []string, queue Queue, see telemetry.See) error {
	stream, err := js.Stream(ctx, name)
	if err != nil {
		return fmt.Errorf("stream %s: %w", name, err)
	}
	info := stream.CachedInfo()
	if name == wandnats.StreamGeneration {
		if info, err = stream.Info(ctx, jetstream.WithSubjectFilter(wandnats.AllGenerate)); err != nil {
			return fmt.Errorf("stream %s: %w", name, err)
		}
		err = seeMembers(ctx, stream, info, members, queue, see)
	}
	label := telemetry.Stream.String(name)
	see(telemetry.StreamMessages, float64(info.State.Msgs), label)
	see(telemetry.StreamSize, float64(info.State.Bytes), label)
	if limit := info.Config.MaxBytes; limit > 0 {
		see(telemetry.StreamLimit, float64(limit), label)
	}
	return err
}

// seeMembers reports the queue of each member. A member holds the messages of its subject.
func seeMembers(ctx context.Context, stream jetstream.Stream, info *jetstream.StreamInfo, members []string, queue Queue, see telemetry.See) error {
	names := withJobs(members, info)
	return together(len(names), func(i int) error {
		depth, running, age := float64(info.State.Subjects[wandnats.GenerateSubject(names[i])]), 0, time.Duration(0)
		label := telemetry.Member.String(names[i])
		see(telemetry.QueueDepth, depth, label)
		if depth > 0 {
			var err error
			if running, age, err = queue(ctx, stream, info.TimeStamp, names[i]); err != nil {
				return err
			}
		}
		see(telemetry.QueueRunning, float64(running), label)
		see(telemetry.QueueOldestAge, age.Seconds(), label)
		return nil
	})
}

// withJobs is the members, and after them those that hold jobs though the settings do not name
// them: the pool is smaller than before, or has another number of shards.
func withJobs(members []string, info *jetstream.StreamInfo) []string {
	var others []string
	for subject := range info.State.Subjects {
		name := wandnats.MemberOfSubject(subject)
		if wandnats.IsMember(name) && !slices.Contains(members, name) {
			others = append(others, name)
		}
	}
	return append(slices.Clip(members), others...)
}

// Asked is the Queue of who may look at consumers and jobs.
func Asked(ctx context.Context, stream jetstream.Stream, now time.Time, member string) (running int, oldest time.Duration, err error) {
	consumer, err := stream.Consumer(ctx, member)
	switch {
	case err == nil:
		running = consumer.CachedInfo().NumAckPending
	case !errors.Is(err, jetstream.ErrConsumerNotFound): // nobody can work on its jobs
		return 0, 0, fmt.Errorf("consumer %s: %w", member, err)
	}
	oldest, err = OldestAge(ctx, stream, now, member)
	return running, oldest, err
}

// OldestAge returns how long the oldest job has been in a member's queue, 0 if it is empty. now
// is the server's time. Settled jobs are removed from the stream, so the oldest job is the first
// message of the subject. The error is JetStream's or ctx's.
func OldestAge(ctx context.Context, stream jetstream.Stream, now time.Time, member string) (time.Duration, error) {
	oldest, err := stream.GetMsg(ctx, 1, jetstream.WithGetMsgSubject(wandnats.GenerateSubject(member)))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("oldest job of %s: %w", member, err)
	}
	return max(0, now.Sub(oldest.Time)), nil
}

// Paused reports, by [telemetry.QueuePaused], which members' consumers are paused. Edges may
// not ask for them. The error is JetStream's or ctx's.
func Paused(ctx context.Context, js jetstream.JetStream, see telemetry.See) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	stream, err := js.Stream(ctx, wandnats.StreamGeneration)
	if err != nil {
		return fmt.Errorf("stream %s: %w", wandnats.StreamGeneration, err)
	}
	consumers := stream.ListConsumers(ctx)
	for c := range consumers.Info() {
		if !wandnats.IsMember(c.Name) {
			continue
		}
		paused := 0.0
		if c.Paused {
			paused = 1
		}
		see(telemetry.QueuePaused, paused, telemetry.Member.String(c.Name))
	}
	return consumers.Err()
}
