// Package jobboard keeps the live jobs of the whole pool in memory, at most POOL_SIZE x
// MAX_QUEUE_DEPTH. The watch of the job records feeds it. Without a request to NATS it
// knows a job's place in its member's queue and the estimated time until the job is done,
// and it wakes the listeners of a job.
package jobboard

import (
	"sync"
	"time"

	"github.com/wandstore/wandstore/pkg/pagekey"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// typical is the estimate of a job's run time before any job has ended.
const typical = 100 * time.Second

// Board holds the live jobs. It is safe for concurrent use.
type Board struct {
	concurrency int

	mu      sync.Mutex
	live    map[pagekey.Key]*wandstorev1.JobRecord
	started map[string]time.Time // when a job was first seen running, by job id
	mean    time.Duration
	waiting map[*Listener]struct{}
}

// New returns an empty board. concurrency is how many jobs a member runs at a time.
func New(concurrency int) *Board {
	return &Board{
		concurrency: concurrency,
		live:        map[pagekey.Key]*wandstorev1.JobRecord{},
		started:     map[string]time.Time{},
		mean:        typical,
		waiting:     map[*Listener]struct{}{},
	}
}

// Place is a job's place in its member's queue.
type Place struct {
	// Record is the job's record.
	Record *wandstorev1.JobRecord
	// Ahead is how many jobs of the same member come before it.
	Ahead int
	// ETA is the estimated time until the job is done.
	ETA time.Duration
}

// Set puts a record that the watch reports on the board. It wakes the listeners of its key
// and those of jobs of the same member.
func (b *Board) Set(key pagekey.Key, rec *wandstorev1.JobRecord) {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := b.live[key]
	switch rec.GetState() {
	case wandstorev1.JobState_JOB_STATE_RUNNING:
		if _, seen := b.started[rec.GetJobId()]; !seen && Runs(rec) {
			b.started[rec.GetJobId()] = rec.GetUpdatedAt().AsTime()
		}
		b.live[key] = rec
	case wandstorev1.JobState_JOB_STATE_PUBLISHING, wandstorev1.JobState_JOB_STATE_QUEUED:
		b.live[key] = rec
	default:
		if start, seen := b.started[rec.GetJobId()]; seen && rec.GetState() == wandstorev1.JobState_JOB_STATE_READY {
			// A moving average over about the last ten jobs.
			b.mean += (rec.GetUpdatedAt().AsTime().Sub(start) - b.mean) / 10
		}
		delete(b.live, key)
		delete(b.started, rec.GetJobId())
	}
	b.wake(key, before.GetPoolMember(), rec.GetPoolMember())
}

// Drop removes the record of a key and wakes the listeners.
func (b *Board) Drop(key pagekey.Key) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if rec := b.live[key]; rec != nil {
		delete(b.live, key)
		delete(b.started, rec.GetJobId())
		b.wake(key, rec.GetPoolMember(), "")
	}
}

// Reset removes all jobs. It is called when the watch begins again, which then reports the
// live jobs.
func (b *Board) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.live)
	clear(b.started)
}

// Depth is how many live jobs a member holds, waiting and running.
func (b *Board) Depth(member string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, rec := range b.live {
		if rec.GetPoolMember() == member {
			n++
		}
	}
	return n
}

// Find gives a live job's place; false if the key has none, or its deadline is
// past.
func (b *Board) Find(key pagekey.Key) (Place, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	rec := b.live[key]
	now := time.Now()
	if rec == nil || !rec.GetDeadline().AsTime().After(now) {
		return Place{}, false
	}
	p := Place{Record: rec}
	switch {
	case Runs(rec):
		p.ETA = max(b.mean-now.Sub(b.started[rec.GetJobId()]), time.Second)
		return p, true
	case waits(rec):
		p.Ahead, p.ETA = b.beforeAccount(rec)
		return p, true
	}
	for _, other := range b.live {
		if other.GetPoolMember() == rec.GetPoolMember() && precedes(other, rec) {
			p.Ahead++
		}
	}
	_, byAccount := b.beforeAccount(rec)
	p.ETA = max(b.mean*time.Duration(p.Ahead/b.concurrency+1), byAccount)
	return p, true
}

// Runs reports whether a worker has a job that does not wait for the model's account.
func Runs(rec *wandstorev1.JobRecord) bool {
	return rec.GetState() == wandstorev1.JobState_JOB_STATE_RUNNING && rec.GetAccountWait() == nil
}

// waits reports whether a job waits for the model's account.
func waits(rec *wandstorev1.JobRecord) bool {
	return rec.GetState() == wandstorev1.JobState_JOB_STATE_RUNNING && rec.GetAccountWait() != nil
}

// precedes reports whether a job was requested before another. One without a number is the
// last.
func precedes(job, other *wandstorev1.JobRecord) bool {
	return job.GetStreamSeq() != 0 && (other.GetStreamSeq() == 0 || job.GetStreamSeq() < other.GetStreamSeq())
}

// beforeAccount returns how many jobs of all members call the model before a job that has not
// begun to, and the time until it is done by what the account allows. Jobs are numbered in
// the order of their requests. Unless a job waits for the account, it is no hurdle.
func (b *Board) beforeAccount(rec *wandstorev1.JobRecord) (ahead int, eta time.Duration) {
	perMinute := 0.0
	for _, other := range b.live {
		if waits(other) {
			perMinute = max(perMinute, other.GetAccountWait().GetCallsAMinute())
		}
		if !Runs(other) && precedes(other, rec) {
			ahead++
		}
	}
	eta = b.mean
	if perMinute > 0 {
		eta += time.Duration(float64(ahead+1) / perMinute * float64(time.Minute))
	}
	return ahead, eta
}

// Listener is woken when the state of its key may have changed.
type Listener struct {
	// Changed receives after a change. Several changes may come as one.
	Changed chan struct{}
	key     pagekey.Key
}

// Listen registers a listener. Leave unregisters it.
func (b *Board) Listen(key pagekey.Key) *Listener {
	l := &Listener{Changed: make(chan struct{}, 1), key: key}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting[l] = struct{}{}
	return l
}

// Leave unregisters a listener.
func (b *Board) Leave(l *Listener) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.waiting, l)
}

// Wake wakes the listeners of the key.
func (b *Board) Wake(key pagekey.Key) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wake(key, "", "")
}

// wake wakes the listeners of a key, and those of jobs of the two members.
func (b *Board) wake(key pagekey.Key, before, after string) {
	for l := range b.waiting {
		member := b.live[l.key].GetPoolMember()
		if l.key != key && (member == "" || (member != before && member != after)) {
			continue
		}
		select {
		case l.Changed <- struct{}{}:
		default:
		}
	}
}
