package jobqueue

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// By the server's clock, whatever this machine's says.
func TestUnwanted(t *testing.T) {
	t.Parallel()
	c := &Consumer{cfg: ConsumerConfig{MaxWait: 4 * time.Hour}}
	at := time.Date(1999, 1, 1, 12, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		waited, asked time.Duration
		record        string
		want          bool
	}{
		"a new job":                        {waited: time.Minute, asked: time.Minute, record: "job"},
		"a new job whose record was lost":  {waited: time.Minute},
		"nobody came back":                 {waited: 5 * time.Hour, asked: 5 * time.Hour, record: "job", want: true},
		"its shopper was here an hour ago": {waited: 5 * time.Hour, asked: time.Hour, record: "job"},
		"the record has lapsed":            {waited: 5 * time.Hour, want: true},
		"the record is another job's":      {waited: 5 * time.Hour, asked: time.Minute, record: "other", want: true},
	} {
		d := &delivery{job: &Job{GenerationJob: &wandstorev1.GenerationJob{JobId: "job"}}, at: at, waited: tt.waited}
		found := held{JobRecord: &wandstorev1.JobRecord{JobId: tt.record}, created: at.Add(-tt.asked)}
		if got := c.unwanted(d, found); got != tt.want {
			t.Errorf("%s: unwanted is %t", name, got)
		}
	}
}

// A stream that was restored is younger than its jobs.
func TestHoldsSince(t *testing.T) {
	t.Parallel()
	made := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		messages    uint64
		first, want time.Time
	}{
		"new and empty": {0, time.Time{}, made},
		"new":           {3, made.Add(time.Minute), made},
		"restored":      {3, made.Add(-time.Hour), made.Add(-time.Hour)},
	} {
		info := &jetstream.StreamInfo{Created: made, State: jetstream.StreamState{Msgs: tt.messages, FirstTime: tt.first}}
		if got := holdsSince(info); !got.Equal(tt.want) {
			t.Errorf("%s: since %s, want %s", name, got, tt.want)
		}
	}
}
