package jobqueue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/types/known/timestamppb"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/telemetry"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// maxDetail bounds the detail of a breadcrumb, in bytes.
const maxDetail = 512

// Trail writes breadcrumbs: the steps of a job, kept in the histories of its debug and
// error keys.
type Trail struct {
	js      jetstream.JetStream
	service string
	now     func() time.Time

	// mu guards what is below. While batching, breadcrumbs wait in pending for batch.
	mu       sync.Mutex
	batching bool
	pending  []*nats.Msg
}

const (
	// batchFrom is how many writes are on their way when breadcrumbs begin to wait for each
	// other. The server flushes a batch to its disk once, where it flushes each single message;
	// but a batch of few takes it longer than they do.
	batchFrom = 16
	// maxBatch is the most messages that the server takes in a batch (ADR-50).
	maxBatch = 1000
	// maxPending bounds the breadcrumbs that wait. What is above it is not written.
	maxPending = 8 * maxBatch
)

// TrailOption is an optional setting of NewTrail.
type TrailOption func(*Trail)

// WithClock sets the clock that breadcrumbs are dated by, and with them the records of
// queues, consumers and sweepers that write to the trail. The default is time.Now. Processes
// of several machines need one clock, such as wandnats.Clock: the deadline that one of them
// wrote is judged by others.
func WithClock(now func() time.Time) TrailOption { return func(t *Trail) { t.now = now } }

// NewTrail returns a Trail whose breadcrumbs name the service.
func NewTrail(js jetstream.JetStream, service string, options ...TrailOption) *Trail {
	t := &Trail{js: js, service: service, now: time.Now}
	for _, o := range options {
		o(t)
	}
	return t
}

// Breadcrumb is one step of a job.
type Breadcrumb struct {
	// Step is the name of the step: "claimed", "published", "stored", …
	Step string
	// JobID is the id of the job.
	JobID string
	// Member is the name of the pool member, "" if the step concerns none.
	Member string
	// Attempt is the number of the delivery, 0 before the first.
	Attempt int
	// Detail is truncated to 512 bytes. It must not hold a prompt, an answer or a secret.
	Detail string
}

// Debug writes a breadcrumb to the debug trail, in the background.
func (t *Trail) Debug(ctx context.Context, key pagekey.Key, c Breadcrumb) {
	t.write(ctx, wandnats.DebugKey(key.Shop(), key.Shopper()), c)
}

// Error writes a breadcrumb to the error trail, in the background.
func (t *Trail) Error(ctx context.Context, key pagekey.Key, c Breadcrumb) {
	t.write(ctx, wandnats.ErrorKey(key.Shop(), key.Shopper()), c)
}

func (t *Trail) write(ctx context.Context, key string, c Breadcrumb) {
	if m := t.message(ctx, key, c); m != nil {
		t.send(m)
	}
}

// message is a breadcrumb as it is written; nil if it cannot be.
func (t *Trail) message(ctx context.Context, key string, c Breadcrumb) *nats.Msg {
	b, err := wire.Marshal(&wandstorev1.Breadcrumb{
		At:         timestamppb.New(t.now()),
		JobId:      c.JobID,
		Service:    t.service,
		Step:       c.Step,
		PoolMember: c.Member,
		Attempt:    uint32(c.Attempt),
		Detail:     truncate(c.Detail),
		TraceId:    telemetry.TraceID(ctx),
	})
	if err != nil {
		return nil
	}
	return &nats.Msg{Subject: wandnats.KeySubject(t.js, wandnats.BucketJobs, key), Header: nats.Header{}, Data: b}
}

// send writes a breadcrumb in the background, after those that were sent before it.
func (t *Trail) send(m *nats.Msg) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.batching && len(t.pending) < maxPending:
		t.pending = append(t.pending, m)
	case t.batching:
	case t.js.PublishAsyncPending() < batchFrom:
		// Breadcrumbs are best effort, so the result is not awaited.
		_, _ = t.js.PublishMsgAsync(m)
	default:
		t.batching, t.pending = true, append(t.pending, m)
		go t.batch()
	}
}

// batch writes what waits, until few wait. What comes meanwhile is the next batch.
func (t *Trail) batch() {
	for {
		msgs := t.next()
		if msgs == nil {
			return
		}
		writeTogether(t.js, msgs)
	}
}

// next returns the breadcrumbs of the next batch. It ends batching if they are few, and
// writes them.
func (t *Trail) next() []*nats.Msg {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.pending) < batchFrom {
		writeAlone(t.js, t.pending)
		t.batching, t.pending = false, nil
		return nil
	}
	n := min(len(t.pending), maxBatch)
	msgs := t.pending[:n:n]
	t.pending = t.pending[n:]
	return msgs
}

// ReadTrail returns the debug trail and the error trail of a key, oldest first: at most
// the bucket's history of 64 breadcrumbs each, none older than it keeps them. A key without
// a trail gives empty slices. The error is ctx's or the client's.
func ReadTrail(ctx context.Context, jobs jetstream.KeyValue, key pagekey.Key) (breadcrumbs, problems []*wandstorev1.Breadcrumb, err error) {
	if breadcrumbs, err = history(ctx, jobs, wandnats.DebugKey(key.Shop(), key.Shopper())); err != nil {
		return nil, nil, err
	}
	if problems, err = history(ctx, jobs, wandnats.ErrorKey(key.Shop(), key.Shopper())); err != nil {
		return nil, nil, err
	}
	return breadcrumbs, problems, nil
}

func history(ctx context.Context, kv jetstream.KeyValue, key string) ([]*wandstorev1.Breadcrumb, error) {
	entries, err := kv.History(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return []*wandstorev1.Breadcrumb{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read trail: %w", err)
	}
	breadcrumbs := make([]*wandstorev1.Breadcrumb, 0, len(entries))
	for _, e := range entries {
		if e.Operation() != jetstream.KeyValuePut {
			continue
		}
		c := &wandstorev1.Breadcrumb{}
		if err := wire.Unmarshal(e.Value(), c); err != nil {
			// Another program wrote this one. The rest of the trail is still useful.
			c = &wandstorev1.Breadcrumb{At: timestamppb.New(e.Created()), Step: "unreadable"}
		}
		breadcrumbs = append(breadcrumbs, c)
	}
	return breadcrumbs, nil
}

// truncate shortens s to maxDetail bytes at a rune's boundary, and makes it valid UTF-8.
func truncate(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= maxDetail {
		return s
	}
	end := maxDetail
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}
