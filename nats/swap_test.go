package wandnats_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
)

// newBucket makes an empty bucket on a server of its own.
func newBucket(t *testing.T, name string) (*live, jetstream.KeyValue) {
	t.Helper()
	server := startPlain(t)
	_, js := connect(t, server.url)
	kv, err := js.CreateKeyValue(within(t), jetstream.KeyValueConfig{Bucket: name, History: 5})
	if err != nil {
		t.Fatal(err)
	}
	return server, kv
}

// The server's refusals are known by their codes only: this holds them against the
// pinned server. pkg/personal has a test of the second code on three nodes.
func TestIsConflict(t *testing.T) {
	_, kv := newBucket(t, "CAS")
	revision, err := kv.Create(t.Context(), "key", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, created := kv.Create(t.Context(), "key", nil)
	_, updated := kv.Update(t.Context(), "key", nil, revision+1)
	deleted := kv.Delete(t.Context(), "key", jetstream.LastRevision(revision+1))
	_, invalid := kv.Create(t.Context(), "a key", nil)
	_, missing := kv.Get(t.Context(), "nothing")
	for name, c := range map[string]struct {
		err      error
		conflict bool
	}{
		"created":          {created, true},
		"updated":          {updated, true},
		"deleted":          {deleted, true},
		"wrapped":          {fmt.Errorf("write: %w", updated), true},
		"replicated":       {&jetstream.APIError{ErrorCode: jetstream.JSErrCodeStreamWrongLastSequenceConstant}, true},
		"key exists":       {jetstream.ErrKeyExists, true},
		"revision differs": {jetstream.ErrKeyRevisionMismatch, true},
		"another code":     {&jetstream.APIError{ErrorCode: 10077}, false},
		"invalid":          {invalid, false},
		"missing":          {missing, false},
	} {
		if c.err == nil || wandnats.IsConflict(c.err) != c.conflict {
			t.Errorf("%s: IsConflict(%v) = %t, want %t", name, c.err, wandnats.IsConflict(c.err), c.conflict)
		}
	}
	if wandnats.IsConflict(nil) {
		t.Error("IsConflict(nil)")
	}
}

func TestPut(t *testing.T) {
	_, kv := newBucket(t, "CAS")
	put := func(value string, revision uint64) (uint64, error) {
		return wandnats.Put(t.Context(), kv, "key", []byte(value), revision)
	}
	first, err := put("first", 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := put("another first", 0); !wandnats.IsConflict(err) {
		t.Errorf("a second create: got %v, want a conflict", err)
	}
	second, err := put("second", first)
	if err != nil || second <= first {
		t.Errorf("an update: got revision %d after %d, %v", second, first, err)
	}
	if _, err := put("late", first); !wandnats.IsConflict(err) {
		t.Errorf("an update of a passed revision: got %v, want a conflict", err)
	}
	if e, err := kv.Get(t.Context(), "key"); err != nil || string(e.Value()) != "second" || e.Revision() != second {
		t.Errorf("stored: %v, %v", e, err)
	}
	for name, remove := range map[string]func() error{
		"deleted": func() error { return kv.Delete(t.Context(), "key") },
		"purged":  func() error { return kv.Purge(t.Context(), "key") },
	} {
		if err := remove(); err != nil {
			t.Fatal(err)
		}
		if _, err := put("again", 0); err != nil {
			t.Errorf("a create of a %s key: %v", name, err)
		}
	}
}

// increment counts one up.
func increment(current jetstream.KeyValueEntry) ([]byte, error) {
	n := 0
	if current != nil {
		var err error
		if n, err = strconv.Atoi(string(current.Value())); err != nil {
			return nil, err
		}
	}
	return []byte(strconv.Itoa(n + 1)), nil
}

func TestUpdatesLoseNone(t *testing.T) {
	_, kv := newBucket(t, "CAS")
	// Each lost try is another's success, so none can use up its tries.
	const updates = 32
	begin := make(chan struct{})
	var group sync.WaitGroup
	for range updates {
		group.Go(func() {
			<-begin
			if _, err := wandnats.Update(t.Context(), kv, "key", increment); err != nil {
				t.Error(err)
			}
		})
	}
	close(begin)
	group.Wait()
	if e, err := kv.Get(t.Context(), "key"); err != nil || string(e.Value()) != strconv.Itoa(updates) {
		t.Errorf("counted %v, %v; want %d", e, err, updates)
	}
}

func TestUpdateReturnsTheRevision(t *testing.T) {
	_, kv := newBucket(t, "CAS")
	for range 2 {
		revision, err := wandnats.Update(t.Context(), kv, "key", increment)
		if err != nil {
			t.Fatal(err)
		}
		if e, err := kv.Get(t.Context(), "key"); err != nil || e.Revision() != revision {
			t.Errorf("got revision %d, stored %v, %v", revision, e, err)
		}
	}
}

func TestUpdateEnds(t *testing.T) {
	server, kv := newBucket(t, "CAS")
	declined := errors.New("declined")
	cancelled, cancel := context.WithCancel(t.Context())
	for name, c := range map[string]struct {
		ctx    context.Context
		change func(jetstream.KeyValueEntry) ([]byte, error)
		want   error
		tries  int
	}{
		"when the change declines": {t.Context(), func(jetstream.KeyValueEntry) ([]byte, error) { return nil, declined }, declined, 1},
		"after its last try": {t.Context(), func(jetstream.KeyValueEntry) ([]byte, error) {
			// Another writer is always faster.
			_, err := kv.PutString(t.Context(), "key", "theirs")
			return []byte("mine"), err
		}, wandnats.ErrContended, 32},
		"with its context": {cancelled, func(jetstream.KeyValueEntry) ([]byte, error) {
			_, err := kv.PutString(t.Context(), "key", "theirs")
			cancel()
			return []byte("mine"), err
		}, context.Canceled, 1},
		"when the value is refused": {t.Context(), func(jetstream.KeyValueEntry) ([]byte, error) {
			return make([]byte, 2<<20), nil
		}, nil, 1},
	} {
		tries := 0
		_, err := wandnats.Update(c.ctx, kv, "key", func(e jetstream.KeyValueEntry) ([]byte, error) {
			tries++
			return c.change(e)
		})
		if err == nil || c.want != nil && !errors.Is(err, c.want) || tries != c.tries {
			t.Errorf("%s: got %v after %d tries, want %v after %d", name, err, tries, c.want, c.tries)
		}
		if c.want == nil && (wandnats.IsConflict(err) || !strings.Contains(err.Error(), "write to CAS")) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	stop(server.Server)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := wandnats.Update(ctx, kv, "key", increment); err == nil || !strings.Contains(err.Error(), "read from CAS") {
		t.Errorf("without a server: got %v", err)
	}
}

// A value that is there and empty is not the same as none.
func TestUpdateTellsEmptyFromNone(t *testing.T) {
	_, kv := newBucket(t, "CAS")
	for _, want := range []bool{false, true} {
		if _, err := wandnats.Update(t.Context(), kv, "key", func(e jetstream.KeyValueEntry) ([]byte, error) {
			if got := e != nil; got != want {
				t.Errorf("has a value: %t, want %t", got, want)
			}
			return nil, nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// A key without a value takes one write and no read; with one, what is there counts, and so
// does one that was deleted.
func TestUpdateNew(t *testing.T) {
	server, kv := newBucket(t, "CAS")
	nc, js := connect(t, server.url)
	update := func(want string) {
		t.Helper()
		revision, err := wandnats.UpdateNew(t.Context(), js, kv, "key", increment)
		if err != nil {
			t.Fatal(err)
		}
		if e, err := kv.Get(t.Context(), "key"); err != nil || e.Revision() != revision || string(e.Value()) != want {
			t.Errorf("got revision %d, stored %v, %v, want %s", revision, e, err, want)
		}
	}
	sent := nc.Stats().OutMsgs
	if _, err := wandnats.UpdateNew(t.Context(), js, kv, "other", increment); err != nil {
		t.Fatal(err)
	}
	if n := nc.Stats().OutMsgs - sent; n != 1 {
		t.Errorf("%d requests for a key without a value, want 1", n)
	}
	update("1")
	update("2")
	if err := kv.Delete(t.Context(), "key"); err != nil {
		t.Fatal(err)
	}
	update("1")
	declined := errors.New("declined")
	if _, err := wandnats.UpdateNew(t.Context(), js, kv, "key", func(jetstream.KeyValueEntry) ([]byte, error) { return nil, declined }); !errors.Is(err, declined) {
		t.Errorf("got %v, want %v", err, declined)
	}
}
