package wandnats_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
)

// told is what a watch has told, in order.
type told struct {
	mu  sync.Mutex
	all []string
}

func (w *told) notef(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, fmt.Sprintf(format, args...))
}

// waitFor waits until all of it has been told, in that order and nothing else, then
// forgets it.
func (w *told) waitFor(t *testing.T, want ...string) {
	t.Helper()
	eventually(t, fmt.Sprint(want), func() error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if !slices.Equal(w.all, want) {
			return fmt.Errorf("told %q", w.all)
		}
		w.all = nil
		return nil
	})
}

// watch notes what the bucket's keys say.
func (w *told) watch(kv jetstream.KeyValue, keys string, options ...jetstream.WatchOpt) wandnats.Watch {
	return wandnats.Watch{
		Bucket: kv, Keys: keys, Options: options,
		Entry: func(e jetstream.KeyValueEntry) {
			if e.Operation() != jetstream.KeyValuePut {
				w.notef("%s gone", e.Key())
				return
			}
			w.notef("%s=%s", e.Key(), e.Value())
		},
		Current: func() { w.notef("current") },
	}
}

// background runs a watcher until the test, or the returned function, ends it.
func background(t *testing.T, w wandnats.Watcher) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.Run(ctx)
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return stop
}

func put(t *testing.T, kv jetstream.KeyValue, key, value string) {
	t.Helper()
	if _, err := kv.PutString(within(t), key, value); err != nil {
		t.Fatal(err)
	}
}

func TestRead(t *testing.T) {
	_, kv := newBucket(t, "WATCHED")
	for _, c := range []struct {
		name string
		keys string
		opts []jetstream.WatchOpt
		want []string
	}{
		{"an empty bucket", "", nil, []string{"current"}},
		{"the newest of each key", "", nil, []string{"a.1=second", "b.1 gone", "current"}},
		{"keys of a pattern", "a.>", nil, []string{"a.1=second", "current"}},
		{"history", "", []jetstream.WatchOpt{jetstream.IncludeHistory()}, []string{"a.1=first", "b.1=first", "a.1=second", "b.1 gone", "current"}},
		{"headers", "a.>", []jetstream.WatchOpt{jetstream.MetaOnly()}, []string{"a.1=", "current"}},
	} {
		var w told
		if err := w.watch(kv, c.keys, c.opts...).Read(within(t)); err != nil || !slices.Equal(w.all, c.want) {
			t.Errorf("%s: told %q, %v; want %q", c.name, w.all, err, c.want)
		}
		if c.want[0] == "current" {
			put(t, kv, "a.1", "first")
			put(t, kv, "b.1", "first")
			put(t, kv, "a.1", "second")
			if err := kv.Delete(t.Context(), "b.1"); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Ended early, it leaves nothing behind: neither an error that is none nor the
// client's goroutine, blocked on what nobody takes.
func TestReadEndsWithItsContext(t *testing.T) {
	_, kv := newBucket(t, "WATCHED")
	for n := range 600 {
		put(t, kv, fmt.Sprintf("key.%d", n), "value")
	}
	ctx, cancel := context.WithCancel(t.Context())
	w := wandnats.Watch{Bucket: kv, Entry: func(jetstream.KeyValueEntry) { cancel() }}
	if err := w.Read(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestWatcherTellsOfChanges(t *testing.T) {
	server, kv := newBucket(t, "WATCHED")
	nc, _ := connect(t, server.url)
	put(t, kv, "a", "before")
	var w told
	stop := background(t, wandnats.Watcher{
		Conn: nc, Watches: []wandnats.Watch{w.watch(kv, "")}, Begin: func() { w.notef("begin") }, Lost: func(err error) { w.notef("lost: %v", err) },
	})
	w.waitFor(t, "begin", "a=before", "current")
	put(t, kv, "a", "after")
	if err := kv.Delete(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	w.waitFor(t, "a=after", "a gone")
	// Being told to stop is no loss.
	stop()
	w.waitFor(t)
}

// During an outage what is known is not trusted; after it, what has changed in the
// meantime is delivered.
func TestWatcherOutlivesAnOutage(t *testing.T) {
	server, kv := newBucket(t, "WATCHED")
	nc, js, err := wandnats.Dial(wandnats.Config{URL: server.url}, "watcher", (&logs{}).logger())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	becomesReady(t, js)
	mine := bucket(t, js, "WATCHED")
	put(t, kv, "a", "before")
	var w told
	lost := make(chan error, 100)
	background(t, wandnats.Watcher{
		Conn: nc, Watches: []wandnats.Watch{w.watch(mine, "a"), w.watch(mine, "b", jetstream.UpdatesOnly())},
		Begin: func() { w.notef("begin") }, Lost: func(err error) { lost <- err },
	})
	w.waitFor(t, "begin", "a=before", "current")
	stop(server.Server)
	if err := <-lost; !errors.Is(err, wandnats.ErrNotConnected) {
		t.Errorf("lost: got %v, want ErrNotConnected", err)
	}
	// It goes on trying, and says each time that it is still lost.
	if err := <-lost; err == nil {
		t.Error("lost for no reason")
	}
	w.waitFor(t)
	server.restart(t)
	eventually(t, "a put after the outage", func() error {
		_, err := kv.PutString(attempt(t), "a", "after")
		return err
	})
	w.hears(t, "a=after")
	eventually(t, "a put of the other watch", func() error {
		_, err := kv.PutString(attempt(t), "b", "after")
		return err
	})
	w.hears(t, "b=after")
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Contains(w.all, "begin") {
		t.Errorf("it did not begin anew: %q", w.all)
	}
}

// One of several watches that cannot begin holds up the others: half of what is to be
// known is as good as nothing.
func TestWatchesBeginTogether(t *testing.T) {
	server, kv := newBucket(t, "WATCHED")
	nc, js := connect(t, server.url)
	other, err := js.CreateKeyValue(within(t), jetstream.KeyValueConfig{Bucket: "OTHER"})
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteKeyValue(within(t), "OTHER"); err != nil {
		t.Fatal(err)
	}
	var w told
	lost := make(chan error, 100)
	background(t, wandnats.Watcher{
		Conn: nc, Watches: []wandnats.Watch{w.watch(kv, ""), w.watch(other, "")},
		Begin: func() { w.notef("begin") }, Lost: func(err error) { lost <- err },
	})
	for range 2 {
		if err := <-lost; err == nil {
			t.Error("lost for no reason")
		}
	}
	w.waitFor(t)
	if _, err := js.CreateKeyValue(within(t), jetstream.KeyValueConfig{Bucket: "OTHER"}); err != nil {
		t.Fatal(err)
	}
	w.waitFor(t, "begin", "current", "current")
	put(t, kv, "a", "value")
	w.waitFor(t, "a=value")
	put(t, other, "b", "value")
	w.waitFor(t, "b=value")
}

// A closed connection comes back for nobody, but a watcher ends with its context only.
func TestWatcherOfAClosedConnection(t *testing.T) {
	server, _ := newBucket(t, "WATCHED")
	nc, js := connect(t, server.url)
	kv := bucket(t, js, "WATCHED")
	lost := make(chan error, 100)
	var w told
	stop := background(t, wandnats.Watcher{Conn: nc, Watches: []wandnats.Watch{w.watch(kv, "")}, Lost: func(err error) { lost <- err }})
	w.waitFor(t, "current")
	nc.Close()
	for range 2 {
		if err := <-lost; err == nil {
			t.Error("lost for no reason")
		}
	}
	stop()
}

// hears waits until that was told. What the watch begins with may follow it.
func (w *told) hears(t *testing.T, want string) {
	t.Helper()
	eventually(t, want, func() error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if !slices.Contains(w.all, want) {
			return fmt.Errorf("told %q", w.all)
		}
		return nil
	})
}

func becomesReady(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	eventually(t, "NATS answers", func() error {
		_, err := js.AccountInfo(attempt(t))
		return err
	})
}
