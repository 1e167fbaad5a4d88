package jobqueue

import (
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// outage tells whether NATS was away lately, as far as this process can know. While it is, no
// worker can extend its record: one that has lapsed is no sign of a worker's death until every
// worker that lives has had the time to write again.
type outage struct {
	conn *nats.Conn

	mu         sync.Mutex
	reconnects uint64
	ended      time.Time
}

// returnWithin is how long it takes a worker that lives to write its record again: the answer to
// the write before is waited for until then, and it is tried again soon.
const returnWithin = settleTimeout + 2*beatAgain

// newOutage knows of none.
func newOutage(conn *nats.Conn) *outage {
	return &outage{conn: conn, reconnects: conn.Stats().Reconnects}
}

// seen notes that there may have been one until now.
func (o *outage) seen() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = time.Now()
}

// owns reports whether the record's worker may count on it: its deadline is in the future, or it
// may live.
func (o *outage) owns(rec *wandstorev1.JobRecord, now time.Time) bool {
	return owned(rec, now) || o.mayLive(rec) > 0
}

// mayLive returns for how long a record may still be that of a worker that lives, although its
// deadline is past. It is not if that is 0 or less.
func (o *outage) mayLive(rec *wandstorev1.JobRecord) time.Duration {
	if rec.GetState() != wandstorev1.JobState_JOB_STATE_RUNNING {
		return 0
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if n := o.conn.Stats().Reconnects; n != o.reconnects {
		o.reconnects, o.ended = n, time.Now()
	}
	return returnWithin - time.Since(o.ended)
}
