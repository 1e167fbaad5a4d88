package wandnats_test

import (
	"context"
	"fmt"
	"maps"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
)

func text(entry jetstream.KeyValueEntry) string { return string(entry.Value()) }

// A mirror has what its keys hold, whatever came before and after it began, and nothing
// of other keys.
func TestMirror(t *testing.T) {
	s := startPlain(t)
	nc, js := connect(t, s.url)
	ensure(t, js, defaults())
	kv := bucket(t, js, wandnats.BucketControl)
	put := func(key, value string) {
		t.Helper()
		if _, err := kv.PutString(within(t), key, value); err != nil {
			t.Fatal(err)
		}
	}
	m := wandnats.Mirror[string]{Decode: text}
	if _, ok := m.Get("generation.a"); ok || len(m.All()) != 0 {
		t.Error("an empty mirror has a value")
	}
	put("generation.a", "1")
	put("generation.b", "1")
	put("generation.gone", "1")
	if err := kv.Delete(within(t), "generation.gone"); err != nil {
		t.Fatal(err)
	}
	put("weather", "rain")
	if err := m.Watch(kv, wandnats.GenerationKey(">")).Read(within(t)); err != nil {
		t.Fatal(err)
	}
	if got := m.All(); !maps.Equal(got, map[string]string{"generation.a": "1", "generation.b": "1"}) {
		t.Errorf("after Read: %v", got)
	}

	watch := m.Watch(kv, wandnats.GenerationKey(">"))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		wandnats.Watcher{Conn: nc, Watches: []wandnats.Watch{watch}, Begin: m.Begin}.Run(ctx)
	}()
	defer func() { cancel(); <-done }()
	put("generation.a", "2")
	if err := kv.Purge(within(t), "generation.b"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the changes are heard", func() error {
		if got := m.All(); !maps.Equal(got, map[string]string{"generation.a": "2"}) {
			return fmt.Errorf("the mirror has %v", got)
		}
		return nil
	})
	if v, ok := m.Get("generation.a"); !ok || v != "2" {
		t.Errorf("Get: %q, %t", v, ok)
	}

	// Until a new beginning is complete, the mirror has what it had.
	m.Begin()
	if v, _ := m.Get("generation.a"); v != "2" {
		t.Errorf("while the watch begins anew: %q", v)
	}
}
