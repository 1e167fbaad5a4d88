package wandnats_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
)

// watch gives what Watch returned, within reason.
func watch(t *testing.T, k *wandnats.Keeper) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- k.Watch(ctx) }()
	select {
	case err := <-done:
		return err
	case <-time.After(patience):
		t.Fatal("nothing is lost")
		return nil
	}
}

func TestKeeperNoticesWhatIsLost(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		edge  bool
		lose  func(js jetstream.JetStream) error
		names []string
		empty bool // what is made anew held something
	}{
		"the queue, with its consumers": {
			lose: func(js jetstream.JetStream) error {
				return js.DeleteStream(context.Background(), wandnats.StreamGeneration)
			},
			names: []string{wandnats.StreamGeneration}, empty: true,
		},
		"two buckets": {
			edge: true, empty: true, names: []string{"KV_STORES", "KV_UI_CACHE"},
			lose: func(js jetstream.JetStream) error {
				return errors.Join(js.DeleteKeyValue(context.Background(), wandnats.BucketPages), js.DeleteKeyValue(context.Background(), wandnats.BucketStores))
			},
		},
		"a consumer": {
			lose: func(js jetstream.JetStream) error {
				return js.DeleteConsumer(context.Background(), wandnats.StreamGeneration, wandnats.Member(1))
			},
			names: []string{wandnats.Member(1)},
		},
		"a consumer, as an edge sees it": {
			edge: true, names: []string{wandnats.Member(0)},
			lose: func(js jetstream.JetStream) error {
				return js.DeleteConsumer(context.Background(), wandnats.StreamGeneration, wandnats.Member(0))
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, js := connect(t, startPlain(t).url)
			var log bytes.Buffer
			settings := defaults()
			settings.PoolSize = 2
			k := &wandnats.Keeper{
				JetStream: js, Settings: settings, Edge: c.edge, Log: slog.New(slog.NewTextHandler(&log, nil)),
			}
			for range 2 {
				if err := k.Ensure(within(t)); err != nil {
					t.Fatal(err)
				}
			}
			if k.Missing() || len(k.Faults()) > 0 || log.Len() > 0 {
				t.Errorf("before anything is lost: %v, %s", k.Faults(), &log)
			}
			if err := c.lose(js); err != nil {
				t.Fatal(err)
			}
			if err := watch(t, k); !errors.Is(err, wandnats.ErrLost) || !strings.Contains(err.Error(), c.names[0]) {
				t.Errorf("got %v, want ErrLost and %s", err, c.names)
			}
			if faults := k.Faults(); !k.Missing() || len(faults) != len(c.names) || faults[c.names[0]] != "missing" {
				t.Errorf("while it is missing: %v", faults)
			}
			if err := k.Ensure(within(t)); err != nil {
				t.Fatal(err)
			}
			lost := slices.Sorted(maps.Keys(k.Faults()))
			if k.Missing() || c.empty && !slices.Equal(lost, c.names) || !c.empty && len(lost) > 0 {
				t.Errorf("made anew: faults %v", k.Faults())
			}
			if !strings.Contains(log.String(), "missing on NATS") || strings.Contains(log.String(), "made anew") != c.empty {
				t.Errorf("logged %s", &log)
			}
			for n := range settings.PoolSize {
				if _, err := js.Consumer(within(t), wandnats.StreamGeneration, wandnats.Member(n)); err != nil {
					t.Errorf("%s: %v", wandnats.Member(n), err)
				}
			}
		})
	}
}

// A bucket that somebody else has made anew meanwhile has lost what it held all the same.
func TestKeeperNoticesWhatIsMadeAnew(t *testing.T) {
	t.Parallel()
	_, js := connect(t, startPlain(t).url)
	k := &wandnats.Keeper{JetStream: js, Settings: defaults(), Edge: true, Log: slog.New(slog.DiscardHandler)}
	if err := k.Ensure(within(t)); err != nil {
		t.Fatal(err)
	}
	before := k.Created("KV_SPEND")
	if err := js.DeleteKeyValue(within(t), wandnats.BucketSpend); err != nil {
		t.Fatal(err)
	}
	if err := wandnats.EnsureStreams(within(t), js, defaults()); err != nil {
		t.Fatal(err)
	}
	if err := watch(t, k); !errors.Is(err, wandnats.ErrLost) || !strings.Contains(err.Error(), "KV_SPEND") || k.Missing() {
		t.Errorf("got %v", err)
	}
	if err := k.Ensure(within(t)); err != nil {
		t.Fatal(err)
	}
	if !k.Created("KV_SPEND").After(before) || !strings.Contains(k.Faults()["KV_SPEND"], "lost and made anew") {
		t.Errorf("faults: %v", k.Faults())
	}
}

// Who may not create streams waits for who may.
func TestKeeperWithoutRights(t *testing.T) {
	s := startSecured(t, nil)
	_, js := connect(t, s.url, as("edge"))
	_, may := connect(t, s.url, as("provision"))
	k := &wandnats.Keeper{JetStream: js, Settings: defaults(), Edge: true, Log: slog.New(slog.DiscardHandler)}
	if err := k.Ensure(within(t)); !errors.Is(err, wandnats.ErrNotProvisioned) {
		t.Errorf("got %v, want ErrNotProvisioned", err)
	}
	if err := wandnats.Provision(within(t), may, defaults()); err != nil {
		t.Fatal(err)
	}
	if err := k.Ensure(within(t)); err != nil {
		t.Fatal(err)
	}
	_, operator := connect(t, s.url, as("operator"))
	if err := operator.DeleteStream(within(t), "KV_SPEND"); err != nil {
		t.Fatal(err)
	}
	if err := watch(t, k); !errors.Is(err, wandnats.ErrLost) {
		t.Errorf("got %v, want ErrLost", err)
	}
	if err := k.Ensure(within(t)); !errors.Is(err, wandnats.ErrNotProvisioned) || !k.Missing() {
		t.Errorf("got %v, want ErrNotProvisioned, and missing", err)
	}
	if err := wandnats.Provision(within(t), may, defaults()); err != nil {
		t.Fatal(err)
	}
	if err := k.Ensure(within(t)); err != nil || k.Missing() {
		t.Errorf("provisioned anew: %v", err)
	}
}
