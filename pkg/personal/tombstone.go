package personal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/types/known/timestamppb"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// bury writes a shopper's tombstone.
func (d *Data) bury(ctx context.Context, shopper string, at time.Time) error {
	value, err := wire.Marshal(&wandstorev1.Tombstone{ForgottenAt: timestamppb.New(at)})
	if err != nil {
		return err
	}
	if _, err := d.Forgotten.Put(ctx, wandnats.ForgottenKey(shopper), value); err != nil {
		return fmt.Errorf("write tombstone: %w", err)
	}
	return nil
}

// forgottenAt returns when the shopper was last forgotten; the zero time is never.
func (d *Data) forgottenAt(ctx context.Context, shopper string) (time.Time, error) {
	entry, err := d.Forgotten.Get(ctx, wandnats.ForgottenKey(shopper))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("read tombstone: %w", err)
	}
	return timeOf(entry), nil
}

// timeOf returns the time of a tombstone. One that cannot be read counts from its write.
func timeOf(entry jetstream.KeyValueEntry) time.Time {
	var t wandstorev1.Tombstone
	if err := wire.Unmarshal(entry.Value(), &t); err != nil || t.GetForgottenAt().CheckValid() != nil {
		return entry.Created()
	}
	return t.GetForgottenAt().AsTime()
}
