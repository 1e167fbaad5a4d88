package main

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// serial numbers what is asked for, never twice.
var serial atomic.Int64

// operation does one piece of work.
type operation func(ctx context.Context, n int64) error

// closedLoop has each client do one operation after the other for d. Each begins when its
// last one is done, so as many are under way as there are clients. The error is one client's.
func closedLoop(ctx context.Context, d time.Duration, clients []operation) (figures, error) {
	var all sync.WaitGroup
	took, errs := make([][]time.Duration, len(clients)), make([]error, len(clients))
	began := time.Now()
	for i, do := range clients {
		all.Go(func() {
			for start := time.Now(); start.Sub(began) < d && errs[i] == nil; {
				errs[i] = do(ctx, serial.Add(1))
				now := time.Now()
				took[i] = append(took[i], now.Sub(start))
				start = now
			}
		})
	}
	all.Wait()
	elapsed := time.Since(began)
	return rates(slices.Concat(took...), elapsed), cmp.Or(errs...)
}

// The columns of what is done again and again.
const (
	perSecond = "1/s"
	p50       = "p50 ms"
	p99       = "p99 ms"
)

// rates are the figures of operations that took so long each, and all of them elapsed.
func rates(took []time.Duration, elapsed time.Duration) figures {
	slices.Sort(took)
	return figures{
		perSecond: float64(len(took)) / elapsed.Seconds(),
		p50:       percentile(took, 50), p99: percentile(took, 99),
	}
}

// percentile of sorted durations, in milliseconds: the smallest that is not exceeded by p of a
// hundred.
func percentile(sorted []time.Duration, p int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	rank := (len(sorted)*p + 99) / 100
	return float64(sorted[max(rank, 1)-1].Microseconds()) / 1000
}

// pause waits.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
