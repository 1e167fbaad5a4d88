package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// queue is a client of a durable job queue.
type queue interface {
	// enqueue returns when the job of that number would survive a power cut.
	enqueue(ctx context.Context, n int64) error
	// work has ten workers handle jobs until stop is called.
	work(ctx context.Context, handle func(n int64)) (stop func(), err error)
	close()
}

// kind is a kind of queue.
type kind struct {
	name string
	// serve starts the server that keeps the jobs, until the lab ends.
	serve func(ctx context.Context, l *lab) (addr string, err error)
	open  func(ctx context.Context, addr string) (queue, error)
}

const (
	producers = 16
	workers   = 10
)

// The queues. Those named tuned ask for jobs as often as they can be set to without a
// core of their own; the others are as they come.
func kinds() []kind {
	return []kind{
		{"jobqueue", serveJobqueue, openJobqueue},
		{"asynq", serveRedis, openAsynq(0)},
		{"asynq tuned", serveRedis, openAsynq(10 * time.Millisecond)},
		{"River", servePostgres, openRiver(0)},
		{"River tuned", servePostgres, openRiver(time.Millisecond)},
	}
}

const queuesAre = "jobqueue on nats-server with `sync_interval: always`; asynq on Redis with `appendfsync always`; River on Postgres with " +
	"`synchronous_commit` and `fsync` on. Tuned is asynq that looks for jobs every 10 ms, not every second, and River that fetches after 1 ms, not after " +
	"100 ms. Ours alone keeps a job a shopper, and a trail of each."

const (
	enqueued = "enqueued/s"
	handled  = "handled/s"
)

func queueRow() row {
	return row{
		name: "queue", title: "Durable jobs: 16 producers, then 10 workers that do nothing",
		what:    "What the producers have enqueued is worked off after. " + queuesAre,
		columns: []string{enqueued, handled, p50, p99},
		goals: []goal{
			{column: enqueued, limit: 1, peer: "River tuned"},
			{column: handled, limit: 1, peer: "asynq tuned"},
		},
		setUp: each(kind.throughput),
	}
}

func idleRow() row {
	return row{
		name: "idle", title: "Idle, from enqueue to handler",
		what:    "A job 100 to 200 ms after the last one, from before it is enqueued until its handler is called. " + queuesAre,
		columns: []string{p50, p99},
		goals:   []goal{{column: p50, limit: 3, atMost: true}},
		setUp:   each(kind.idle),
	}
}

// each has every kind of queue measured on a server of its own.
func each(measure func(k kind, ctx context.Context, l *lab, addr string, d time.Duration) (figures, error)) func(context.Context, *lab) ([]contender, error) {
	return func(_ context.Context, l *lab) ([]contender, error) {
		var all []contender
		for _, k := range kinds() {
			all = append(all, contender{k.name, func(ctx context.Context, d time.Duration) (figures, error) {
				inner, err := l.inner()
				if err != nil {
					return nil, err
				}
				defer inner.end()
				addr, err := k.serve(ctx, inner)
				if err != nil {
					return nil, err
				}
				return measure(k, ctx, inner, addr, d)
			}})
		}
		return all, nil
	}
}

// throughput enqueues for d, and works off for as long.
func (k kind) throughput(ctx context.Context, _ *lab, addr string, d time.Duration) (figures, error) {
	q, err := k.open(ctx, addr)
	if err != nil {
		return nil, err
	}
	defer q.close()
	var jobs atomic.Int64
	all := make([]operation, producers)
	for i := range all {
		all[i] = func(ctx context.Context, n int64) error {
			jobs.Add(1)
			return q.enqueue(ctx, n)
		}
	}
	f, err := closedLoop(ctx, d, all)
	if err != nil {
		return nil, err
	}
	f[enqueued] = f[perSecond]
	f[handled], err = workOff(ctx, q, jobs.Load(), d)
	return f, err
}

// workOff is how many jobs a second are handled, from the first one until all are or d is
// over.
func workOff(ctx context.Context, q queue, jobs int64, d time.Duration) (perSecond float64, err error) {
	var count atomic.Int64
	first, last := make(chan time.Time, 1), make(chan time.Time, 1)
	stop, err := q.work(ctx, func(int64) {
		switch count.Add(1) {
		case 1:
			first <- time.Now()
		case jobs:
			last <- time.Now()
		}
	})
	if err != nil {
		return 0, err
	}
	defer stop()
	var began time.Time
	select {
	case began = <-first:
	case <-time.After(patience):
		return 0, fmt.Errorf("no job of %d was handled", jobs)
	}
	select {
	case ended := <-last:
		return float64(jobs-1) / ended.Sub(began).Seconds(), nil
	case <-time.After(d):
		return float64(count.Load()-1) / time.Since(began).Seconds(), nil
	}
}

// idle measures single jobs.
func (k kind) idle(ctx context.Context, _ *lab, addr string, d time.Duration) (figures, error) {
	q, err := k.open(ctx, addr)
	if err != nil {
		return nil, err
	}
	defer q.close()
	called := make(chan time.Time, 1)
	stop, err := q.work(ctx, func(int64) { called <- time.Now() })
	if err != nil {
		return nil, err
	}
	defer stop()
	var took []time.Duration
	for until := time.Now().Add(d); time.Now().Before(until); {
		pause(ctx, 100*time.Millisecond+rand.N(100*time.Millisecond))
		began := time.Now()
		if err := q.enqueue(ctx, serial.Add(1)); err != nil {
			return nil, err
		}
		select {
		case at := <-called:
			took = append(took, at.Sub(began))
		case <-time.After(patience):
			return nil, fmt.Errorf("no handler was called within %v", patience)
		}
	}
	return rates(took[min(1, len(took)-1):], d), nil // the first one meets workers that start
}

// numberOf is the number in a newcomer's name.
func numberOf(shopper string) (int64, error) {
	return strconv.ParseInt(strings.TrimPrefix(shopper, "new-"), 10, 64)
}
