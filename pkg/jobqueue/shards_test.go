package jobqueue_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/pagekey"
)

func shopKey(t testing.TB, shop, shopper string) pagekey.Key {
	t.Helper()
	k, err := pagekey.New(shop, shopper)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// elsewhere is a shop of another shard than that of magic-wands.
func elsewhere(shards int) string {
	for i := 0; ; i++ {
		if shop := fmt.Sprintf("quiet-shop-%d", i); jobqueue.SelectShard(shop, shards) != jobqueue.SelectShard("magic-wands", shards) {
			return shop
		}
	}
}

// A shop whose campaign fills its shard, with more jobs than that holds and workers that never
// end, starves no shop of another shard: its job is taken, dead-lettered and replayed there.
func TestACampaignStarvesNoOtherShop(t *testing.T) {
	t.Parallel()
	const shards, flood = 2, 1200
	s := settings()
	s.Shards = shards
	p := newPool(t, s)

	var accepted, refused atomic.Int64
	var edges sync.WaitGroup
	for edge := range 16 {
		edges.Go(func() {
			for i := edge; i < flood; i += 16 {
				_, err := p.queue.Trigger(t.Context(), jobqueue.Request{Key: shopKey(t, "magic-wands", fmt.Sprintf("shopper-%d", i)), Origin: "visit"})
				switch {
				case err == nil:
					accepted.Add(1)
				case errors.Is(err, jobqueue.ErrPoolFull):
					refused.Add(1)
				default:
					t.Errorf("trigger: %v", err)
				}
			}
		})
	}
	edges.Wait()
	if accepted.Load() != 1000 || refused.Load() != flood-1000 {
		t.Fatalf("the campaign has %d jobs and %d refusals, want the 1000 places of one shard", accepted.Load(), refused.Load())
	}

	quiet := elsewhere(shards)
	taken := make(chan *jobqueue.Job, 1)
	for _, name := range s.Members() {
		p.workWith(func(ctx context.Context, job *jobqueue.Job) (jobqueue.Result, error) {
			if job.Key.Shop() == quiet {
				taken <- job
				return jobqueue.Result{}, jobqueue.ErrTerminal
			}
			<-ctx.Done()
			return jobqueue.Result{}, ctx.Err()
		}, func(c *jobqueue.ConsumerConfig) { c.Member = name })
	}
	ticket, err := p.queue.Trigger(t.Context(), jobqueue.Request{Key: shopKey(t, quiet, "abc123"), Origin: "visit"})
	if err != nil {
		t.Fatal(err)
	}
	want := wandnats.ShardMember(jobqueue.SelectShard(quiet, shards), 3)
	job := eventually.Receive(t, taken, "the job of the quiet shop")
	if job.Member != want || ticket.Record.GetPoolMember() != want {
		t.Errorf("the job is %s's and %s works on it, want %s", ticket.Record.GetPoolMember(), job.Member, want)
	}
	// What an operator does about it is the same as without shards.
	dead, _ := p.stream(wandnats.StreamDead)
	var letter uint64
	eventually.NoError(t, func() error {
		m, err := dead.GetLastMsgForSubject(t.Context(), wandnats.DeadSubject(want))
		if err == nil {
			letter = m.Sequence
		}
		return err
	})
	replayed, err := p.queue.Replay(t.Context(), letter)
	if err != nil || replayed.Member != want {
		t.Fatalf("replayed: %+v, %v", replayed, err)
	}
	eventually.Receive(t, taken, "the job again")
}

// A shopper whose job waits under an old number of shards gets no second one under the new.
func TestAJobOutlivesTheNumberOfShards(t *testing.T) {
	t.Parallel()
	s := settings()
	p := newPool(t, s)
	first := p.trigger("abc123")
	for _, shards := range []int{2, 1} {
		s.Shards = shards
		if err := wandnats.Ensure(t.Context(), p.js, s); err != nil {
			t.Fatal(err)
		}
		queue := jobqueue.NewQueue(p.js, p.jobs, s, p.trail)
		ticket, err := queue.Trigger(t.Context(), jobqueue.Request{Key: key(t, "abc123"), Origin: "visit"})
		if err != nil || ticket.Triggered || ticket.Record.GetJobId() != first.GetJobId() {
			t.Errorf("%d shards: %+v, %v, want the job that there is", shards, ticket, err)
		}
	}
	w := p.work(func(c *jobqueue.ConsumerConfig) { c.Member = "pool-3" })
	w.next().answer <- nil
	p.reaches("abc123", ready)
	p.empties()
}
