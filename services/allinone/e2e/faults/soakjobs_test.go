//go:build soak

package faults_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// jobs is what GENERATION_QUEUE tells of all jobs.
type jobs struct {
	// of is the records of each job, oldest first, by its id.
	of map[string][]*wandstorev1.JobRecord
	// newest is each shopper's newest record.
	newest map[string]*wandstorev1.JobRecord
}

func readJobs(t *testing.T, js jetstream.JetStream) jobs {
	t.Helper()
	kv, err := js.KeyValue(t.Context(), wandnats.BucketJobs)
	if err != nil {
		t.Fatal(err)
	}
	watch, err := kv.Watch(t.Context(), wandnats.AllJobs, jetstream.IgnoreDeletes(), jetstream.IncludeHistory())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = watch.Stop() }()
	j := jobs{map[string][]*wandstorev1.JobRecord{}, map[string]*wandstorev1.JobRecord{}}
	for entry := range watch.Updates() {
		if entry == nil {
			break
		}
		rec := &wandstorev1.JobRecord{}
		if err := wire.Unmarshal(entry.Value(), rec); err != nil {
			t.Errorf("%s: %v", entry.Key(), err)
		}
		j.of[rec.GetJobId()] = append(j.of[rec.GetJobId()], rec)
		j.newest[rec.GetShopperId()] = rec
	}
	return j
}

// end waits until no job is queued or running any more.
func end(t *testing.T, js jetstream.JetStream) jobs {
	t.Helper()
	var j jobs
	var left []*wandstorev1.JobRecord
	none := func() bool {
		j, left = readJobs(t, js), nil
		for _, rec := range j.newest {
			if live(rec) {
				left = append(left, rec)
			}
		}
		return len(left) == 0
	}
	for until := time.Now().Add(5 * time.Minute); !none(); {
		if time.Now().After(until) {
			t.Fatalf("%d jobs have not ended, such as %v", len(left), left[0])
		}
		<-time.After(time.Second)
	}
	return j
}

func live(rec *wandstorev1.JobRecord) bool {
	switch rec.GetState() {
	case wandstorev1.JobState_JOB_STATE_PUBLISHING, wandstorev1.JobState_JOB_STATE_QUEUED, wandstorev1.JobState_JOB_STATE_RUNNING:
		return true
	default:
		return false
	}
}

// check reports what became of jobs that should not have: lost, done twice, failed, or made
// by the template.
func (j jobs) check(t *testing.T) {
	t.Helper()
	refused, replaced := 0, 0
	for _, id := range slices.Sorted(maps.Keys(j.of)) {
		records := j.of[id]
		end := records[len(records)-1]
		ready := 0
		for _, rec := range records {
			if rec.GetState() == wandstorev1.JobState_JOB_STATE_READY {
				ready++
			}
		}
		switch end.GetState() {
		case wandstorev1.JobState_JOB_STATE_PUBLISHING:
			refused++ // it was claimed, and NATS did not take it
		case wandstorev1.JobState_JOB_STATE_READY:
			if ready > 1 {
				t.Errorf("job %s of %s was completed %d times", id, end.GetShopperId(), ready)
			}
			if end.GetSource() != "llm" {
				t.Errorf("job %s of %s was made by %s: %s", id, end.GetShopperId(), end.GetSource(), end.GetReason())
			}
		case wandstorev1.JobState_JOB_STATE_RUNNING:
			// A worker was cut off while it took the job, and knows nothing of it; a visit asked anew.
			if newest := j.newest[end.GetShopperId()]; newest.GetJobId() == id || newest.GetState() != wandstorev1.JobState_JOB_STATE_READY {
				t.Errorf("job %s of %s is left by its worker", id, end.GetShopperId())
			}
			replaced++
		default:
			t.Errorf("job %s of %s ends as %s: %s", id, end.GetShopperId(), end.GetState(), end.GetReason())
		}
	}
	t.Logf("%d jobs, of which %d were not taken by NATS, and %d replaced by others", len(j.of), refused, replaced)
}
