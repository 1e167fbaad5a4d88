package jobqueue_test

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/natstest"
	"github.com/wandstore/wandstore/pkg/pagekey"
)

// An edge asks for a page, a worker makes it, and the job's record says so.
func Example() {
	url, stop, err := natstest.Run()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := askForAPage(ctx, url); err != nil {
		fmt.Println(err)
	}
	// Output:
	// triggered: true
	// pool-3 makes a page of magic-wands for abc123, attempt 1
	// triggered: false
	// JOB_STATE_READY: a page for explorer
}

func askForAPage(ctx context.Context, url string) error {
	nc, err := nats.Connect(url)
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	settings := wandnats.Settings{PoolSize: 10, MaxQueueDepth: 100, Concurrency: 1, CacheTTLSeconds: 3600, Replicas: 1}
	if err := wandnats.Ensure(ctx, js, settings); err != nil {
		return err
	}
	bus, err := wandnats.Open(ctx, js)
	if err != nil {
		return err
	}
	key, err := pagekey.New("magic-wands", "abc123")
	if err != nil {
		return err
	}

	// The side that asks.
	trail := jobqueue.NewTrail(js, "example")
	queue := jobqueue.NewQueue(js, bus.Jobs, settings, trail)
	ticket, err := queue.Trigger(ctx, jobqueue.Request{Key: key, Origin: "visit"})
	if err != nil {
		return err // jobqueue.ErrPoolFull: every member has all the jobs that it may have
	}
	fmt.Println("triggered:", ticket.Triggered)

	// The side that works, for one member of the pool. A handler makes and stores the page.
	working, stopWorking := context.WithCancel(ctx)
	handler := func(_ context.Context, job *jobqueue.Job) (jobqueue.Result, error) {
		fmt.Printf("%s makes a page of %s for %s, attempt %d\n", job.Member, job.Key.Shop(), job.Key.Shopper(), job.Attempt)
		// A second request while the job is live makes no second job.
		again, err := queue.Trigger(ctx, jobqueue.Request{Key: key, Origin: "visit"})
		fmt.Println("triggered:", again.Triggered)
		stopWorking() // the consumer lets this job finish
		return jobqueue.Result{Persona: "explorer", Source: "llm", GeneratedAt: time.Now()}, err
	}
	consumer := jobqueue.NewConsumer(js, bus.Jobs, jobqueue.ConsumerConfig{
		Member: ticket.Record.GetPoolMember(), Worker: "worker-1", Concurrency: 1,
		JobTimeout: time.Minute, Grace: 10 * time.Second,
	}, trail, handler, slog.New(slog.DiscardHandler))
	if err := consumer.Run(working); err != nil {
		return err
	}

	record, err := queue.Record(ctx, key)
	if err != nil {
		return err
	}
	fmt.Printf("%s: a page for %s\n", record.GetState(), record.GetPersona())
	return nil
}
