package generator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/telemetry"
)

const scope = "github.com/wandstore/wandstore/services/generator"

// observeTimeout bounds the requests to NATS in one scrape, which may take 10 s.
const observeTimeout = 2 * time.Second

// observe registers the gauges of the pool. stop unregisters them. Each generator reports
// the queues of its own members. If NATS does not answer in time, a member has no value
// rather than an old one.
func (p *parts) observe(opened *pool) (stop func()) {
	configs, unread := wandnats.Streams(p.cfg.Pool)
	return telemetry.Observe(otel.GetMeterProvider(), scope, func(ctx context.Context, see telemetry.See) error {
		see(telemetry.BreakerOpen, telemetry.BreakerValue(p.model.BreakerState()), telemetry.Breaker.String("kimi"))
		see(telemetry.ShopsStopped, float64(len(p.model.StoppedShops())))
		p.account.See(see)
		see(telemetry.StreamsLost, float64(len(p.keeper.Faults())))
		ctx, cancel := context.WithTimeout(ctx, observeTimeout)
		defer cancel()
		failed := []error{unread}
		for _, cfg := range configs {
			stream, err := p.js.Stream(ctx, cfg.Name)
			if err != nil {
				failed = append(failed, fmt.Errorf("stream %s: %w", cfg.Name, err))
				continue
			}
			state, name := stream.CachedInfo().State, telemetry.Stream.String(cfg.Name)
			see(telemetry.StreamMessages, float64(state.Msgs), name)
			see(telemetry.StreamSize, float64(state.Bytes), name)
			if limit := stream.CachedInfo().Config.MaxBytes; limit > 0 {
				see(telemetry.StreamLimit, float64(limit), name)
			}
			if cfg.Name == wandnats.StreamGeneration {
				failed = append(failed, observeMembers(ctx, stream, opened.names(), see))
			}
		}
		return errors.Join(failed...)
	}, telemetry.AccountWaiting, telemetry.AccountUnderWay, telemetry.AccountLimit, telemetry.BreakerOpen, telemetry.ShopsStopped, telemetry.QueueDepth, telemetry.QueueRunning, telemetry.QueueOldestAge,
		telemetry.StreamMessages, telemetry.StreamSize, telemetry.StreamLimit, telemetry.StreamsLost)
}

// observeMembers reports the queue of each member.
func observeMembers(ctx context.Context, stream jetstream.Stream, names []string, see telemetry.See) error {
	var failed []error
	for _, name := range names {
		consumer, err := stream.Consumer(ctx, name)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		info, member := consumer.CachedInfo(), telemetry.Member.String(name)
		running := float64(info.NumAckPending)
		see(telemetry.QueueDepth, float64(info.NumPending)+running, member)
		see(telemetry.QueueRunning, running, member)
		age, err := oldestAge(ctx, stream, name)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		see(telemetry.QueueOldestAge, age.Seconds(), member)
	}
	return errors.Join(failed...)
}

// oldestAge returns the age of the oldest job in a member's queue. Settled jobs are removed
// from the stream, so the oldest job is the first message of the subject.
func oldestAge(ctx context.Context, stream jetstream.Stream, member string) (time.Duration, error) {
	oldest, err := stream.GetMsg(ctx, 1, jetstream.WithGetMsgSubject(wandnats.GenerateSubject(member)))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("oldest job of %s: %w", member, err)
	}
	return max(0, time.Since(oldest.Time)), nil
}
