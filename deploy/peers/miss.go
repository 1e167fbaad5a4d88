package main

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

func missRow(name string, clients int) row {
	r := row{
		name: name, title: fmt.Sprintf("A miss, %d clients", clients),
		what: "A newcomer's visit: the fallback page, rendered, and the job for their own page claimed and on disk when the answer goes out. " +
			"Beside it one synchronous publish of such a job into a stream of the same nats-server, which syncs each write (`sync_interval: always`).",
		columns: []string{perSecond, p50, p99},
		goals:   []goal{{column: perSecond, limit: 0.7, peer: rawPublish}},
		setUp: func(ctx context.Context, l *lab) ([]contender, error) {
			return setUpMisses(ctx, l, clients)
		},
	}
	if clients == 1 {
		r.title = "A miss, one client"
		r.goals = []goal{{column: p50, limit: 1.6, atMost: true}}
	}
	return r
}

const rawPublish = "raw publish"

func setUpMisses(ctx context.Context, l *lab, clients int) ([]contender, error) {
	s, err := startStack(ctx, l)
	if err != nil {
		return nil, err
	}
	if err := s.createRaw(ctx); err != nil {
		return nil, err
	}
	visitors, err := s.visitors(ctx, l, clients)
	if err != nil {
		return nil, err
	}
	publishers := make([]operation, clients)
	for i := range publishers {
		publishers[i] = s.publishRaw
	}
	return []contender{{"edge", looping(visitors)}, {rawPublish, looping(publishers)}}, nil
}

// looping measures clients.
func looping(clients []operation) func(context.Context, time.Duration) (figures, error) {
	return func(ctx context.Context, d time.Duration) (figures, error) { return closedLoop(ctx, d, clients) }
}

// rawSubject is of a stream that is like GENERATION, and of nobody.
const rawSubject = "peers.raw"

func (s *stack) createRaw(ctx context.Context) error {
	_, err := s.js.CreateStream(ctx, jetstream.StreamConfig{
		Name: "PEERS", Subjects: []string{rawSubject}, Retention: jetstream.WorkQueuePolicy,
		Storage: jetstream.FileStorage, Discard: jetstream.DiscardNew, Duplicates: 2 * time.Minute,
	})
	return err
}

// publishRaw publishes a job to that stream.
func (s *stack) publishRaw(ctx context.Context, n int64) error {
	_, err := s.js.PublishMsg(ctx, &nats.Msg{Subject: rawSubject, Data: payload(n)}, jetstream.WithMsgID(nuid.Next()))
	return err
}

// payload is what a job is to those that are not ours, as long as one of ours.
func payload(n int64) []byte {
	return fmt.Appendf(nil, `{"jobId":%q,"storeSlug":%q,"shopperId":%q,"requestedAt":%q,"origin":"visit"}`,
		nuid.Next(), shop, newcomer(n), time.Now().UTC().Format(time.RFC3339Nano))
}
