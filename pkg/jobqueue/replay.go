package jobqueue

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/telemetry"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// Replayed describes a dead letter that is back in the queue.
type Replayed struct {
	// JobID is the job's id, the same as before.
	JobID string
	// Member is the pool member whose queue has it now.
	Member string
}

// Replay puts the job of the dead letter with that sequence in GENERATION_DEAD back into
// the queue and removes the letter. The job keeps its id and its time of request.
// Errors: ErrNoLetter; ErrTerminal if the payload is not a job; ErrPoolFull; ctx's; or
// the client's.
func (q *Queue) Replay(ctx context.Context, seq uint64) (Replayed, error) {
	if seq == 0 {
		// No message has sequence 0. The server reads it as "no sequence given".
		return Replayed{}, fmt.Errorf("%w: 0", ErrNoLetter)
	}
	dead, err := q.js.Stream(ctx, wandnats.StreamDead)
	if err != nil {
		return Replayed{}, fmt.Errorf("stream: %w", err)
	}
	m, err := dead.GetMsg(ctx, seq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return Replayed{}, fmt.Errorf("%w: %d", ErrNoLetter, seq)
	}
	if err != nil {
		return Replayed{}, fmt.Errorf("read dead letter: %w", err)
	}
	ctx = telemetry.Extract(ctx, m.Header)
	letter := &wandstorev1.DeadLetter{}
	if err := wire.Unmarshal(m.Data, letter); err != nil {
		return Replayed{}, fmt.Errorf("%w: %w", ErrTerminal, err)
	}
	job, err := parse([]byte(letter.GetPayload()))
	if err != nil {
		return Replayed{}, fmt.Errorf("%w: %w", ErrTerminal, err)
	}
	// The id of the first publish may still be in the duplicate window. The letter's
	// sequence makes a new id, which is the same if the letter is replayed twice.
	id := job.GetJobId() + "-replay-" + strconv.FormatUint(seq, 10)
	members := Request{Key: job.Key}.membersWithRoom(q.pool.ShardMembers(SelectShard(job.Key.Shop(), q.pool.Shards)))
	member, queuedAt, err := q.publish(ctx, members, id, []byte(letter.GetPayload()))
	if err != nil {
		return Replayed{}, err
	}
	q.requeued(ctx, job, member, queuedAt)
	q.trail.Debug(ctx, job.Key, Breadcrumb{Step: "replayed", JobID: job.GetJobId(), Member: member})
	if err := remove(ctx, dead, seq); err != nil {
		return Replayed{}, err
	}
	return Replayed{JobID: job.GetJobId(), Member: member}, nil
}

// requeued sets the record's state to queued, unless the record belongs to another job
// or a worker has the job already.
func (q *Queue) requeued(ctx context.Context, job *Job, member string, seq uint64) {
	found, err := q.records.get(ctx, job.Key)
	if err != nil && !errors.Is(err, ErrNoRecord) {
		return
	}
	if err == nil && (found.GetJobId() != job.GetJobId() || found.GetState() != wandstorev1.JobState_JOB_STATE_FAILED) {
		return
	}
	if found.JobRecord == nil {
		found.JobRecord = &wandstorev1.JobRecord{
			JobId: job.GetJobId(), StoreSlug: job.Key.Shop(), ShopperId: job.Key.Shopper(), RequestedAt: job.GetRequestedAt(),
		}
	}
	rec := found.in(wandstorev1.JobState_JOB_STATE_QUEUED, q.records.now(), q.maxWait)
	rec.PoolMember, rec.StreamSeq, rec.Reason = member, seq, ""
	_, _ = q.records.put(ctx, job.Key, found, rec)
}
