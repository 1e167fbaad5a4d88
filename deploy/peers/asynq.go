package main

import (
	"context"
	"encoding/json"
	"net"
	"time"

	"github.com/hibiken/asynq"
)

// serveRedis starts Redis with every write on disk before its answer.
func serveRedis(ctx context.Context, l *lab) (addr string, err error) {
	if addr, err = freeAddress(ctx); err != nil {
		return "", err
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", err
	}
	p, err := l.start(ctx, "redis-server", []string{
		"--bind", host, "--port", port, "--dir", l.dir, "--save", "", "--appendonly", "yes", "--appendfsync", "always",
	}, nil)
	if err != nil {
		return "", err
	}
	return addr, p.await(ctx, listens(addr))
}

// asynqQueue is asynq.
type asynqQueue struct {
	redis  asynq.RedisClientOpt
	every  time.Duration
	client *asynq.Client
}

// openAsynq opens one whose workers look for jobs so often; 0 is its default.
func openAsynq(every time.Duration) func(context.Context, string) (queue, error) {
	return func(_ context.Context, addr string) (queue, error) {
		redis := asynq.RedisClientOpt{Addr: addr, PoolSize: 2 * producers}
		return &asynqQueue{redis, every, asynq.NewClient(redis)}, nil
	}
}

func (q *asynqQueue) close() { _ = q.client.Close() }

// asynqKind is the kind of its tasks.
const asynqKind = "page"

func (q *asynqQueue) enqueue(ctx context.Context, n int64) error {
	_, err := q.client.EnqueueContext(ctx, asynq.NewTask(asynqKind, payload(n)))
	return err
}

func (q *asynqQueue) work(_ context.Context, handle func(n int64)) (stop func(), err error) {
	server := asynq.NewServer(q.redis, asynq.Config{
		Concurrency: workers, TaskCheckInterval: q.every, LogLevel: asynq.FatalLevel, ShutdownTimeout: time.Second,
	})
	mux := asynq.NewServeMux()
	mux.HandleFunc(asynqKind, func(_ context.Context, task *asynq.Task) error { return handleJob(task.Payload(), handle) })
	if err := server.Start(mux); err != nil {
		return nil, err
	}
	return server.Shutdown, nil
}

// handleJob reads a payload and handles its job.
func handleJob(payload []byte, handle func(n int64)) error {
	var job struct {
		ShopperID string `json:"shopperId"`
	}
	if err := json.Unmarshal(payload, &job); err != nil {
		return err
	}
	n, err := numberOf(job.ShopperID)
	if err == nil {
		handle(n)
	}
	return err
}
