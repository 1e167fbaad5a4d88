package wandnats_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
)

// A value with a time to live is gone after it; a write without one keeps the value.
func TestUpdateExpiring(t *testing.T) {
	s := startPlain(t)
	_, js := connect(t, s.url)
	ensure(t, js, defaults())
	ctx := within(t)
	kv := bucket(t, js, wandnats.BucketSessions)
	stream, err := js.Stream(ctx, "KV_"+wandnats.BucketSessions)
	if err != nil {
		t.Fatal(err)
	}
	write := func(key, value string, ttl time.Duration) {
		t.Helper()
		if _, err := wandnats.UpdateExpiring(ctx, js, kv, key, func(jetstream.KeyValueEntry) (wandnats.Expiring, error) {
			return wandnats.Expiring{Value: []byte(value), TTL: ttl}, nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	ttl := func(key string) string {
		t.Helper()
		msg, err := stream.GetLastMsgForSubject(ctx, "$KV."+wandnats.BucketSessions+"."+key)
		if err != nil {
			t.Fatal(err)
		}
		return msg.Header.Get(jetstream.MsgTTLHeader)
	}
	write("session.guest", "1", time.Hour) // created
	write("session.guest", "2", time.Second)
	write("session.stays", "1", time.Second)
	write("session.stays", "2", 0)
	if got := ttl("session.stays"); got != "" {
		t.Errorf("time to live %q of a value that stays", got)
	}
	eventually(t, "the guest's value expires", func() error {
		if _, err := kv.Get(ctx, "session.guest"); !errors.Is(err, jetstream.ErrKeyNotFound) {
			return fmt.Errorf("Get: %w", err)
		}
		return nil
	})
	if entry, err := kv.Get(ctx, "session.stays"); err != nil || string(entry.Value()) != "2" {
		t.Errorf("the value that stays: %v, %v", entry, err)
	}
	// After the expiry, and after a removal, a key is written as if it were new.
	write("session.guest", "3", time.Hour)
	if err := kv.Purge(ctx, "session.guest"); err != nil {
		t.Fatal(err)
	}
	write("session.guest", "4", time.Hour)
	if got := ttl("session.guest"); got != "1h0m0s" {
		t.Errorf("time to live %q, want an hour", got)
	}
}

// A value that another writer has changed since it was read is not overwritten.
func TestUpdateExpiringComparesAndSwaps(t *testing.T) {
	s := startPlain(t)
	_, js := connect(t, s.url)
	ensure(t, js, defaults())
	ctx := within(t)
	kv := bucket(t, js, wandnats.BucketSessions)
	if _, err := kv.PutString(ctx, "session.a", "1"); err != nil {
		t.Fatal(err)
	}
	var read []string
	_, err := wandnats.UpdateExpiring(ctx, js, kv, "session.a", func(current jetstream.KeyValueEntry) (wandnats.Expiring, error) {
		if read = append(read, string(current.Value())); len(read) == 1 {
			if _, err := kv.PutString(ctx, "session.a", "another's"); err != nil {
				t.Error(err)
			}
		}
		return wandnats.Expiring{Value: []byte(string(current.Value()) + "+"), TTL: time.Hour}, nil
	})
	entry, getErr := kv.Get(ctx, "session.a")
	if err != nil || getErr != nil || fmt.Sprint(read) != "[1 another's]" || string(entry.Value()) != "another's+" {
		t.Errorf("read %v, stored %s: %v, %v", read, entry.Value(), err, getErr)
	}
}
