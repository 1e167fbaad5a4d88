package lifecycle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Part is one component of a service.
type Part struct {
	// Name is the part's name in errors.
	Name string
	// Run runs the part until ctx ends, then stops it and returns. If it returns earlier,
	// with or without an error, the service ends.
	Run func(ctx context.Context) error
	// StopTimeout is how long Run may take to return after ctx has ended; 0 is 30 s. After
	// it the part is abandoned and counts as failed.
	StopTimeout time.Duration
}

const defaultStopTimeout = 30 * time.Second

// Run starts the parts in order and waits until ctx ends or one of them returns. Then it
// stops them in reverse order, each after the next one has ended. It returns the errors of
// the parts, joined and with their names, or nil. A part that returns context.Canceled has
// not failed.
func Run(ctx context.Context, parts ...Part) error {
	type running struct {
		cancel context.CancelFunc
		done   chan struct{}
	}
	var (
		mu     sync.Mutex
		failed []error
		ended  = make(chan struct{}, len(parts))
		all    = make([]running, 0, len(parts))
	)
	fail := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		failed = append(failed, err)
	}
	for _, p := range parts {
		// The end of ctx must not stop all parts at once.
		partCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		r := running{cancel, make(chan struct{})}
		all = append(all, r)
		go func() {
			defer func() { close(r.done); ended <- struct{}{} }()
			if err := p.Run(partCtx); err != nil && !errors.Is(err, context.Canceled) {
				fail(fmt.Errorf("%s: %w", p.Name, err))
			}
		}()
	}
	select {
	case <-ctx.Done():
	case <-ended:
	}
	for i, a := range slices.Backward(all) {
		a.cancel()
		timeout := cmp.Or(parts[i].StopTimeout, defaultStopTimeout)
		timer := time.NewTimer(timeout)
		select {
		case <-a.done:
		case <-timer.C:
			fail(fmt.Errorf("%s: did not stop within %s", parts[i].Name, timeout))
		}
		timer.Stop()
	}
	mu.Lock()
	defer mu.Unlock()
	return errors.Join(failed...)
}
