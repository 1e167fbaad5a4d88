package jobboard_test

import (
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/wandstore/wandstore/pkg/pagekey"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
	"github.com/wandstore/wandstore/services/edge/internal/jobboard"
)

// BenchmarkBoard is a full pool of 1,000 jobs and 10,000 listeners, a tenth of whom wait for
// one of the jobs: a change of a job, and the place of one.
func BenchmarkBoard(b *testing.B) {
	board := jobboard.New(1, time.Now)
	keys := make([]pagekey.Key, 10_000)
	for i := range keys {
		key, err := pagekey.New("magic-wands", fmt.Sprint("shopper-", i))
		if err != nil {
			b.Fatal(err)
		}
		keys[i] = key
		board.Listen(key)
	}
	now := timestamppb.Now()
	deadline := timestamppb.New(now.AsTime().Add(time.Hour))
	job := func(i int, state wandstorev1.JobState) *wandstorev1.JobRecord {
		return &wandstorev1.JobRecord{
			JobId: fmt.Sprint("job-", i), State: state, PoolMember: fmt.Sprint("pool-", i%10), StreamSeq: uint64(i + 1),
			UpdatedAt: now, Deadline: deadline,
		}
	}
	const jobs = 1000
	for i := range jobs {
		board.Set(keys[i], job(i, queued))
	}
	b.Run("set", func(b *testing.B) {
		rec := job(7, queued)
		for b.Loop() {
			board.Set(keys[7], rec)
		}
	})
	b.Run("find", func(b *testing.B) {
		for b.Loop() {
			if place, live := board.Find(keys[jobs-1]); !live || place.Ahead != 99 {
				b.Fatal(place)
			}
		}
	})
}
