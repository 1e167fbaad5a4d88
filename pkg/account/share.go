package account

import (
	"context"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/types/known/timestamppb"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

const (
	// renewEvery is how often an entry is renewed.
	renewEvery = lease / 3
	// writeTimeout is the usual Config.writeTimeout.
	writeTimeout = 2 * time.Second
	// leaveAlone is how long NATS is left alone after it did not answer. Meanwhile calls
	// begin at once where this process's part allows it.
	leaveAlone = 5 * time.Second
	// yieldFor is how long calls wait for the older ones of other generators to go first.
	yieldFor = 100 * time.Millisecond
	// idle is how long nothing has to be done if nothing happens.
	idle = time.Hour
	// release is how long giving back may take when the account is closed.
	release = time.Second
)

// Share shares the account with other processes by the bucket MODEL_ACCOUNT, until ctx ends.
// Then it returns nil.
func (a *Account) Share(ctx context.Context, nc *nats.Conn, bucket jetstream.KeyValue) error {
	a.mu.Lock()
	a.shared = bucket
	a.mu.Unlock()
	wandnats.Watcher{
		Conn: nc,
		Watches: []wandnats.Watch{{Bucket: bucket, Keys: a.key, Entry: func(entry jetstream.KeyValueEntry) {
			if entry.Operation() == jetstream.KeyValuePut {
				a.heard(readRecord(entry), entry.Revision())
			}
		}}},
		Begin: a.forget,
		Lost:  func(err error) { a.cfg.Log.Warn("the model's account is not watched, trying again", "error", err) },
	}.Run(ctx)
	return nil
}

// heard takes over a record that some process has written.
func (a *Account) heard(r record, revision uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.writing:
		a.later, a.laterRevision = r, revision
	case revision > a.revision:
		a.takeOver(r, revision)
	}
}

// takeOver makes r the record that is known, with the changes that it does not have. a.mu is
// held.
func (a *Account) takeOver(r record, revision uint64) {
	for _, c := range a.unwritten {
		c(r)
	}
	a.known, a.revision = r, revision
	a.sync()
	a.stir()
}

// forget forgets the revision: the bucket may be a new one.
func (a *Account) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.revision = 0
}

// entry returns this process's entry. a.mu is held.
func (a *Account) entry(now time.Time) *wandstorev1.AccountUser {
	u := &wandstorev1.AccountUser{
		Worker: a.cfg.Worker, Calls: uint32(a.calls), Starting: uint32(a.starting), Waiting: uint32(len(a.waiting)),
		ExpiresAt: timestamppb.New(now.Add(lease)),
	}
	if len(a.waiting) > 0 {
		u.Oldest = timestamppb.New(a.waiting[0].since)
	}
	return u
}

// run grants calls until the account is closed.
func (a *Account) run() {
	defer close(a.stopped)
	timer := time.NewTimer(idle)
	defer timer.Stop()
	for {
		select {
		case <-a.wake:
		case <-timer.C:
		case <-a.closed:
			a.leave()
			return
		}
		timer.Reset(a.turn())
	}
}

// turn grants the calls that may begin, and writes the record if there is a reason to. It
// returns when to look again at the latest.
func (a *Account) turn() time.Duration {
	a.mu.Lock()
	now := a.now()
	alone := a.alone(now)
	if !alone {
		a.known.expire(now)
	}
	a.sync()
	next, due := idle, false
	if a.calls > 0 || len(a.waiting) > 0 {
		next = renewEvery - now.Sub(a.renewed)
		if due = next <= 0; due {
			next = renewEvery
		}
	}
	could, soon := a.may(now)
	next = min(next, soon)
	if alone && a.shared != nil {
		next = min(next, leaveAlone-now.Sub(a.failed))
	}
	write := !alone && (could || due || len(a.unwritten) > 0)
	a.mu.Unlock()

	switch {
	case write:
		a.write()
	case could:
		a.grantAlone()
	}
	return next
}

// alone reports whether this process has to do without NATS. a.mu is held.
func (a *Account) alone(now time.Time) bool { return a.shared == nil || now.Sub(a.failed) < leaveAlone }

// rules returns the limits of this process: those of the account, or its part of them if the
// generators do not hear of each other. a.mu is held.
func (a *Account) rules(r record, now time.Time) rules {
	l := r.rules(a.cfg)
	if a.alone(now) {
		return r.part(l, a.cfg.Worker)
	}
	return l
}

// may reports whether the first waiting call may begin, by what this process knows, and
// after what time to look again. a.mu is held.
func (a *Account) may(now time.Time) (bool, time.Duration) {
	if len(a.waiting) == 0 {
		a.yielding = time.Time{}
		return false, idle
	}
	what, until := a.known.blocked(a.rules(a.known, now), now)
	if what != none {
		if a.known.clone().raise(what, a.cfg.Minute, now) {
			return true, renewEvery
		}
		if until.IsZero() {
			return false, renewEvery
		}
		return false, max(until.Sub(now), time.Millisecond)
	}
	if a.others(now) {
		if a.yielding.IsZero() {
			a.yielding = now
		}
		if left := yieldFor - now.Sub(a.yielding); left > 0 {
			return false, left
		}
	}
	return true, renewEvery
}

// others reports whether another generator's call waits for longer than this one's.
func (a *Account) others(now time.Time) bool {
	for _, u := range a.known.GetUsers() {
		if u.GetWorker() != a.cfg.Worker && u.GetWaiting() > 0 && u.GetExpiresAt().AsTime().After(now) &&
			u.GetOldest().AsTime().Before(a.waiting[0].since) {
			return true
		}
	}
	return false
}

// draft is a turn that is not yet written: the record as it will be, and how many of the
// waiting calls begin by it.
type draft struct {
	record
	rules  rules
	grants int
}

// draft makes the next version of a record: with the changes that it does not have, this
// process's entry, and the calls that may begin. a.mu is held.
func (a *Account) draft(r record, changes []change) draft {
	now := a.now()
	if !a.alone(now) {
		r.expire(now)
	}
	mine := a.entry(now)
	r.put(mine)
	for _, c := range changes {
		c(r)
	}
	d := draft{record: r, rules: a.rules(r, now)}
	for _, w := range a.waiting {
		what, _ := r.blocked(d.rules, now)
		if what != none && r.raise(what, a.cfg.Minute, now) {
			d.rules = a.rules(r, now)
			what, _ = r.blocked(d.rules, now)
		}
		if what != none {
			break
		}
		r.begin(d.rules, now, w.ask.Tokens)
		mine.Calls++
		mine.Starting++
		mine.Waiting--
		r.put(mine)
		d.grants++
	}
	mine.Oldest = nil
	if d.grants < len(a.waiting) {
		mine.Oldest = timestamppb.New(a.waiting[d.grants].since)
	}
	r.UpdatedAt = timestamppb.New(now)
	return d
}

// write makes a turn in the shared record.
func (a *Account) write() {
	ctx, cancel := context.WithTimeout(context.Background(), a.cfg.writeTimeout)
	defer cancel()
	var (
		d       draft
		written int
		first   []*waiter
	)
	a.mu.Lock()
	a.writing = true
	shared := a.shared // which is another once the bucket was lost
	a.mu.Unlock()
	revision, err := wandnats.Update(ctx, shared, a.key, func(current jetstream.KeyValueEntry) ([]byte, error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		r, changes := readRecord(current), a.unwritten
		if current == nil {
			// It was lost, or there was none. What is known has the changes already.
			r, changes = a.known.clone(), nil
		}
		d, written = a.draft(r, changes), len(a.unwritten)
		first = append(first[:0], a.waiting[:d.grants]...)
		return wire.Marshal(d.Account)
	})
	a.mu.Lock()
	defer a.mu.Unlock()
	a.writing = false
	if err != nil {
		a.failed = a.now()
		a.cfg.Log.Warn("the model's account is not shared: this process uses its part by itself", "error", err)
	} else {
		a.renewed, a.failed = a.now(), time.Time{}
		a.unwritten = a.unwritten[written:]
		a.takeOver(d.record, revision)
		a.grant(d, first)
	}
	if a.laterRevision > a.revision {
		a.takeOver(a.later, a.laterRevision)
	}
	a.later, a.laterRevision = record{}, 0
	a.stir()
}

// grantAlone makes a turn without NATS: by this process's part of what it knows.
func (a *Account) grantAlone() {
	a.mu.Lock()
	defer a.mu.Unlock()
	d := a.draft(a.known.clone(), nil)
	first := slices.Clone(a.waiting[:d.grants])
	a.known = d.record
	now := a.now()
	for _, w := range first {
		// The record that is known has it; the bucket's has not.
		a.keep(func(r record) { r.begin(d.rules, now, w.ask.Tokens) })
	}
	a.grant(d, first)
}

// grant lets calls begin. One that was given up meanwhile is taken back. a.mu is held.
func (a *Account) grant(d draft, first []*waiter) {
	now := a.now()
	for _, w := range first {
		at := slices.Index(a.waiting, w)
		if at < 0 {
			a.note(func(r record) { r.cancel(d.rules, w.ask.Tokens) })
			continue
		}
		a.waiting = slices.Delete(a.waiting, at, at+1)
		w.call = &Call{account: a, ask: w.ask, shop: w.shop, rules: d.rules, begun: now, starting: true}
		w.call.presumed = time.AfterFunc(presumeAfter, w.call.presume)
		a.calls++
		a.starting++
		a.turns.begun(w.shop)
		close(w.granted)
	}
	a.turns.order(a.waiting)
	a.yielding = time.Time{}
	a.sync()
	a.stir()
}

// leave gives back what this process uses.
func (a *Account) leave() {
	a.mu.Lock()
	shared := a.shared
	a.mu.Unlock()
	if shared == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), release)
	defer cancel()
	_, err := wandnats.Update(ctx, shared, a.key, func(current jetstream.KeyValueEntry) ([]byte, error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		r, now := readRecord(current), a.now()
		r.expire(now)
		r.put(&wandstorev1.AccountUser{Worker: a.cfg.Worker})
		for _, c := range a.unwritten {
			c(r)
		}
		r.UpdatedAt = timestamppb.New(now)
		return wire.Marshal(r.Account)
	})
	if err != nil {
		a.cfg.Log.Info("the model's account is given back when this process's entry expires", "error", err)
	}
}
