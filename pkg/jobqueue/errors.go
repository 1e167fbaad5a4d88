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
	// ErrNoRecord: the shopper has no job record for this shop.
	ErrNoRecord = errors.New("no job record")
	// ErrTerminal: a handler wraps it where another delivery would fail as well.
	ErrTerminal = errors.New("not worth another try")
	// ErrNoLetter: there is no dead letter with that sequence.
	ErrNoLetter = errors.New("no such dead letter")
	// ErrCancelled: the job was cancelled, so no worker holds it any more. A handler
	// returns it if nobody wants the page any more. The job then ends without one.
	ErrCancelled = fmt.Errorf("%w: it was cancelled", errLost)

	// errLost: another worker holds the job, or a newer job holds its record.
	errLost = errors.New("the job was taken away")
	// errShutdown: the process ends before the job does.
	errShutdown = errors.New("the worker is shutting down")
	// errWaiting: it ends while the job waits for the model's account.
	errWaiting = fmt.Errorf("%w, and the job was waiting", errShutdown)
)

// codeMaximumMessages is the server's err_code for a publish that a stream with discard
// new refuses, whether the stream or the subject is full (JSStreamStoreFailedF in
// nats-server's errors.json). nats.go has no sentinel for it.
const codeMaximumMessages = 10077

// full reports whether the server refused a publish because the subject is full. The
// server uses the code for other failures of the store too, so full also compares the
// text. A test checks both on the pinned server.
func full(err error) bool {
	var api *jetstream.APIError
	if !errors.As(err, &api) || api.ErrorCode != codeMaximumMessages {
		return false
	}
	return api.Description == "maximum messages per subject exceeded" || api.Description == "maximum messages exceeded"
}
