package jobqueue

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
	"go.opentelemetry.io/otel"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/types/known/timestamppb"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/telemetry"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

const scope = "github.com/wandstore/wandstore/pkg/jobqueue"

// Queue makes jobs and publishes them to the pool's members.
type Queue struct {
	js      jetstream.JetStream
	records records
	trail   *Trail
	pool    wandnats.Settings
	maxWait time.Duration
	metrics *metrics
	tracer  trace.Tracer
	outage  *outage
	room    room
	// accepted writes of the jobs that members have accepted.
	accepted accepted
	// seen is the newest revision of the bucket that this process knows of.
	seen atomic.Uint64
}

// NewQueue returns a Queue for a pool of those settings. jobs is the bucket
// GENERATION_QUEUE.
func NewQueue(js jetstream.JetStream, jobs jetstream.KeyValue, pool wandnats.Settings, trail *Trail) *Queue {
	return &Queue{
		js: js, records: records{jobs, trail.now}, trail: trail, pool: pool, maxWait: pool.MaxWait(),
		metrics: newMetrics(nil), tracer: otel.Tracer(scope), outage: newOutage(js.Conn()),
		room: room{js: js}, accepted: accepted{js: js, trail: trail},
	}
}

// Request is a request for a page.
type Request struct {
	// Key identifies the shop and the shopper.
	Key pagekey.Key
	// Origin is the reason of the request: "visit", "cohort" or "debug".
	Origin string
	// Preferences are the caller's wishes, unchecked.
	Preferences map[string]string
	// Force requests a new page even if a job has just made one.
	Force bool
	// Replaces is the id of the job whose page the new page replaces. That page is replaced
	// even if it has just been made. "" if there is no page.
	Replaces string
	// HasRoom, if set, passes over the members for which it is false, as if they refused.
	HasRoom func(member string) bool
}

// Ticket is the answer to a request.
type Ticket struct {
	// Record is the record of the live job, new or not.
	Record *wandstorev1.JobRecord
	// Triggered is true if the job is new, false if it was live already.
	Triggered bool
}

// Trigger makes a job for the request unless the key has a live one. It claims the key
// and publishes the job to the shopper's member of the shop's shard. If a member is full, it
// offers the job to the shard's next one, until all have refused. After that, and while
// nobody has room, nothing is written for a key that has no job.
//
// Errors: ErrPoolFull if all members refused, in which case the claim is withdrawn;
// wandnats.ErrContended if other requests for the key were always faster; wandnats.ErrLost if
// the bucket was made anew, so that nobody knows yet which keys have a live job: the Queue is
// of no use any more. Any other error means that NATS did not answer within ctx. If the claim
// was written, it lapses after 5 s.
func (q *Queue) Trigger(ctx context.Context, r Request) (Ticket, error) {
	shard := SelectShard(r.Key.Shop(), q.pool.Shards)
	all := q.pool.ShardMembers(shard)
	members := r.membersWithRoom(all)
	if err := q.refuse(ctx, r, shard, all, members); err != nil {
		return Ticket{}, err
	}
	mine, other, err := q.claim(ctx, r)
	if err != nil {
		return Ticket{}, err
	}
	if other != nil {
		return Ticket{Record: other}, nil
	}
	job := &wandstorev1.GenerationJob{
		JobId:       mine.GetJobId(),
		StoreSlug:   r.Key.Shop(),
		ShopperId:   r.Key.Shopper(),
		RequestedAt: mine.GetRequestedAt(),
		Preferences: r.Preferences,
		Origin:      r.Origin,
	}
	payload, err := wire.Marshal(job)
	if err != nil {
		return Ticket{}, err
	}
	member, seq, err := q.publish(ctx, members, job.GetJobId(), payload)
	if errors.Is(err, ErrPoolFull) {
		q.trail.Error(ctx, r.Key, Breadcrumb{Step: "refused", JobID: job.GetJobId(), Detail: err.Error()})
		// If this fails, the claim lapses.
		_ = q.records.drop(ctx, r.Key, mine)
		if len(members) == len(all) {
			q.room.refusedBy(shard)
		}
		return Ticket{}, err
	}
	if err != nil {
		return Ticket{}, err
	}
	rec := mine.in(wandstorev1.JobState_JOB_STATE_QUEUED, q.records.now(), q.maxWait)
	rec.PoolMember, rec.StreamSeq = member, seq
	q.accept(ctx, r.Key, mine, rec)
	return Ticket{Record: rec, Triggered: true}, nil
}

// accept has it written that a member has accepted the job, because the shopper waits for the
// caller. Where a worker is free, it has the job before, and the record's write is refused. If
// it is lost for another reason, the record stays "publishing". A visit after that deadline finds
// the page, or makes a second job that the worker drops because a page newer than its request
// exists.
func (q *Queue) accept(ctx context.Context, key pagekey.Key, mine held, rec *wandstorev1.JobRecord) {
	record, err := q.records.message(q.js, key, mine, rec)
	if err != nil {
		return
	}
	q.accepted.add(record, q.trail.message(ctx, wandnats.DebugKey(key.Shop(), key.Shopper()), Breadcrumb{Step: "published", JobID: rec.GetJobId(), Member: rec.GetPoolMember()}))
}

// Record returns the record of a key's newest job. Errors: ErrNoRecord if there is none,
// ctx's, or the client's.
func (q *Queue) Record(ctx context.Context, key pagekey.Key) (*wandstorev1.JobRecord, error) {
	h, err := q.records.get(ctx, key)
	return h.JobRecord, err
}

// Saw tells of a revision that the bucket has: whoever watches it knows those of all writers.
func (q *Queue) Saw(revision uint64) {
	for {
		seen := q.seen.Load()
		if revision <= seen || q.seen.CompareAndSwap(seen, revision) {
			return
		}
	}
}

// claim writes a record in the state publishing. If the key has a live job, claim returns
// the job's record as other instead.
func (q *Queue) claim(ctx context.Context, r Request) (mine held, other *wandstorev1.JobRecord, err error) {
	ctx, span := q.tracer.Start(ctx, "claim", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(telemetry.Peer.String(telemetry.PeerNATS), telemetry.Store.String(r.Key.Shop())))
	outcome := outcomeError
	defer func() {
		q.metrics.claimed(ctx, outcome)
		span.SetAttributes(telemetry.Outcome.String(outcome))
		telemetry.End(span, err)
	}()

	var rec *wandstorev1.JobRecord
	seen := q.seen.Load()
	revision, err := wandnats.UpdateNew(ctx, q.js, q.records.kv, jobKey(r.Key), func(current jetstream.KeyValueEntry) ([]byte, error) {
		now := q.records.now()
		rec, other = nil, nil
		if current != nil {
			found := recordOf(current)
			if q.holds(found, r, now) {
				other = found
				if !q.wantedLong(found, now) {
					return nil, errLive
				}
				// The shopper still wants the page, so the job is kept for as long again.
				other = held{JobRecord: found}.in(found.GetState(), now, q.maxWait)
				return wire.Marshal(other)
			}
		}
		rec = &wandstorev1.JobRecord{
			JobId:       nuid.Next(),
			StoreSlug:   r.Key.Shop(),
			ShopperId:   r.Key.Shopper(),
			State:       wandstorev1.JobState_JOB_STATE_PUBLISHING,
			RequestedAt: timestamppb.New(now),
			UpdatedAt:   timestamppb.New(now),
			Deadline:    timestamppb.New(now.Add(publishingFor)),
			Traceparent: telemetry.Traceparent(ctx),
		}
		return wire.Marshal(rec)
	})
	if errors.Is(err, errLive) || err == nil && other != nil {
		outcome = outcomePending
		return held{}, other, nil
	}
	if err != nil {
		q.outage.seen()
		return held{}, nil, fmt.Errorf("claim: %w", err)
	}
	mine = held{JobRecord: rec, revision: revision}
	if revision <= seen {
		// Revisions only rise, but in a bucket that began anew. Its workers have yet to write
		// what they make. If this fails, the claim lapses.
		_ = q.records.drop(ctx, r.Key, mine)
		return held{}, nil, fmt.Errorf("claim: %w: the job records", wandnats.ErrLost)
	}
	q.Saw(revision)
	outcome = outcomeClaimed
	span.SetAttributes(telemetry.JobID.String(rec.GetJobId()))
	return mine, nil, nil
}

// refuse returns ErrPoolFull if it is known without an offer that no member takes the request's
// job, and the key has no job already. all are the members of the shard, and members those that
// it may be offered to.
func (q *Queue) refuse(ctx context.Context, r Request, shard int, all, members []string) error {
	if len(members) > 0 && !q.room.refusedLately(shard) {
		return nil
	}
	found, err := q.records.get(ctx, r.Key)
	if err != nil && !errors.Is(err, ErrNoRecord) {
		q.outage.seen()
		return err
	}
	if err == nil && q.holds(found.JobRecord, r, q.records.now()) {
		return nil
	}
	if len(members) > 0 {
		if q.room.hasPlace(ctx, shard, all) {
			return nil
		}
		for _, m := range all {
			q.metrics.offered(ctx, m, ErrQueueFull)
		}
	}
	return fmt.Errorf("%w: %d members", ErrPoolFull, len(all))
}

// holds reports whether the record's job keeps its key from the request's.
func (q *Queue) holds(rec *wandstorev1.JobRecord, r Request, now time.Time) bool {
	return q.outage.owns(rec, now) && !r.replaces(rec)
}

// wantedLong reports whether a job that waits has not been asked for for a while. Its record
// tells of a visit at most four times in maxWait.
func (q *Queue) wantedLong(rec *wandstorev1.JobRecord, now time.Time) bool {
	return rec.GetState() == wandstorev1.JobState_JOB_STATE_QUEUED && now.Sub(rec.GetUpdatedAt().AsTime()) > q.maxWait/4
}

// errLive: the key has a live job.
var errLive = errors.New("a job is live")

// replaces reports whether the request replaces the page of that record, although the page
// has just been made.
func (r Request) replaces(rec *wandstorev1.JobRecord) bool {
	return rec.GetState() == wandstorev1.JobState_JOB_STATE_READY &&
		(r.Force || r.Replaces != "" && r.Replaces == rec.GetJobId())
}

// membersWithRoom are those of a shard's members that the request may be offered to, the
// shopper's own first.
func (r Request) membersWithRoom(shard []string) []string {
	members := make([]string, 0, len(shard))
	first := SelectMember(r.Key.Shopper(), len(shard))
	for i := range shard {
		member := shard[(first+i)%len(shard)]
		if r.HasRoom == nil || r.HasRoom(member) {
			members = append(members, member)
		}
	}
	return members
}

// publish offers a payload to the members, one after the other while they refuse it. It tries
// another member after a refusal only: after a timeout the first one may have the job.
func (q *Queue) publish(ctx context.Context, members []string, id string, payload []byte) (member string, seq uint64, err error) {
	for _, member := range members {
		seq, err = q.offer(ctx, member, id, payload)
		q.metrics.offered(ctx, member, err)
		if !errors.Is(err, ErrQueueFull) {
			return member, seq, err
		}
	}
	return "", 0, fmt.Errorf("%w: %d members", ErrPoolFull, len(members))
}

// offer publishes to one member. It returns ErrQueueFull if the member refuses.
func (q *Queue) offer(ctx context.Context, member, id string, payload []byte) (seq uint64, err error) {
	subject := wandnats.GenerateSubject(member)
	ctx, span := q.tracer.Start(ctx, "send "+subject,
		trace.WithSpanKind(trace.SpanKindProducer),
		trace.WithAttributes(
			semconv.MessagingSystemKey.String("nats"),
			semconv.MessagingOperationTypeSend,
			semconv.MessagingOperationName("send"),
			semconv.MessagingDestinationName(subject),
			semconv.MessagingMessageID(id),
			telemetry.Member.String(member),
		))
	defer func() { telemetry.End(span, err) }()

	msg := &nats.Msg{Subject: subject, Header: nats.Header{}, Data: payload}
	telemetry.Inject(ctx, msg.Header)
	ack, err := q.js.PublishMsg(ctx, msg, jetstream.WithMsgID(id), jetstream.WithExpectStream(wandnats.StreamGeneration))
	if full(err) {
		return 0, fmt.Errorf("%w: %s", ErrQueueFull, member)
	}
	if err != nil {
		return 0, fmt.Errorf("publish to %s: %w", member, err)
	}
	return ack.Sequence, nil
}
