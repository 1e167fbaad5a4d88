// Package eventually waits in tests for conditions that become true by themselves.
//
// A wait ends as soon as its condition holds, so its length costs a passing test
// nothing. It is bounded by Patience, after which the test fails.
package eventually

import (
	"testing"
	"time"
)

// Patience is how long anything may take on a busy machine before a test fails. It is far
// longer than anything takes: a machine that is slow for a minute is no fault of the code.
const Patience = 3 * time.Minute

// interval is how often a condition is checked.
const interval = 5 * time.Millisecond

// True waits until holds returns true; what says in the failure what did not happen.
func True(t testing.TB, what string, holds func() bool) {
	t.Helper()
	TrueWithin(t, Patience, what, holds)
}

// TrueWithin is True with another patience.
func TrueWithin(t testing.TB, patience time.Duration, what string, holds func() bool) {
	t.Helper()
	if !poll(patience, holds) {
		t.Fatalf("not within %v: %s", patience, what)
	}
}

// NoError waits until check returns nil. The last error is in the failure.
func NoError(t testing.TB, check func() error) {
	t.Helper()
	var err error
	if !poll(Patience, func() bool { err = check(); return err == nil }) {
		t.Fatalf("still after %v: %v", Patience, err)
	}
}

// Receive waits for a value, or for the end of a closed channel; what names it in the
// failure.
func Receive[T any](t testing.TB, from <-chan T, what string) T {
	t.Helper()
	late := time.NewTimer(Patience)
	defer late.Stop()
	select {
	case v := <-from:
		return v
	case <-late.C:
		t.Fatalf("no %s within %v", what, Patience)
		panic("unreachable")
	}
}

// poll tells whether the condition held in time. It is checked at least twice.
func poll(patience time.Duration, holds func() bool) bool {
	late := time.NewTimer(patience)
	defer late.Stop()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-late.C:
			return holds()
		}
	}
	return true
}
