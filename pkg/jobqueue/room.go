package jobqueue

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/singleflight"

	wandnats "github.com/wandstore/wandstore/nats"
)

// askFor is how long after a refusal by all members of a shard the server is asked for room
// before a job is claimed.
const askFor = 10 * time.Second

// room knows which shards were full lately. A job that is refused costs three writes, of its
// claim, the claim's end and a breadcrumb, and they stay in the bucket for hours: a flood of
// visits to a full pool would fill the bucket that claims are made in.
type room struct {
	js   jetstream.JetStream
	asks singleflight.Group

	mu      sync.Mutex
	refused map[int]time.Time // by shard
}

// refusedBy notes that all members of a shard refused a job.
func (r *room) refusedBy(shard int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refused == nil {
		r.refused = map[int]time.Time{}
	}
	r.refused[shard] = time.Now()
}

// refusedLately reports whether a job that is claimed now would probably be refused.
func (r *room) refusedLately(shard int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, ok := r.refused[shard]
	return ok && time.Since(at) < askFor
}

// hasPlace reports whether the members of a shard have room for the caller's job. The server is
// asked once for all who ask meanwhile, and as many of them are told so as there are places. It
// is true as well where the server does not tell.
func (r *room) hasPlace(ctx context.Context, shard int, members []string) bool {
	// Others wait for the answer too, so it must not end with the caller's context.
	answer := r.asks.DoChan(strconv.Itoa(shard), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
		defer cancel()
		n, err := r.places(ctx, members)
		if err != nil {
			return nil, err
		}
		left := &atomic.Int64{}
		left.Store(n)
		return left, nil
	})
	select {
	case a := <-answer:
		left, ok := a.Val.(*atomic.Int64)
		if !ok {
			return true
		}
		if left.Add(-1) >= 0 {
			return true
		}
		r.refusedBy(shard)
		return false
	case <-ctx.Done():
		return true
	}
}

// places is how many more jobs the members take, by the limit that their subjects have on the
// server.
func (r *room) places(ctx context.Context, members []string) (int64, error) {
	stream, err := r.js.Stream(ctx, wandnats.StreamGeneration)
	if err != nil {
		return 0, fmt.Errorf("look up the queue: %w", err)
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(wandnats.AllGenerate))
	if err != nil {
		return 0, fmt.Errorf("count the jobs: %w", err)
	}
	limit := info.Config.MaxMsgsPerSubject
	if limit <= 0 {
		return int64(len(members)), nil
	}
	var n int64
	for _, m := range members {
		n += max(0, limit-int64(info.State.Subjects[wandnats.GenerateSubject(m)]))
	}
	return n, nil
}
