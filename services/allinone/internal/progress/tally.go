package progress

import (
	"fmt"
	"strings"
	"time"

	"github.com/wandstore/wandstore/pkg/pagestore"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// tally counts jobs by state.
type tally struct {
	// live holds the jobs that wait or run, by the key of their record.
	live map[string]job
	// done and dead count the jobs that ended since the start. template counts those of
	// done whose page is the template's.
	done, template, dead int
	// last describes the newest page: its member, and the time since its request.
	last string
}

// job is a job that waits or runs.
type job struct {
	running bool
	since   time.Time // when the job began to wait or to run
}

func newTally() *tally { return &tally{live: map[string]job{}} }

// set counts a record that was written at that time.
func (t *tally) set(key string, rec *wandstorev1.JobRecord, at time.Time) {
	was, live := t.live[key]
	switch rec.GetState() {
	case wandstorev1.JobState_JOB_STATE_PUBLISHING, wandstorev1.JobState_JOB_STATE_QUEUED:
		t.live[key] = job{since: at}
	case wandstorev1.JobState_JOB_STATE_RUNNING:
		// Heartbeats write the record too.
		if !was.running {
			t.live[key] = job{running: true, since: at}
		}
	case wandstorev1.JobState_JOB_STATE_READY:
		delete(t.live, key)
		if !live {
			return
		}
		t.done++
		if rec.GetSource() == pagestore.SourceTemplate {
			t.template++
		}
		t.last = fmt.Sprintf("%s in %.1f s", rec.GetPoolMember(), at.Sub(rec.GetRequestedAt().AsTime()).Seconds())
	case wandstorev1.JobState_JOB_STATE_FAILED:
		delete(t.live, key)
		if live {
			t.dead++
		}
	default:
		delete(t.live, key)
	}
}

// drop counts a record that was removed.
func (t *tally) drop(key string) { delete(t.live, key) }

// empty reports whether there was no job yet.
func (t *tally) empty() bool { return len(t.live)+t.done+t.dead == 0 }

// String returns the counts, such as
// "jobs: 3 queued, 2 running, 17 done (1 by the template), 1 dead".
func (t *tally) String() string { return t.text("") }

// now returns String together with how long the oldest running job has run, and the last
// page.
func (t *tally) now(now time.Time) string {
	var oldest time.Duration
	for _, j := range t.live {
		if j.running {
			oldest = max(oldest, now.Sub(j.since))
		}
	}
	running := ""
	if oldest >= time.Second {
		running = fmt.Sprintf(" (%d s)", int(oldest.Seconds()))
	}
	text := t.text(running)
	if t.last != "" {
		text += ", last " + t.last
	}
	return text
}

func (t *tally) text(running string) string {
	queued, run := 0, 0
	for _, j := range t.live {
		if j.running {
			run++
		} else {
			queued++
		}
	}
	var s strings.Builder
	fmt.Fprintf(&s, "jobs: %d queued, %d running%s, %d done", queued, run, running, t.done)
	if t.template > 0 {
		fmt.Fprintf(&s, " (%d by the template)", t.template)
	}
	if t.dead > 0 {
		fmt.Fprintf(&s, ", %d dead", t.dead)
	}
	return s.String()
}
