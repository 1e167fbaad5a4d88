package generator

import "sync/atomic"

// limit limits concurrent calls. Its zero value is ready for use.
type limit struct{ n atomic.Int64 }

// take takes a place and returns true if fewer than most places are taken.
func (l *limit) take(most int) bool {
	if l.n.Add(1) > int64(most) {
		l.n.Add(-1)
		return false
	}
	return true
}

func (l *limit) release() { l.n.Add(-1) }

func (l *limit) idle() bool { return l.n.Load() == 0 }
