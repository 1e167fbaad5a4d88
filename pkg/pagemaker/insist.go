package pagemaker

import (
	"context"
	"math/rand/v2"
	"time"
)

// insist calls try, each time for timeout at most, until it returns nil: it succeeded, or
// another try would not. After so many tries an order that may not wait is given up. One that
// may says that it waits, and is tried until ctx ends.
func (m *Maker) insist(ctx context.Context, o Order, tries int, timeout time.Duration, try func(context.Context) error) error {
	for n := 1; ; n++ {
		bounded, cancel := context.WithTimeout(ctx, timeout)
		err := try(bounded)
		cancel()
		if err == nil {
			return nil
		}
		if n == tries {
			if o.Wait == nil {
				return err
			}
			m.problem(ctx, o, "waits for a store", err)
			defer o.Wait()()
		}
		select {
		case <-time.After(time.Second/2<<min(n, maxDoubled) + rand.N(time.Second/2)):
		case <-ctx.Done():
			return err
		}
	}
}

// maxDoubled bounds the pause between two tries: eight seconds.
const maxDoubled = 4
