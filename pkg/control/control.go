package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
)

// ErrOff: an operator has switched generation off, for all shops or for this one.
var ErrOff = errors.New("generation is switched off by an operator")

const (
	on  = "on"
	off = "off"
)

// Switch is the operators' switches as the bucket CONTROL has them. Before [Switch.Load]
// all are on. It is safe for concurrent use.
type Switch struct {
	log    *slog.Logger
	values wandnats.Mirror[string]
}

// New makes a Switch that logs each change.
func New(log *slog.Logger) *Switch {
	s := &Switch{log: log}
	s.values.Decode = s.decode
	return s
}

// Load reads the switches. On an error, ctx's or JetStream's, they stay as they were.
func (s *Switch) Load(ctx context.Context, bucket jetstream.KeyValue) error {
	if err := s.values.Watch(bucket, jetstream.AllKeys).Read(ctx); err != nil {
		return fmt.Errorf("read %s: %w", wandnats.BucketControl, err)
	}
	return nil
}

// Follow keeps up with the switches until ctx ends, then returns nil.
func (s *Switch) Follow(ctx context.Context, nc *nats.Conn, bucket jetstream.KeyValue) error {
	wandnats.Watcher{
		Conn:    nc,
		Watches: []wandnats.Watch{s.values.Watch(bucket, jetstream.AllKeys)},
		Begin:   s.values.Begin,
		Lost:    func(err error) { s.log.Warn("switches are not watched, trying again", "error", err) },
	}.Run(ctx)
	return nil
}

// Check returns nil if the shop's pages may be generated, and ErrOff otherwise.
func (s *Switch) Check(shop string) error {
	for _, key := range []string{wandnats.KeyGeneration, wandnats.GenerationKey(shop)} {
		if value, set := s.values.Get(key); set && value != on {
			return fmt.Errorf("%w (%s)", ErrOff, key)
		}
	}
	return nil
}

// Off returns whether generation is off for all shops, and the shops whose own switch is off,
// in order.
func (s *Switch) Off() (all bool, shops []string) {
	for key, value := range s.values.All() {
		switch shop, own := strings.CutPrefix(key, wandnats.GenerationKey("")); {
		case value == on:
		case own:
			shops = append(shops, shop)
		case key == wandnats.KeyGeneration:
			all = true
		}
	}
	slices.Sort(shops)
	return all, shops
}

// Faults are the switches whose value is neither on nor off, each with what is wrong.
func (s *Switch) Faults() map[string]string {
	faults := map[string]string{}
	for key, value := range s.values.All() {
		if isSwitch(key) && value != on && value != off {
			faults[wandnats.BucketControl+"/"+key] = "neither on nor off; counts as off"
		}
	}
	return faults
}

func (s *Switch) decode(entry jetstream.KeyValueEntry) string {
	key, value := entry.Key(), strings.TrimSpace(string(entry.Value()))
	switch {
	case !isSwitch(key):
	case value == on:
		s.log.Info("generation is on", "switch", key)
	case value == off:
		s.log.Warn("generation is off", "switch", key)
	default:
		s.log.Error("a switch is neither on nor off and counts as off", "switch", key)
	}
	return value
}

func isSwitch(key string) bool {
	return key == wandnats.KeyGeneration || strings.HasPrefix(key, wandnats.GenerationKey(""))
}
