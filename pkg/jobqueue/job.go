package jobqueue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// Job is a job that a handler must do.
type Job struct {
	*wandstorev1.GenerationJob
	// Key is the key of the job's page. Its ids are valid.
	Key pagekey.Key
	// Member is the name of the pool member that runs the job.
	Member string
	// Attempt is the number of the delivery, from 1.
	Attempt int

	confirm func(ctx context.Context) error
	wait    func(*wandstorev1.AccountWait) (done func())
}

// Wait says that the job waits for the model's account from now on, until done is called. The
// time does not count against JobTimeout, and the record tells of it. callsAMinute is how
// many calls the account allows; 0 is unknown. If the worker is stopped, the job is
// handed back at once.
func (j *Job) Wait(callsAMinute float64) (done func()) {
	return j.wait(&wandstorev1.AccountWait{CallsAMinute: callsAMinute})
}

// WaitForStore says that the job waits for a store to answer from now on, until done is
// called. Like Wait it stops JobTimeout; the record tells nothing of it.
func (j *Job) WaitForStore() (done func()) { return j.wait(nil) }

// Confirm returns an error if the job was cancelled, and nil if it was not or if NATS
// does not answer. A handler calls it before it stores the page, and returns the error.
func (j *Job) Confirm(ctx context.Context) error { return j.confirm(ctx) }

// Result describes the page that a handler has stored.
type Result struct {
	// Persona is the persona that the page is for.
	Persona string
	// Source says who designed it: "llm" or "template".
	Source string
	// GeneratedAt is when the page was made.
	GeneratedAt time.Time
	// Reason says why a template page was made; "" if none was. It holds no personal
	// data.
	Reason string
}

// Handler makes a job's page and stores it. A nil error means that the page is stored.
// An error that wraps ErrTerminal makes the job a dead letter; after any other error
// the job is tried again. A Handler may be called again for a job whose page it has
// stored, in full or in part. It returns when its context ends.
type Handler func(ctx context.Context, job *Job) (Result, error)

// parse reads a payload's job and checks its ids.
func parse(payload []byte) (*Job, error) {
	g := &wandstorev1.GenerationJob{}
	if err := wire.Unmarshal(payload, g); err != nil {
		return nil, fmt.Errorf("payload: %w", err)
	}
	key, err := pagekey.Parse(g.GetStoreSlug(), g.GetShopperId())
	if err != nil {
		return nil, fmt.Errorf("payload: %w", err)
	}
	// Job ids have the same form as shoppers' ids.
	if !pagekey.ValidShopper(g.GetJobId()) {
		return nil, errors.New("payload: no job id, or not of A-Z, a-z, 0-9, _ and -")
	}
	if !g.GetRequestedAt().IsValid() {
		return nil, errors.New("payload: no time of request")
	}
	return &Job{GenerationJob: g, Key: key}, nil
}
