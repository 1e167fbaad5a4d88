package jobqueue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// Forget removes what a key's jobs left in jobs, the bucket GENERATION_QUEUE: it cancels
// the live job (see Cancel), removes the record of a job that has ended, and removes the
// breadcrumbs. The record of the cancelled job stays, because its worker learns of the
// cancellation by it. now is as in Cancel. Errors: wandnats.ErrContended, ctx's, or the client's.
func Forget(ctx context.Context, jobs jetstream.KeyValue, key pagekey.Key, now time.Time) error {
	if err := Cancel(ctx, jobs, key, now); err != nil {
		return err
	}
	r := records{kv: jobs}
	found, err := r.get(ctx, key)
	switch {
	case errors.Is(err, ErrNoRecord):
		err = nil
	case err == nil && ended(found.JobRecord):
		err = jobs.Purge(ctx, jobKey(key), jetstream.LastRevision(found.revision))
		if wandnats.IsConflict(err) {
			// A newer job has begun since. It is not what was to be forgotten.
			err = nil
		}
	}
	if err != nil {
		return fmt.Errorf("remove job record: %w", err)
	}
	return RemoveTrail(ctx, jobs, key)
}

// ended reports whether a record's job neither waits nor runs, and was not cancelled.
func ended(rec *wandstorev1.JobRecord) bool {
	switch rec.GetState() {
	case wandstorev1.JobState_JOB_STATE_READY, wandstorev1.JobState_JOB_STATE_FAILED, wandstorev1.JobState_JOB_STATE_UNSPECIFIED:
		return true
	default:
		return false
	}
}

// ReadRecord returns the record of a key's newest job in jobs, the bucket
// GENERATION_QUEUE. Errors: ErrNoRecord, ctx's, or the client's.
func ReadRecord(ctx context.Context, jobs jetstream.KeyValue, key pagekey.Key) (*wandstorev1.JobRecord, error) {
	found, err := records{kv: jobs}.get(ctx, key)
	return found.JobRecord, err
}

// TrailIsOld reports whether the newest breadcrumb of one of the key's two trails is of
// that time or older. The error is ctx's or the client's.
func TrailIsOld(ctx context.Context, jobs jetstream.KeyValue, key pagekey.Key, than time.Time) (bool, error) {
	for _, name := range []string{wandnats.DebugKey(key.Shop(), key.Shopper()), wandnats.ErrorKey(key.Shop(), key.Shopper())} {
		entry, err := jobs.Get(ctx, name)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			continue
		}
		if err != nil {
			return false, fmt.Errorf("read breadcrumbs: %w", err)
		}
		// One that cannot be read has no time, and so counts as old.
		c := &wandstorev1.Breadcrumb{}
		if wire.Unmarshal(entry.Value(), c) != nil {
			c.Reset()
		}
		if !c.GetAt().AsTime().After(than) {
			return true, nil
		}
	}
	return false, nil
}

// RemoveTrail removes the breadcrumbs of a key from jobs, the bucket GENERATION_QUEUE. The
// error is ctx's or the client's.
func RemoveTrail(ctx context.Context, jobs jetstream.KeyValue, key pagekey.Key) error {
	if err := errors.Join(
		jobs.Purge(ctx, wandnats.DebugKey(key.Shop(), key.Shopper())),
		jobs.Purge(ctx, wandnats.ErrorKey(key.Shop(), key.Shopper())),
	); err != nil {
		return fmt.Errorf("remove breadcrumbs: %w", err)
	}
	return nil
}
