package jobboard_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/wandstore/wandstore/pkg/pagekey"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
	"github.com/wandstore/wandstore/services/edge/internal/jobboard"
)

func key(t *testing.T, shopper string) pagekey.Key {
	t.Helper()
	return keyOf(t, "magic-wands", shopper)
}

func keyOf(t *testing.T, shop, shopper string) pagekey.Key {
	t.Helper()
	k, err := pagekey.New(shop, shopper)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func record(state wandstorev1.JobState, member string, seq uint64, at time.Time) *wandstorev1.JobRecord {
	return &wandstorev1.JobRecord{
		JobId: fmt.Sprintf("job-%s-%d", member, seq), State: state, PoolMember: member, StreamSeq: seq,
		UpdatedAt: timestamppb.New(at), Deadline: timestamppb.New(time.Now().Add(time.Hour)),
	}
}

const (
	queued  = wandstorev1.JobState_JOB_STATE_QUEUED
	running = wandstorev1.JobState_JOB_STATE_RUNNING
	ready   = wandstorev1.JobState_JOB_STATE_READY
)

func TestPlaceCountsOnlyTheMembersEarlierJobs(t *testing.T) {
	b := jobboard.New(1, time.Now)
	now := time.Now()
	b.Set(key(t, "runs"), record(running, "pool-1", 1, now))
	b.Set(key(t, "before"), record(queued, "pool-1", 4, now))
	b.Set(key(t, "mine"), record(queued, "pool-1", 7, now))
	b.Set(key(t, "behind"), record(queued, "pool-1", 9, now))
	b.Set(key(t, "elsewhere"), record(queued, "pool-2", 2, now))

	place, live := b.Find(key(t, "mine"))
	if !live || place.Ahead != 2 {
		t.Fatalf("ahead %d, live %v, want 2 ahead", place.Ahead, live)
	}
	if place.ETA != 3*100*time.Second {
		t.Errorf("ETA %s, want three typical jobs", place.ETA)
	}
	b.Set(key(t, "runs"), record(ready, "pool-1", 1, now.Add(50*time.Second)))
	place, _ = b.Find(key(t, "mine"))
	if place.Ahead != 1 || place.ETA != 2*95*time.Second {
		t.Errorf("after one job of 50 s: %d ahead, ETA %s; want 1 and two of 95 s", place.Ahead, place.ETA)
	}
	b.Drop(key(t, "before"))
	if place, _ = b.Find(key(t, "mine")); place.Ahead != 0 {
		t.Errorf("after the other was dropped: %d ahead", place.Ahead)
	}
}

func TestLapsedJobIsNotLive(t *testing.T) {
	b := jobboard.New(1, time.Now)
	rec := record(queued, "pool-1", 1, time.Now())
	rec.Deadline = timestamppb.New(time.Now().Add(-time.Second))
	b.Set(key(t, "late"), rec)
	if _, live := b.Find(key(t, "late")); live {
		t.Error("a job past its deadline is shown as live")
	}
}

// A claim whose claimer has crashed is heard of no more.
func TestLapsedJobsAreNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := jobboard.New(1, time.Now)
		b.Set(key(t, "claimed"), record(wandstorev1.JobState_JOB_STATE_PUBLISHING, "pool-1", 0, time.Now()))
		<-time.After(time.Hour + time.Minute)
		b.Set(key(t, "next"), record(queued, "pool-1", 4, time.Now()))
		if n := b.Depth("pool-1"); n != 1 {
			t.Errorf("the member has %d jobs, want one", n)
		}
	})
}

func TestListenersWakeForTheirKeyAndTheirMember(t *testing.T) {
	b := jobboard.New(1, time.Now)
	now := time.Now()
	b.Set(key(t, "mine"), record(queued, "pool-1", 5, now))
	mine, other := b.Listen(key(t, "mine")), b.Listen(key(t, "other"))
	woken := func(l *jobboard.Listener) bool {
		select {
		case <-l.Changed:
			return true
		default:
			return false
		}
	}
	b.Set(key(t, "ahead"), record(running, "pool-1", 1, now))
	if !woken(mine) || woken(other) {
		t.Error("a change of a job ahead wakes the listeners behind it only")
	}
	b.Set(key(t, "far"), record(running, "pool-2", 1, now))
	if woken(mine) || woken(other) {
		t.Error("a change at another member wakes a listener of this one")
	}
	b.Wake(key(t, "other"))
	b.Wake(key(t, "other"))
	if !woken(other) || woken(other) || woken(mine) {
		t.Error("several changes come as one, to their listener")
	}
	b.Leave(other)
	b.Wake(key(t, "other"))
	if woken(other) {
		t.Error("who has left is woken")
	}
}

func TestResetForgets(t *testing.T) {
	b := jobboard.New(1, time.Now)
	b.Set(key(t, "mine"), record(queued, "pool-1", 5, time.Now()))
	b.Reset()
	if _, live := b.Find(key(t, "mine")); live {
		t.Error("still there")
	}
}

// Jobs that wait for the model's account are served in the order of their requests, whatever
// their member, at the rate that the account allows.
func TestEstimateCountsTheAccount(t *testing.T) {
	now := time.Now()
	b := jobboard.New(1, func() time.Time { return now })
	b.Set(key(t, "runs"), record(running, "pool-0", 1, now))
	for n, shopper := range []string{"first", "second", "third"} {
		rec := record(running, fmt.Sprintf("pool-%d", n+1), uint64(n+2), now)
		rec.AccountWait = &wandstorev1.AccountWait{CallsAMinute: 3}
		b.Set(key(t, shopper), rec)
	}
	b.Set(key(t, "queued"), record(queued, "pool-1", 9, now))
	for shopper, want := range map[string]struct {
		ahead int
		eta   time.Duration
	}{"first": {0, 120 * time.Second}, "third": {2, 160 * time.Second}, "queued": {1, 200 * time.Second}} {
		if place, live := b.Find(key(t, shopper)); !live || place.Ahead != want.ahead || place.ETA.Round(time.Second) != want.eta {
			t.Errorf("%s: %d ahead, ETA %s; want %d, %s", shopper, place.Ahead, place.ETA, want.ahead, want.eta)
		}
	}
	b.Set(key(t, "first"), record(running, "pool-1", 2, now))
	if place, _ := b.Find(key(t, "first")); place.ETA.Round(time.Second) != 100*time.Second {
		t.Errorf("ETA %s once it runs, want one typical job", place.ETA)
	}
}

// Where shops take turns at the account, a quiet shop's job comes soon, whatever a busy one
// has asked for before; the busy shop's own are delayed by as many as the quiet ones have.
func TestEstimateCountsTurns(t *testing.T) {
	now := time.Now()
	const flood, perMinute = 500, 10.0
	b := jobboard.New(flood, func() time.Time { return now })
	waiting := func(seq uint64) *wandstorev1.JobRecord {
		rec := record(running, fmt.Sprintf("pool-%d", seq%10), seq, now)
		rec.AccountWait = &wandstorev1.AccountWait{CallsAMinute: perMinute}
		return rec
	}
	for n := range flood {
		b.Set(keyOf(t, "busy", fmt.Sprintf("shopper-%d", n)), waiting(uint64(n+1)))
	}
	for n := range 2 {
		b.Set(keyOf(t, "quiet", fmt.Sprintf("shopper-%d", n)), waiting(uint64(flood+n+1)))
	}
	b.Set(keyOf(t, "lone", "shopper"), record(queued, "pool-1", flood+3, now))
	eta := func(calls int) time.Duration {
		return 100*time.Second + time.Duration(float64(calls)/perMinute*float64(time.Minute))
	}
	for _, tt := range []struct {
		shop, shopper string
		ahead         int
		eta           time.Duration
	}{
		{"busy", "shopper-0", 2, eta(3)},
		{"busy", "shopper-499", 499 + 2 + 1, eta(503)},
		{"quiet", "shopper-0", 2, eta(3)},
		{"quiet", "shopper-1", 1 + 2 + 1, eta(5)},
		// A worker takes it at once, as each member runs as many.
		{"lone", "shopper", 51, eta(3)},
	} {
		place, live := b.Find(keyOf(t, tt.shop, tt.shopper))
		if !live || place.Ahead != tt.ahead || place.ETA.Round(time.Second) != tt.eta {
			t.Errorf("%s's %s: %d ahead, ETA %s; want %d, %s", tt.shop, tt.shopper, place.Ahead, place.ETA, tt.ahead, tt.eta)
		}
	}
	for n := range flood {
		b.Set(keyOf(t, "busy", fmt.Sprintf("shopper-%d", n)), record(running, "pool-0", uint64(n+1), now))
	}
	if place, _ := b.Find(keyOf(t, "quiet", "shopper-1")); place.Ahead != 2 {
		t.Errorf("%d ahead once the busy shop's run, want its own and the lone shop's", place.Ahead)
	}
}

func TestQueueOfAMember(t *testing.T) {
	b := jobboard.New(1, time.Now)
	now := time.Now()
	for shopper, rec := range map[string]*wandstorev1.JobRecord{
		"runs": record(running, "pool-1", 1, now), "waits": record(queued, "pool-1", 2, now), "elsewhere": record(running, "pool-2", 3, now),
	} {
		rec.RequestedAt = timestamppb.New(now.Add(time.Duration(rec.GetStreamSeq()) * time.Minute))
		b.Set(key(t, shopper), rec)
	}
	if n, oldest := b.Queue("pool-1"); n != 1 || !oldest.Equal(now.Add(time.Minute)) {
		t.Errorf("%d run, the oldest is of %s", n, oldest)
	}
	if n, oldest := b.Queue("pool-3"); n != 0 || !oldest.IsZero() {
		t.Errorf("of nobody: %d run, the oldest is of %s", n, oldest)
	}
}
