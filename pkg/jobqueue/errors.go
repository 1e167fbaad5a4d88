package jobqueue

import (
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// One sentinel for each decision that a caller makes.
var (
	// ErrPoolFull: every member refused the job. The shopper may ask again.
	ErrPoolFull = errors.New("every pool member is full")
	// ErrQueueFull: one member refused the job; another may take it.
	ErrQueueFull = errors.New("the pool member is full")
	// ErrNoRecord: the shopper has no job record in the store.
	ErrNoRecord = errors.New("no job record")
	// ErrTerminal: a handler wraps it to say that trying again is useless.
	ErrTerminal = errors.New("not worth another try")
	// ErrNoLetter: there is no dead letter of that sequence.
	ErrNoLetter = errors.New("no such dead letter")

	// errLost: the job does not belong to this worker any more.
	errLost = errors.New("the job was taken away")
	// errCancelled: it does not belong to any worker.
	errCancelled = fmt.Errorf("%w: it was cancelled", errLost)
	// errShutdown: the process ends before the job does.
	errShutdown = errors.New("the worker is shutting down")
)

// codeMaximumMessages is the server's err_code for a publish that a stream with
// discard new refuses, over its whole limit and over that of a subject alike
// (JSStreamStoreFailedF in nats-server's errors.json). nats.go has no sentinel.
const codeMaximumMessages = 10077

// full reports whether the server refused a publish because the subject is full. The
// code is also that of other failures to store, so the text is compared too. A test
// checks both against the pinned server.
func full(err error) bool {
	var api *jetstream.APIError
	if !errors.As(err, &api) || api.ErrorCode != codeMaximumMessages {
		return false
	}
	return api.Description == "maximum messages per subject exceeded" || api.Description == "maximum messages exceeded"
}
