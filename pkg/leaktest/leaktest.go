// Package leaktest fails a test binary that leaves goroutines behind.
package leaktest

import (
	"fmt"
	"os"
	"time"

	"go.uber.org/goleak"
)

// patience is how long goroutines may take to end after the tests, longer than a busy
// machine stops one. It is shorter than the waits that a leaked goroutine ends by itself
// after, such as that of an idle connection.
const patience = 20 * time.Second

// Runner runs tests; *testing.M is one.
type Runner interface{ Run() int }

// Main is for TestMain. It runs the tests of m and exits with their status. If they pass and
// goroutines are left, it exits with status 1 and says which.
//
// What was closed at the end of a test ends a moment later, for which goleak by itself waits
// less than half a second.
func Main(m Runner) {
	status := m.Run()
	if status == 0 {
		if err := left(); err != nil {
			fmt.Fprintln(os.Stderr, "leaktest: goroutines are left:", err)
			status = 1
		}
	}
	os.Exit(status)
}

// left returns nil once no goroutine is left.
func left() error {
	for begun := time.Now(); ; {
		if err := goleak.Find(); err == nil || time.Since(begun) > patience {
			return err
		}
	}
}
