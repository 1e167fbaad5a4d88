package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Part is one thing that a service runs.
type Part struct {
	// Name is said in errors.
	Name string
	// Run works until ctx ends, then stops and returns. Returning earlier, with or
	// without an error, ends the service.
	Run func(ctx context.Context) error
	// StopWithin bounds how long Run may take to return once asked; past it the
	// part is abandoned and named in Run's error. Zero is 30 s.
	StopWithin time.Duration
}

const defaultStopWithin = 30 * time.Second

// Run starts the parts in order and waits until ctx ends or one of them returns.
// Then it stops them in reverse order, each after the one behind it has ended.
// It returns what failed, nil if nothing did; a part's context.Canceled is no
// failure.
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
		// A part is stopped in its turn, not when ctx ends.
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
		within := parts[i].StopWithin
		if within == 0 {
			within = defaultStopWithin
		}
		timer := time.NewTimer(within)
		select {
		case <-a.done:
		case <-timer.C:
			fail(fmt.Errorf("%s: did not stop within %s", parts[i].Name, within))
		}
		timer.Stop()
	}
	mu.Lock()
	defer mu.Unlock()
	return errors.Join(failed...)
}
