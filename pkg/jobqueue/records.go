package jobqueue

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// How long a record belongs to its writer in each state, counted from its last write. One
// that is queued belongs to its job for MaxWait.
const (
	publishingFor = 5 * time.Second
	readyFor      = 10 * time.Second
	failedFor     = time.Minute
)

// records reads job records and writes them by compare-and-swap.
type records struct {
	kv jetstream.KeyValue
	// now is the clock that deadlines are written and judged by.
	now func() time.Time
}

// held is a record with the revision it was read or written at.
type held struct {
	*wandstorev1.JobRecord
	revision uint64
	// created is when it was written, by the server's clock; zero if this process wrote it.
	created time.Time
}

// get reads the record of a key. It returns ErrNoRecord if there is none.
func (r records) get(ctx context.Context, key pagekey.Key) (held, error) {
	entry, err := r.kv.Get(ctx, jobKey(key))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return held{}, ErrNoRecord
	}
	if err != nil {
		return held{}, fmt.Errorf("read job record: %w", err)
	}
	return held{recordOf(entry), entry.Revision(), entry.Created()}, nil
}

// recordOf decodes an entry. One that cannot be read becomes an empty record, whose
// deadline is past: it can be taken over and does not block its shopper.
func recordOf(entry jetstream.KeyValueEntry) *wandstorev1.JobRecord {
	rec := &wandstorev1.JobRecord{}
	if err := wire.Unmarshal(entry.Value(), rec); err != nil {
		return &wandstorev1.JobRecord{}
	}
	return rec
}

// put replaces the record over by rec. The zero held means that there was no record. A
// conflict (wandnats.IsConflict) means that another writer was faster.
func (r records) put(ctx context.Context, key pagekey.Key, over held, rec *wandstorev1.JobRecord) (held, error) {
	b, err := wire.Marshal(rec)
	if err != nil {
		return held{}, err
	}
	revision, err := wandnats.Put(ctx, r.kv, jobKey(key), b, over.revision)
	if err != nil {
		return held{}, fmt.Errorf("write job record: %w", err)
	}
	return held{JobRecord: rec, revision: revision}, nil
}

// message is a put as a message, for a write whose result nobody waits for.
func (r records) message(js jetstream.JetStream, key pagekey.Key, over held, rec *wandstorev1.JobRecord) (*nats.Msg, error) {
	b, err := wire.Marshal(rec)
	if err != nil {
		return nil, err
	}
	m := &nats.Msg{Subject: wandnats.KeySubject(js, wandnats.BucketJobs, jobKey(key)), Header: nats.Header{}, Data: b}
	m.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(over.revision, 10))
	return m, nil
}

// drop removes a record unless it has changed since.
func (r records) drop(ctx context.Context, key pagekey.Key, h held) error {
	if err := r.kv.Delete(ctx, jobKey(key), jetstream.LastRevision(h.revision)); err != nil {
		return fmt.Errorf("drop job record: %w", err)
	}
	return nil
}

// errNotLive: the record's job neither waits nor runs.
var errNotLive = errors.New("no live job")

// Cancel ends the live job of a key, if there is one, without a page. A job that waits
// never begins. A running worker learns of it at its next heartbeat or at [Job.Confirm].
// jobs is the bucket GENERATION_QUEUE, now the time by the clock of records; see WithClock.
// Errors: wandnats.ErrContended, ctx's, or the client's.
//
// Workers learn of it by the record, which the bucket keeps for longer than a job may wait.
func Cancel(ctx context.Context, jobs jetstream.KeyValue, key pagekey.Key, now time.Time) error {
	_, err := wandnats.Update(ctx, jobs, jobKey(key), func(current jetstream.KeyValueEntry) ([]byte, error) {
		if current == nil {
			return nil, errNotLive
		}
		found := held{JobRecord: recordOf(current), revision: current.Revision()}
		switch found.GetState() {
		case wandstorev1.JobState_JOB_STATE_PUBLISHING, wandstorev1.JobState_JOB_STATE_QUEUED, wandstorev1.JobState_JOB_STATE_RUNNING:
			return wire.Marshal(found.in(wandstorev1.JobState_JOB_STATE_CANCELLED, now, 0))
		default:
			return nil, errNotLive
		}
	})
	if err != nil && !errors.Is(err, errNotLive) {
		return fmt.Errorf("cancel job: %w", err)
	}
	return nil
}

// cancels reports whether the record says that this job was cancelled.
func (h held) cancels(job *Job) bool {
	return h.GetState() == wandstorev1.JobState_JOB_STATE_CANCELLED && h.GetJobId() == job.GetJobId()
}

// waits reports whether the record is of a job that no worker has.
func (h held) waits() bool {
	return h.GetState() == wandstorev1.JobState_JOB_STATE_PUBLISHING || h.GetState() == wandstorev1.JobState_JOB_STATE_QUEUED
}

// in returns a copy of the record in another state, with a deadline of now plus owned.
func (h held) in(state wandstorev1.JobState, now time.Time, owned time.Duration) *wandstorev1.JobRecord {
	rec := proto.CloneOf(h.JobRecord)
	rec.State, rec.AccountWait = state, nil
	rec.UpdatedAt = timestamppb.New(now)
	rec.Deadline = timestamppb.New(now.Add(owned))
	return rec
}

// replaces reports whether the record belongs to a newer request, so that job need not be
// done. A job that no member has accepted, that failed or that was cancelled makes no
// page, so it replaces no other job.
func (h held) replaces(job *Job) bool {
	switch h.GetState() {
	case wandstorev1.JobState_JOB_STATE_PUBLISHING, wandstorev1.JobState_JOB_STATE_FAILED, wandstorev1.JobState_JOB_STATE_CANCELLED:
		return false
	default:
		return h.GetJobId() != job.GetJobId() && h.GetRequestedAt().AsTime().After(job.GetRequestedAt().AsTime())
	}
}

// owned reports whether the record's deadline is in the future.
func owned(rec *wandstorev1.JobRecord, now time.Time) bool {
	return rec.GetDeadline().AsTime().After(now)
}

func jobKey(k pagekey.Key) string { return wandnats.JobKey(k.Shop(), k.Shopper()) }
