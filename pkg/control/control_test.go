package control_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/control"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/natstest"
)

func bucket(t *testing.T, account natstest.Account) (*nats.Conn, jetstream.KeyValue) {
	t.Helper()
	nc, js := account.Connect(t)
	settings := wandnats.Settings{PoolSize: 1, MaxQueueDepth: 1, Concurrency: 1, CacheTTLSeconds: 60, Replicas: 1}
	if err := wandnats.EnsureStreams(t.Context(), js, settings); err != nil {
		t.Fatal(err)
	}
	kv, err := wandnats.OpenBucket(t.Context(), js, wandnats.BucketControl)
	if err != nil {
		t.Fatal(err)
	}
	return nc, kv
}

func TestSwitches(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		keys        map[string]string
		wands, teas bool // whether their pages may be generated
		faults      int
	}{
		"nothing set":              {nil, true, true, 0},
		"all on":                   {map[string]string{"generation": "on"}, true, true, 0},
		"all off":                  {map[string]string{"generation": "off"}, false, false, 0},
		"one off":                  {map[string]string{"generation.magic-wands": "off"}, false, true, 0},
		"one off, all on":          {map[string]string{"generation": "on", "generation.magic-wands": "off"}, false, true, 0},
		"all off, one on":          {map[string]string{"generation": "off", "generation.magic-wands": "on"}, false, false, 0},
		"with a line's end":        {map[string]string{"generation": "off\n", "generation.whitby-tea": " on \n"}, false, false, 0},
		"on with a line's end":     {map[string]string{"generation": "on\n"}, true, true, 0},
		"neither on nor off":       {map[string]string{"generation": "Off"}, false, false, 1},
		"neither, of one":          {map[string]string{"generation.magic-wands": "stop"}, false, true, 1},
		"empty":                    {map[string]string{"generation": ""}, false, false, 1},
		"another shop's, and more": {map[string]string{"generation.kiln": "off", "weather": "rain"}, true, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, kv := bucket(t, natstest.Start(t))
			for key, value := range tt.keys {
				if _, err := kv.PutString(t.Context(), key, value); err != nil {
					t.Fatal(err)
				}
			}
			s := control.New(slog.New(slog.DiscardHandler))
			if err := s.Load(t.Context(), kv); err != nil {
				t.Fatal(err)
			}
			all, ones := s.Off()
			for shop, want := range map[string]bool{"magic-wands": tt.wands, "whitby-tea": tt.teas} {
				if off := all || slices.Contains(ones, shop); off == want {
					t.Errorf("%s: off for all: %t, for %v, want it to be on: %t", shop, all, ones, want)
				}
				if err := s.Check(shop); (err == nil) != want || !want && !errors.Is(err, control.ErrOff) {
					t.Errorf("%s: %v, want it to be on: %t", shop, err, want)
				}
			}
			if got := s.Faults(); len(got) != tt.faults {
				t.Errorf("faults %v, want %d", got, tt.faults)
			}
		})
	}
}

// Changes are heard without being asked for, removals too, and after an outage.
func TestSwitchesAreFollowed(t *testing.T) {
	t.Parallel()
	server := natstest.StartOwn(t)
	nc, kv := bucket(t, server.Account)
	s := control.New(slog.New(slog.DiscardHandler))
	if err := s.Load(t.Context(), kv); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Follow(ctx, nc, kv) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	becomes := func(what string, on bool) {
		t.Helper()
		eventually.True(t, what, func() bool { return (s.Check("magic-wands") == nil) == on })
	}
	put := func(key, value string) {
		t.Helper()
		eventually.NoError(t, func() error { _, err := kv.PutString(t.Context(), key, value); return err })
	}
	put("generation", "off")
	becomes("off", false)
	if err := kv.Delete(t.Context(), "generation"); err != nil {
		t.Fatal(err)
	}
	becomes("on by removal", true)
	put("generation.magic-wands", "off")
	becomes("off by the shop's", false)
	server.Restart()
	put("generation.magic-wands", "on")
	becomes("on after an outage", true)
}
