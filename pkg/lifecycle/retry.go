package lifecycle

import (
	"context"
	"log/slog"
	"time"
)

const (
	firstRetryPause  = 100 * time.Millisecond
	maxRetryPause    = 3 * time.Second
	retryLogInterval = 10 * time.Second
)

// Retry calls attempt until it succeeds, with pauses that grow from 100 ms to 3 s. While it
// fails, a warning every ten seconds names what the service waits for, and the error. Retry
// returns nil after a success, or ctx's error when ctx ends.
func Retry(ctx context.Context, log *slog.Logger, what string, attempt func(ctx context.Context) error) error {
	var logged time.Time
	for pause := firstRetryPause; ; pause = min(2*pause, maxRetryPause) {
		err := attempt(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Since(logged) >= retryLogInterval {
			log.Warn("waiting for "+what, "error", err)
			logged = time.Now()
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
