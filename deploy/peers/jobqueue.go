package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/pagekey"
)

// pool is the product's, a member a worker, with room for all jobs.
var pool = wandnats.Settings{PoolSize: workers, Shards: 1, MaxQueueDepth: 1_000_000, Concurrency: 1, CacheTTLSeconds: 3600, Replicas: 1}

// ours is pkg/jobqueue, as edge and generator use it.
type ours struct {
	lab   *lab
	js    jetstream.JetStream
	jobs  jetstream.KeyValue
	trail *jobqueue.Trail
	queue *jobqueue.Queue
}

func serveJobqueue(ctx context.Context, l *lab) (addr string, err error) {
	if addr, err = startNATS(ctx, l); err != nil {
		return "", err
	}
	js, err := connect(l, addr)
	if err != nil {
		return "", err
	}
	return addr, wandnats.Ensure(ctx, js, pool)
}

func openJobqueue(ctx context.Context, addr string) (queue, error) {
	q := &ours{lab: &lab{}}
	var err error
	if q.js, err = connect(q.lab, addr); err != nil {
		return nil, err
	}
	if q.jobs, err = wandnats.OpenBucket(ctx, q.js, wandnats.BucketJobs); err != nil {
		return nil, err
	}
	q.trail = jobqueue.NewTrail(q.js, "peers")
	q.queue = jobqueue.NewQueue(q.js, q.jobs, pool, q.trail)
	return q, nil
}

func (q *ours) close() { q.lab.end() }

func (q *ours) enqueue(ctx context.Context, n int64) error {
	key, err := pagekey.New(shop, newcomer(n))
	if err != nil {
		return err
	}
	ticket, err := q.queue.Trigger(ctx, jobqueue.Request{Key: key, Origin: "visit"})
	if err == nil && !ticket.Triggered {
		err = errors.New("a new shopper has a job already")
	}
	return err
}

// work has connections of its own, as a generator has.
func (q *ours) work(ctx context.Context, handle func(n int64)) (stop func(), err error) {
	l := &lab{}
	js, err := connect(l, q.js.Conn().ConnectedAddr())
	if err != nil {
		return nil, err
	}
	jobs, err := wandnats.OpenBucket(ctx, js, wandnats.BucketJobs)
	if err != nil {
		l.end()
		return nil, err
	}
	handler := func(_ context.Context, job *jobqueue.Job) (jobqueue.Result, error) {
		n, err := numberOf(job.Key.Shopper())
		handle(n)
		return jobqueue.Result{Persona: "explorer", Source: "llm", GeneratedAt: time.Now()}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	for _, member := range pool.Members() {
		consumer := jobqueue.NewConsumer(js, jobs, jobqueue.ConsumerConfig{
			Member: member, Worker: "peers", Concurrency: 1, JobTimeout: time.Minute, Grace: time.Second,
		}, q.trail, handler, slog.New(slog.DiscardHandler))
		running.Go(func() { _ = consumer.Run(ctx) })
	}
	return func() {
		cancel()
		running.Wait()
		l.end()
	}, nil
}
