package jobqueue

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// listenOn is how long a request for a message is listened to when it is not wanted any more.
// The server may have chosen one for it already, which waits behind what the stream is storing,
// and counts as delivered even when nobody listens any more.
const listenOn = 500 * time.Millisecond

// errRecovered ends the requests that were made of a consumer that was lost.
var errRecovered = errors.New("the queue was lost and is there again")

// puller takes a member's messages one by one. Each is asked for by a request of its own:
// the iterator of nats.go (1.55) asks for none if one comes before its last request is marked as
// sent, as happens on a busy machine, and then waits for the heartbeats of a request that it
// never made.
type puller struct {
	cons jetstream.Consumer
	// connected tells that the connection is there again.
	connected <-chan nats.Status
}

// next waits for a message until ctx ends. Errors are its cause, and the client's.
func (p puller) next(ctx context.Context) (jetstream.Msg, error) {
	// Nothing is asked for after the end: what came of it would count as delivered.
	for ctx.Err() == nil {
		msg, err := p.ask(ctx)
		switch {
		case msg != nil:
			return msg, nil
		case err != nil && ctx.Err() == nil && !errors.Is(err, jetstream.ErrConsumerLeadershipChanged):
			return nil, err
		}
	}
	return nil, context.Cause(ctx)
}

// ask makes one request, and returns no message if none comes before it expires, or if the
// connection was lost meanwhile: a server that has begun anew does not know what it was asked.
func (p puller) ask(ctx context.Context) (jetstream.Msg, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	batch, err := p.cons.Fetch(1, jetstream.FetchContext(ctx))
	if err != nil {
		return nil, err
	}
	select {
	case msg := <-batch.Messages():
		return msg, batch.Error()
	case <-p.connected:
		// A server that has not begun anew may have answered.
		defer time.AfterFunc(listenOn, stop).Stop()
		return <-batch.Messages(), nil
	}
}
