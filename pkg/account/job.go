package account

import (
	"context"
	"time"
)

// Job is the job that a call is for.
type Job struct {
	// Shop is the slug of the page's shop. Shops take turns.
	Shop string
	// Since is when its page was requested. A shop's older ones come first.
	Since time.Time
	// Waits is called if a call waits for more than a second, with the calls a minute that the
	// account allows, 0 if unknown; done is called when the wait is over.
	Waits func(callsAMinute float64) (done func())
	// Check, if set, is called each second while a call waits. An error gives it up.
	Check func() error
}

type jobKey struct{}

// WithJob returns a context whose calls are for that job.
func WithJob(ctx context.Context, job Job) context.Context {
	return context.WithValue(ctx, jobKey{}, job)
}
