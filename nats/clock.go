package wandnats

import (
	"fmt"
	"math"
	"sync/atomic"
	"time"
)

// Clock tells the time of NATS, by which all processes judge what others have dated: job
// records, pages, sessions, the day of a budget. It is this process's own clock, corrected by
// what the server's answers say, which a [Keeper] reads every [LookEvery]. A step of the own
// clock meanwhile changes nothing, because the time between two answers is measured by the
// monotonic clock.
//
// Until NATS has answered it is the own clock, and also while the two differ by more than
// MaxCorrection, since nobody knows which of them is wrong then.
//
// The clock does not try to be exact: an answer that its own time may explain corrects
// nothing. So processes of machines whose clocks are kept right see their own time.
type Clock struct {
	local func() time.Time
	// start is the time of its making, with a monotonic reading.
	start time.Time
	// shift is what the server's time is ahead of start and what has passed since.
	shift atomic.Int64
}

const (
	// MaxCorrection is the greatest difference that a Clock corrects.
	MaxCorrection = 24 * time.Hour
	// ClockTolerance is the difference from which on a clock is reported as wrong. It is
	// below what anything allows for: links 30 s, webhooks 5 minutes, S3 15.
	ClockTolerance = 10 * time.Second
)

// NewClock returns a clock. local is the own clock; nil is time.Now.
func NewClock(local func() time.Time) *Clock {
	if local == nil {
		local = time.Now
	}
	return &Clock{local: local, start: local()}
}

// Now is the time of NATS. The result has no monotonic reading.
func (c *Clock) Now() time.Time {
	now := c.local()
	theirs := c.theirs(now)
	if now.Round(0).Sub(theirs).Abs() > MaxCorrection {
		return now.Round(0)
	}
	return theirs
}

// theirs is the time of NATS when the own clock says now.
func (c *Clock) theirs(now time.Time) time.Time {
	// Sub goes by the monotonic readings.
	return c.start.Round(0).Add(now.Sub(c.start) + time.Duration(c.shift.Load()))
}

// Ahead is how far the own clock is ahead of NATS's; below 0 it is behind.
func (c *Clock) Ahead() time.Duration {
	now := c.local()
	return now.Round(0).Sub(c.theirs(now))
}

// Fault says that the own clock is wrong, or NATS's is; "" if they agree.
func (c *Clock) Fault() string {
	ahead := c.Ahead()
	if ahead.Abs() < ClockTolerance {
		return ""
	}
	where := "ahead of"
	if ahead < 0 {
		where = "behind"
	}
	fault := fmt.Sprintf("%.0f s %s NATS's", math.Abs(ahead.Seconds()), where)
	if ahead.Abs() > MaxCorrection {
		fault += ", too far to go by that"
	}
	return fault
}

// read is the time at which the own clock is read, for heard.
func (c *Clock) read() time.Time { return c.local() }

// heard takes the time in an answer of the server to a request that was sent then. The server
// wrote it at some moment between that and now: it corrects the clock by the least that puts
// it into that span.
func (c *Clock) heard(sent, theirs time.Time) {
	if theirs.IsZero() {
		return
	}
	least := theirs.Sub(c.start.Round(0)) - c.local().Sub(c.start)
	most := theirs.Sub(c.start.Round(0)) - sent.Sub(c.start)
	c.shift.Store(int64(min(max(time.Duration(c.shift.Load()), least), most)))
}
