package jobqueue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// How long a record belongs to whoever wrote it.
const (
	publishingFor = 5 * time.Second
	queuedFor     = time.Hour
	readyFor      = 10 * time.Second
	failedFor     = time.Minute
)

// records reads and writes job records by compare-and-set.
type records struct {
	kv jetstream.KeyValue
}

// held is a record with the revision it was read or written at.
type held struct {
	*wandstorev1.JobRecord
	revision uint64
}

// get reads the record of a key; ErrNoRecord without one. A record that cannot
// be read is given as an empty one past its deadline, so that it can be taken
// over rather than block its shopper.
func (r records) get(ctx context.Context, key pagekey.Key) (held, error) {
	e, err := r.kv.Get(ctx, jobKey(key))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return held{}, ErrNoRecord
	}
	if err != nil {
		return held{}, fmt.Errorf("read job record: %w", err)
	}
	rec := &wandstorev1.JobRecord{}
	if err := wire.Unmarshal(e.Value(), rec); err != nil {
		rec = &wandstorev1.JobRecord{}
	}
	return held{rec, e.Revision()}, nil
}

// put writes rec over what was held, or anew over the zero held. It fails with a
// conflict when somebody else was faster.
func (r records) put(ctx context.Context, key pagekey.Key, over held, rec *wandstorev1.JobRecord) (held, error) {
	b, err := wire.Marshal(rec)
	if err != nil {
		return held{}, err
	}
	var revision uint64
	if over.revision == 0 {
		revision, err = r.kv.Create(ctx, jobKey(key), b)
	} else {
		revision, err = r.kv.Update(ctx, jobKey(key), b, over.revision)
	}
	if err != nil {
		return held{}, fmt.Errorf("write job record: %w", err)
	}
	return held{rec, revision}, nil
}

// note is put without waiting for what becomes of it: the shopper waits for the
// caller. A worker may have the job already, then the record is its own and this
// write loses. If it is lost otherwise the record stays "publishing": a visitor
// after that deadline asks again, and finds the page or makes a job that is
// dropped as out of date.
func (r records) note(js jetstream.JetStream, key pagekey.Key, over held, rec *wandstorev1.JobRecord) {
	b, err := wire.Marshal(rec)
	if err != nil {
		return
	}
	_, _ = js.PublishAsync(subjectOf(jobKey(key)), b, jetstream.WithExpectLastSequencePerSubject(over.revision))
}

// drop removes a record unless it has changed since.
func (r records) drop(ctx context.Context, key pagekey.Key, h held) error {
	if err := r.kv.Delete(ctx, jobKey(key), jetstream.LastRevision(h.revision)); err != nil {
		return fmt.Errorf("drop job record: %w", err)
	}
	return nil
}

// Cancel ends the live job of a key, if there is one, without a page: who has not
// begun it does not, who has is told at the next heartbeat or at [Job.Confirm]. jobs is
// the bucket GENERATION_QUEUE.
//
// The record says so until the bucket forgets it, in an hour: that is how a worker
// learns of it.
func Cancel(ctx context.Context, jobs jetstream.KeyValue, key pagekey.Key) error {
	r := records{jobs}
	for {
		found, err := r.get(ctx, key)
		if errors.Is(err, ErrNoRecord) {
			return nil
		}
		if err != nil {
			return err
		}
		switch found.GetState() {
		case wandstorev1.JobState_JOB_STATE_PUBLISHING, wandstorev1.JobState_JOB_STATE_QUEUED, wandstorev1.JobState_JOB_STATE_RUNNING:
		default:
			return nil
		}
		_, err = r.put(ctx, key, found, found.in(wandstorev1.JobState_JOB_STATE_CANCELLED, time.Now(), 0))
		if !conflict(err) {
			return err
		}
	}
}

// cancels tells whether the record says that nobody wants that job any more.
func (h held) cancels(job *Job) bool {
	return h.GetState() == wandstorev1.JobState_JOB_STATE_CANCELLED && h.GetJobId() == job.GetJobId()
}

// in gives a copy of the record in another state, with that state's deadline.
func (h held) in(state wandstorev1.JobState, now time.Time, owned time.Duration) *wandstorev1.JobRecord {
	rec := proto.CloneOf(h.JobRecord)
	rec.State = state
	rec.UpdatedAt = timestamppb.New(now)
	rec.Deadline = timestamppb.New(now.Add(owned))
	return rec
}

// replaces tells whether the record is of a newer request, so that job need not be
// done. A claim that no member has accepted may come to nothing, and a failed job
// has: neither replaces anything.
func (h held) replaces(job *Job) bool {
	switch h.GetState() {
	case wandstorev1.JobState_JOB_STATE_PUBLISHING, wandstorev1.JobState_JOB_STATE_FAILED, wandstorev1.JobState_JOB_STATE_CANCELLED:
		return false
	default:
		return h.GetJobId() != job.GetJobId() && h.GetRequestedAt().AsTime().After(job.GetRequestedAt().AsTime())
	}
}

// owned tells whether the record's deadline is still ahead.
func owned(rec *wandstorev1.JobRecord, now time.Time) bool {
	return rec.GetDeadline().AsTime().After(now)
}

// subjectOf is the subject of a key of GENERATION_QUEUE: publishing to it is how a
// put is done (ADR-8 of nats-architecture-and-design), and can be done without
// waiting.
func subjectOf(key string) string { return "$KV." + wandnats.BucketJobs + "." + key }

func jobKey(k pagekey.Key) string { return wandnats.JobKey(k.Store(), k.Shopper()) }
