package spend

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/wire"
)

// booking is a change of one record that waits to be written.
type booking struct {
	ctx context.Context //nolint:containedctx // It tells whether the one who waits still wants it.
	// change changes the record, and tells whether it could. It is called again where the
	// record was written by another ledger in between.
	change func(r record, now time.Time) bool
	could  bool
	// ended is told what became of it. It must not block.
	ended func(result)
}

// result is what became of a booking.
type result struct {
	could bool
	err   error
}

// group is the bookings that are one write of a record, in the order in which they came.
type group struct {
	bookings []*booking
	// ended is closed when they have been told what became of them.
	ended chan struct{}
}

// queue is a record that is being written: the group that is, and that of the next write, which
// has what comes meanwhile. So a day's record, which every call of the model is booked in, takes
// as many bookings as there are calls, not as many as the disk has time for.
type queue struct {
	writing, waiting *group // nil if there is none
}

// enqueue has a booking written.
func (l *Ledger) enqueue(a account, b *booking) {
	l.mu.Lock()
	defer l.mu.Unlock()
	q, writing := l.queues[a.key]
	if !writing {
		q = &queue{}
		l.queues[a.key] = q
		// Not the context of one of them: its end would be the others' as well.
		go l.write(context.WithoutCancel(b.ctx), a, q)
	}
	if q.waiting == nil {
		q.waiting = &group{ended: make(chan struct{})}
	}
	q.waiting.bookings = append(q.waiting.bookings, b)
}

// update changes a record, after it was brought up to date. could is what change says.
func (l *Ledger) update(ctx context.Context, a account, change func(r record, now time.Time) bool) (could bool, err error) {
	done := make(chan result, 1)
	l.enqueue(a, &booking{ctx: ctx, change: change, ended: func(r result) { done <- r }})
	select {
	case r := <-done:
		return r.could, r.err
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// change is update for a change that is always possible.
func (l *Ledger) change(ctx context.Context, a account, change func(r record)) error {
	_, err := l.update(ctx, a, func(r record, _ time.Time) bool { change(r); return true })
	return err
}

// changeLater is change for one that nobody waits for. What comes to the record later is
// changed after it. failed is told if it could not be written.
func (l *Ledger) changeLater(ctx context.Context, a account, change func(r record), failed func(error)) {
	l.enqueue(a, &booking{
		ctx:    context.WithoutCancel(ctx),
		change: func(r record, _ time.Time) bool { change(r); return true },
		ended: func(r result) {
			if r.err != nil {
				failed(r.err)
			}
		},
	})
}

// write writes what is in an account's queue until it is empty.
func (l *Ledger) write(ctx context.Context, a account, q *queue) {
	for g := l.next(a, q); g != nil; g = l.next(a, q) {
		bounded, cancel := context.WithTimeout(ctx, l.timeout)
		err := l.writeGroup(bounded, a, g.bookings)
		cancel()
		for _, b := range g.bookings {
			b.ended(result{b.could, err})
		}
		close(g.ended)
	}
}

// next takes the group that waits. A queue without one is removed.
func (l *Ledger) next(a account, q *queue) *group {
	l.mu.Lock()
	defer l.mu.Unlock()
	q.writing, q.waiting = q.waiting, nil
	if q.writing == nil {
		delete(l.queues, a.key)
	}
	return q.writing
}

// Flush waits until what nobody has waited for is booked, for up to 5 s. What cannot be is
// tried again by Run.
func (l *Ledger) Flush(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	l.mu.Lock()
	last := make([]*group, 0, len(l.queues))
	for _, q := range l.queues {
		last = append(last, cmp.Or(q.waiting, q.writing))
	}
	l.mu.Unlock()
	for _, g := range last {
		select {
		case <-g.ended:
		case <-ctx.Done():
		}
	}
}

// known is a record as this ledger wrote it last. It is current unless another ledger has
// written it since, and then the write by its revision is refused.
type known struct {
	record   record
	revision uint64
}

// maxKnown bounds the records that are kept: a day has one, and one a shop.
const maxKnown = 1000

// know keeps a record for the next write. Only who writes it may.
func (l *Ledger) know(key string, r record, revision uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.known) >= maxKnown {
		clear(l.known)
	}
	l.known[key] = known{r, revision}
}

// take is what is known of a record, which is not known any more until it is written.
func (l *Ledger) take(key string) (known, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, ok := l.known[key]
	delete(l.known, key)
	return k, ok
}

// errUnchanged ends an update that has nothing to write.
var errUnchanged = errors.New("unchanged")

// writeGroup makes the changes of a group in one write. A record that this ledger wrote last
// is not read before, unless there is nothing to write: a refusal by a record that another
// ledger has written since would be wrong, and nobody would notice.
func (l *Ledger) writeGroup(ctx context.Context, a account, group []*booking) error {
	if last, ok := l.take(a.key); ok {
		err := l.writeKnown(ctx, a, last, group)
		if !errors.Is(err, errUnchanged) && !wandnats.IsConflict(err) {
			return err
		}
	}
	for {
		var r record
		revision, err := wandnats.Update(ctx, l.kv, a.key, func(current jetstream.KeyValueEntry) (value []byte, err error) {
			if r, err = readRecord(current); err != nil {
				return nil, err
			}
			return l.book(r, a, group)
		})
		switch {
		case err == nil:
			l.know(a.key, r, revision)
			return nil
		case errors.Is(err, errUnchanged):
			return nil
		case errors.Is(err, wandnats.ErrContended) && ctx.Err() == nil:
			// Others have booked meanwhile. This group goes on for as long as it has time.
		default:
			return err
		}
	}
}

// writeKnown makes the changes of a group in a record that was not read.
func (l *Ledger) writeKnown(ctx context.Context, a account, last known, group []*booking) error {
	value, err := l.book(last.record, a, group)
	if err != nil {
		return err
	}
	revision, err := wandnats.Put(ctx, l.kv, a.key, value, last.revision)
	if err != nil {
		return err
	}
	l.know(a.key, last.record, revision)
	return nil
}

// book makes the changes of a group in a record, and encodes it. errUnchanged if there are none.
func (l *Ledger) book(r record, a account, group []*booking) ([]byte, error) {
	before, now := proto.CloneOf(r.Spend), l.now()
	r.refresh(a, now)
	for _, b := range group {
		b.could = b.ctx.Err() == nil && b.change(r, now)
	}
	if proto.Equal(before, r.Spend) {
		return nil, errUnchanged
	}
	r.UpdatedAt = timestamppb.New(now)
	return wire.Marshal(r.Spend)
}
