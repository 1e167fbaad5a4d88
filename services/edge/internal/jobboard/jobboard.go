// Package jobboard keeps the live jobs of the whole pool in memory, at most
// GENERATION_SHARDS x POOL_SIZE x MAX_QUEUE_DEPTH. The watch of the job records feeds it.
// Without a request to NATS it knows a job's place in its member's queue and the estimated
// time until the job is done, and it wakes the listeners of a job.
package jobboard

import (
	"slices"
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
	now         func() time.Time

	mu        sync.Mutex
	live      map[pagekey.Key]*wandstorev1.JobRecord
	members   map[string]*member
	started   map[string]time.Time // when a job was first seen running, by job id
	mean      time.Duration
	listeners map[pagekey.Key]map[*Listener]struct{}
	swept     time.Time
	// unbegun are the numbers of the jobs that do not call the model yet, of all shops and by
	// shop; atLeast[n] is how many shops have more than n of them.
	unbegun numbers
	shops   map[string]*numbers
	atLeast []int
	// waits is how many jobs wait for the model's account, which allows so many calls a
	// minute by what was heard last; 0 is unknown.
	waits     int
	perMinute float64
}

// member is the live jobs of one member of the pool.
type member struct {
	keys    map[pagekey.Key]struct{}
	numbers numbers
}

// sweepEvery is how often jobs past their deadline are removed. Nobody tells of a claim whose
// claimer has crashed.
const sweepEvery = time.Minute

// New returns an empty board. concurrency is how many jobs a member runs at a time, now the
// clock that records are dated by.
func New(concurrency int, now func() time.Time) *Board {
	b := &Board{concurrency: concurrency, now: now, mean: typical, listeners: map[pagekey.Key]map[*Listener]struct{}{}}
	b.Reset()
	return b
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
	b.sweep(b.now())
	before := b.remove(key)
	if before.GetJobId() != rec.GetJobId() {
		delete(b.started, before.GetJobId())
	}
	switch rec.GetState() {
	case wandstorev1.JobState_JOB_STATE_PUBLISHING, wandstorev1.JobState_JOB_STATE_QUEUED, wandstorev1.JobState_JOB_STATE_RUNNING:
		if _, seen := b.started[rec.GetJobId()]; !seen && Runs(rec) {
			b.started[rec.GetJobId()] = rec.GetUpdatedAt().AsTime()
		}
		b.add(key, rec)
	default:
		if start, seen := b.started[rec.GetJobId()]; seen && rec.GetState() == wandstorev1.JobState_JOB_STATE_READY {
			// A moving average over about the last ten jobs.
			b.mean += (rec.GetUpdatedAt().AsTime().Sub(start) - b.mean) / 10
		}
		delete(b.started, rec.GetJobId())
	}
	b.wake(key, before.GetPoolMember(), rec.GetPoolMember())
}

// Drop removes the record of a key and wakes the listeners.
func (b *Board) Drop(key pagekey.Key) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if rec := b.remove(key); rec != nil {
		delete(b.started, rec.GetJobId())
		b.wake(key, rec.GetPoolMember(), "")
	}
}

// Reset removes all jobs. It is called when the watch begins again, which then reports the
// live jobs.
func (b *Board) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.live = map[pagekey.Key]*wandstorev1.JobRecord{}
	b.members, b.started = map[string]*member{}, map[string]time.Time{}
	b.unbegun, b.shops, b.atLeast, b.waits = nil, map[string]*numbers{}, nil, 0
}

// add makes a job live. b.mu is held.
func (b *Board) add(key pagekey.Key, rec *wandstorev1.JobRecord) {
	b.live[key] = rec
	m := b.members[rec.GetPoolMember()]
	if m == nil {
		m = &member{keys: map[pagekey.Key]struct{}{}}
		b.members[rec.GetPoolMember()] = m
	}
	m.keys[key] = struct{}{}
	m.numbers.add(rec.GetStreamSeq())
	if !Runs(rec) {
		b.addUnbegun(key.Shop(), rec.GetStreamSeq())
	}
	if waits(rec) {
		b.waits, b.perMinute = b.waits+1, rec.GetAccountWait().GetCallsAMinute()
	}
}

// remove takes the job of a key off the board and returns its record; nil if there is none.
// b.mu is held.
func (b *Board) remove(key pagekey.Key) *wandstorev1.JobRecord {
	rec := b.live[key]
	if rec == nil {
		return nil
	}
	delete(b.live, key)
	m := b.members[rec.GetPoolMember()]
	delete(m.keys, key)
	m.numbers.remove(rec.GetStreamSeq())
	if len(m.keys) == 0 {
		delete(b.members, rec.GetPoolMember())
	}
	if !Runs(rec) {
		b.removeUnbegun(key.Shop(), rec.GetStreamSeq())
	}
	if waits(rec) {
		b.waits--
	}
	return rec
}

// sweep removes the jobs past their deadline, now and then. b.mu is held.
func (b *Board) sweep(now time.Time) {
	if now.Sub(b.swept) < sweepEvery {
		return
	}
	b.swept = now
	for key, rec := range b.live {
		if !rec.GetDeadline().AsTime().After(now) {
			b.remove(key)
			delete(b.started, rec.GetJobId())
		}
	}
}

// Depth is how many live jobs a member holds, waiting and running.
func (b *Board) Depth(member string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if m := b.members[member]; m != nil {
		return len(m.keys)
	}
	return 0
}

// Queue is how many jobs of a member a worker has, and when its oldest was asked for; the zero
// time if it has none.
func (b *Board) Queue(member string) (running int, oldest time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	m := b.members[member]
	if m == nil {
		return 0, time.Time{}
	}
	for key := range m.keys {
		rec := b.live[key]
		if rec.GetState() == wandstorev1.JobState_JOB_STATE_RUNNING {
			running++
		}
		if at := rec.GetRequestedAt().AsTime(); oldest.IsZero() || at.Before(oldest) {
			oldest = at
		}
	}
	return running, oldest
}

// Find gives a live job's place; false if the key has none, or its deadline is
// past.
func (b *Board) Find(key pagekey.Key) (Place, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	rec := b.live[key]
	now := b.now()
	if rec == nil || !rec.GetDeadline().AsTime().After(now) {
		return Place{}, false
	}
	p := Place{Record: rec}
	switch {
	case Runs(rec):
		p.ETA = max(b.mean-now.Sub(b.started[rec.GetJobId()]), time.Second)
		return p, true
	case waits(rec):
		p.Ahead = b.turnsBefore(key.Shop(), rec.GetStreamSeq())
		p.ETA = b.byAccount(p.Ahead)
		return p, true
	}
	m := b.members[rec.GetPoolMember()]
	p.Ahead = m.numbers.before(rec.GetStreamSeq())
	calls := b.turnsBefore(key.Shop(), rec.GetStreamSeq())
	if p.Ahead >= b.concurrency {
		// A worker is free for it once this one is done, which has the turns of its own shop.
		// Those are not known by its number, so its shop is taken for the only one.
		calls = max(calls, b.unbegun.before(m.numbers[p.Ahead-b.concurrency])+1)
	}
	p.ETA = max(b.mean*time.Duration(p.Ahead/b.concurrency+1), b.byAccount(calls))
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

// turnsBefore returns how many jobs of all members call the model before a job that has not
// begun to: shops take turns, and a shop's jobs are numbered in the order of their requests.
func (b *Board) turnsBefore(shop string, seq uint64) int {
	own := b.shops[shop]
	if own == nil {
		own = &numbers{}
	}
	ahead := own.before(seq)
	turns, others := ahead+1, 0
	// Each of the others has a turn for each of the shop's own, if it has as many jobs. Few
	// shops have many jobs, or many have few, so the shorter way is short.
	if len(b.shops) <= turns {
		for name, n := range b.shops {
			if name != shop {
				others += min(len(*n), turns)
			}
		}
		return ahead + others
	}
	for _, shops := range b.atLeast[:min(turns, len(b.atLeast))] {
		others += shops
	}
	return ahead + others - min(len(*own), turns)
}

// byAccount is the time until a job is done that so many call the model before, by what the
// account allows. Unless a job waits for the account, it is no hurdle.
func (b *Board) byAccount(ahead int) time.Duration {
	if b.waits == 0 || b.perMinute <= 0 {
		return b.mean
	}
	return b.mean + time.Duration(float64(ahead+1)/b.perMinute*float64(time.Minute))
}

// addUnbegun counts a job that does not call the model yet. One without a number is not
// counted. b.mu is held.
func (b *Board) addUnbegun(shop string, seq uint64) {
	if seq == 0 {
		return
	}
	of := b.shops[shop]
	if of == nil {
		of = &numbers{}
		b.shops[shop] = of
	}
	of.add(seq)
	b.unbegun.add(seq)
	if len(*of) > len(b.atLeast) {
		b.atLeast = append(b.atLeast, 0)
	}
	b.atLeast[len(*of)-1]++
}

// removeUnbegun undoes addUnbegun. b.mu is held.
func (b *Board) removeUnbegun(shop string, seq uint64) {
	if seq == 0 {
		return
	}
	of := b.shops[shop]
	b.atLeast[len(*of)-1]--
	of.remove(seq)
	b.unbegun.remove(seq)
	if len(*of) == 0 {
		delete(b.shops, shop)
	}
}

// Listener is woken when the state of one of its keys may have changed.
type Listener struct {
	// Changed receives after a change. Several changes may come as one.
	Changed chan struct{}
	keys    []pagekey.Key
}

// Listen registers a listener. Leave unregisters it.
func (b *Board) Listen(keys ...pagekey.Key) *Listener {
	l := &Listener{Changed: make(chan struct{}, 1), keys: keys}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, key := range keys {
		if b.listeners[key] == nil {
			b.listeners[key] = map[*Listener]struct{}{}
		}
		b.listeners[key][l] = struct{}{}
	}
	return l
}

// Leave unregisters a listener.
func (b *Board) Leave(l *Listener) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, key := range l.keys {
		if delete(b.listeners[key], l); len(b.listeners[key]) == 0 {
			delete(b.listeners, key)
		}
	}
}

// Wake wakes the listeners of the key.
func (b *Board) Wake(key pagekey.Key) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wake(key, "", "")
}

// wake wakes the listeners of a key, and those of jobs of the two members. b.mu is held.
func (b *Board) wake(key pagekey.Key, before, after string) {
	b.wakeAll(key)
	b.wakeMember(after)
	if before != after {
		b.wakeMember(before)
	}
}

func (b *Board) wakeMember(name string) {
	if m := b.members[name]; m != nil {
		for key := range m.keys {
			b.wakeAll(key)
		}
	}
}

func (b *Board) wakeAll(key pagekey.Key) {
	for l := range b.listeners[key] {
		select {
		case l.Changed <- struct{}{}:
		default:
		}
	}
}

// numbers are the numbers of jobs in the stream, in order. A job that has none yet is the
// last, and is not among them.
type numbers []uint64

func (n *numbers) add(seq uint64) {
	if seq > 0 {
		at, _ := slices.BinarySearch(*n, seq)
		*n = slices.Insert(*n, at, seq)
	}
}

func (n *numbers) remove(seq uint64) {
	if at, found := slices.BinarySearch(*n, seq); found {
		*n = slices.Delete(*n, at, at+1)
	}
}

// before is how many come before a number.
func (n *numbers) before(seq uint64) int {
	if seq == 0 {
		return len(*n)
	}
	at, _ := slices.BinarySearch(*n, seq)
	return at
}
