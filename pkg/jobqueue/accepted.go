package jobqueue

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

const (
	// queuedAfter is how long after its publish a job's record says that it is queued, unless it
	// runs by then, and twice as long in a flood. It is far below publishingFor.
	queuedAfter = 50 * time.Millisecond
	// aloneFor is how long no batch is tried after one was refused.
	aloneFor = time.Second
)

// accepted writes what nobody waits for of the jobs that members have accepted: that they are
// queued, and a breadcrumb each. In a flood both wait for those of other jobs, and go in one
// batch, which the server flushes once. As many wait as are published meanwhile, and a publish
// is waited for.
type accepted struct {
	js    jetstream.JetStream
	trail *Trail

	mu      sync.Mutex
	waiting []acceptance
	// alone is until when records are written one by one.
	alone time.Time
}

// acceptance is what is written of one job.
type acceptance struct {
	at time.Time
	// record is refused if a worker has the job already.
	record *nats.Msg
	// breadcrumb is nil if there is none that waits.
	breadcrumb *nats.Msg
}

// add has both messages written. There may be no breadcrumb.
func (a *accepted) add(record, breadcrumb *nats.Msg) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if breadcrumb != nil && len(a.waiting) < batchFrom {
		a.trail.send(breadcrumb)
		breadcrumb = nil
	}
	if len(a.waiting) == 0 {
		time.AfterFunc(queuedAfter, a.write)
	}
	a.waiting = append(a.waiting, acceptance{time.Now(), record, breadcrumb})
}

// write writes what has waited for long enough, and comes back for the rest.
func (a *accepted) write() {
	a.mu.Lock()
	young := slices.IndexFunc(a.waiting, func(w acceptance) bool { return time.Since(w.at) < queuedAfter })
	if young < 0 {
		young = len(a.waiting)
	}
	due := a.waiting[:young:young]
	if a.waiting = a.waiting[young:]; len(a.waiting) > 0 {
		time.AfterFunc(queuedAfter, a.write)
	}
	alone := len(due) < batchFrom || time.Now().Before(a.alone)
	a.mu.Unlock()

	var msgs []*nats.Msg
	for _, w := range due {
		msgs = append(msgs, w.record)
		if w.breadcrumb != nil {
			msgs = append(msgs, w.breadcrumb)
		}
	}
	if alone {
		writeAlone(a.js, msgs)
		return
	}
	for batch := range slices.Chunk(msgs, maxBatch) {
		if !writeTogether(a.js, batch) {
			// Workers are free, so that records are theirs by now.
			a.mu.Lock()
			a.alone = time.Now().Add(aloneFor)
			a.mu.Unlock()
		}
	}
}

// writeAlone writes messages one by one, without waiting for the results.
func writeAlone(js jetstream.JetStream, msgs []*nats.Msg) {
	for _, m := range msgs {
		_, _ = js.PublishMsgAsync(m)
	}
}

// writeTogether writes messages in one batch, and one by one if the server refuses it: because
// it would refuse one of them, or because the stream is of an earlier release and takes no
// batches. After a lost connection the batch may be there, and is not written again.
func writeTogether(js jetstream.JetStream, msgs []*nats.Msg) (taken bool) {
	ctx, cancel := context.WithTimeout(context.Background(), settleTimeout)
	defer cancel()
	_, err := jetstreamext.PublishMsgBatch(ctx, js, msgs)
	if _, refused := errors.AsType[*jetstream.APIError](err); !refused {
		return true
	}
	for _, m := range msgs {
		m.Reply = ""
		for _, name := range []string{jetstreamext.BatchIDHeader, jetstreamext.BatchSeqHeader, jetstreamext.BatchCommitHeader} {
			m.Header.Del(name)
		}
	}
	writeAlone(js, msgs)
	return false
}
