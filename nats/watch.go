package wandnats

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Watch is what is followed in one bucket, and who is told of it.
type Watch struct {
	Bucket jetstream.KeyValue
	// Keys is the pattern of the keys, such as [AllPages]; empty means all.
	Keys string
	// Options are JetStream's, such as jetstream.IncludeHistory.
	Options []jetstream.WatchOpt
	// Entry is called for each value and each removal, in the bucket's order.
	Entry func(entry jetstream.KeyValueEntry)
	// Current, unless nil, is called once Entry has been told of all that the bucket
	// held when the watch began; what follows are changes. With
	// jetstream.UpdatesOnly it is not called.
	Current func()
}

// Read calls Entry for what the bucket holds, then Current, and returns. The error
// is ctx's, or the client's wrapped with the bucket's name.
func (w Watch) Read(ctx context.Context) error {
	updates, err := w.open(ctx)
	if err != nil {
		return err
	}
	defer stop(updates)
	return w.deliver(ctx, updates, true)
}

func (w Watch) open(ctx context.Context) (jetstream.KeyWatcher, error) {
	keys := w.Keys
	if keys == "" {
		keys = jetstream.AllKeys
	}
	updates, err := w.Bucket.Watch(ctx, keys, w.Options...)
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", w.Bucket.Bucket(), err)
	}
	return updates, nil
}

// stop ends a watch. The client's callback may be blocked on entries that nobody
// takes any more, so they are drained until the client closes the channel.
func stop(updates jetstream.KeyWatcher) {
	// It fails on a closed connection only, which has ended the watch already.
	_ = updates.Stop()
	go func() {
		for range updates.Updates() {
		}
	}()
}

// errEnded: the client ended the watch, as when the connection is closed.
var errEnded = errors.New("the watch ended")

// deliver makes the callbacks until ctx or the watch ends. With once it returns nil
// after Current.
func (w Watch) deliver(ctx context.Context, updates jetstream.KeyWatcher, once bool) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case entry, ok := <-updates.Updates():
			switch {
			case !ok:
				return fmt.Errorf("watch %s: %w", w.Bucket.Bucket(), errEnded)
			case entry != nil:
				w.Entry(entry)
			default:
				if w.Current != nil {
					w.Current()
				}
				if once {
					return nil
				}
			}
		}
	}
}

// Watcher keeps several watches going as one: they begin together, and when one of
// them or the connection breaks, all end and begin anew. Changes made in between are
// not delivered one by one: a new beginning delivers what the bucket then holds, or
// nothing with jetstream.UpdatesOnly.
//
// No two callbacks of one watch run at the same time. Those of different watches may.
type Watcher struct {
	Conn    *nats.Conn
	Watches []Watch
	// Begin, unless nil, is called at each beginning, once all watches are open and
	// before the first Entry: what was known before may be out of date.
	Begin func()
	// Lost, unless nil, is called with the cause each time that the watches ended, or
	// could not begin, other than by Run's context. No other callback runs then.
	Lost func(err error)
}

// rewatchPause spaces the attempts to begin while NATS is unavailable.
const rewatchPause = 500 * time.Millisecond

// Run watches until ctx ends.
func (w Watcher) Run(ctx context.Context) {
	for {
		err := w.watch(ctx)
		if ctx.Err() != nil {
			return
		}
		if w.Lost != nil {
			w.Lost(err)
		}
		select {
		case <-time.After(rewatchPause):
		case <-ctx.Done():
			return
		}
	}
}

// watch goes from one beginning to the next: it returns why the watches ended.
func (w Watcher) watch(ctx context.Context) error {
	// The client mends a watch by itself after an outage. Until then it is silent,
	// and what is silent must not pass for unchanged, so the first sign of an outage
	// ends the watches.
	status := w.Conn.StatusChanged(nats.RECONNECTING, nats.DISCONNECTED, nats.CLOSED)
	defer w.Conn.RemoveStatusListener(status)
	if err := ready(w.Conn); err != nil {
		return err
	}
	opened := make([]jetstream.KeyWatcher, 0, len(w.Watches))
	defer func() {
		for _, updates := range opened {
			stop(updates)
		}
	}()
	for _, one := range w.Watches {
		updates, err := one.open(ctx)
		if err != nil {
			return err
		}
		opened = append(opened, updates)
	}
	if w.Begin != nil {
		w.Begin()
	}

	var delivering sync.WaitGroup
	defer delivering.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, len(opened))
	for i, updates := range opened {
		delivering.Go(func() { ended <- w.Watches[i].deliver(ctx, updates, false) })
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-status:
		return ErrNotConnected
	case err := <-ended:
		return err
	}
}
