package jobqueue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// ReleaseLost removes from jobs, the bucket GENERATION_QUEUE, the records of jobs that were
// published before the stream GENERATION was created: it is not the stream that has them. One
// that was restored from a backup has jobs that are older than itself.
// Without it, their shoppers would be told for as long as the queue lasts that their page
// is on its way. A job that a worker has goes on. It returns how many records it removed.
// The error is ctx's or the client's.
func ReleaseLost(ctx context.Context, js jetstream.JetStream, jobs jetstream.KeyValue) (released int, err error) {
	stream, err := js.Stream(ctx, wandnats.StreamGeneration)
	if err != nil {
		return 0, fmt.Errorf("stream: %w", err)
	}
	since := holdsSince(stream.CachedInfo())
	var lost []jetstream.KeyValueEntry
	err = wandnats.Watch{
		Bucket: jobs, Keys: wandnats.AllJobs, Options: []jetstream.WatchOpt{jetstream.IgnoreDeletes()},
		Entry: func(entry jetstream.KeyValueEntry) {
			// Both times are the server's. A record follows its job.
			if entry.Created().Before(since) && recordOf(entry).GetState() == wandstorev1.JobState_JOB_STATE_QUEUED {
				lost = append(lost, entry)
			}
		},
	}.Read(ctx)
	if err != nil {
		return 0, fmt.Errorf("look for lost jobs: %w", err)
	}
	for _, entry := range lost {
		err := jobs.Delete(ctx, entry.Key(), jetstream.LastRevision(entry.Revision()))
		if wandnats.IsConflict(err) {
			continue // another edge was faster, or a worker has the job
		}
		if err != nil {
			return released, errors.Join(errors.New("release lost jobs"), err)
		}
		released++
	}
	return released, nil
}

// holdsSince is the time before which no job of the stream was published: when it was created
// or, if it was restored, the time of its first message.
func holdsSince(info *jetstream.StreamInfo) time.Time {
	if info.State.Msgs > 0 && info.State.FirstTime.Before(info.Created) {
		return info.State.FirstTime
	}
	return info.Created
}
