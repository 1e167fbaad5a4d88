package personal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/types/known/timestamppb"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// tombstone says when a shopper was forgotten, in one shop or, if shop is "", in all.
type tombstone struct {
	shopper, shop string
	at            time.Time
}

// writeTombstone writes the tombstone of that key in FORGOTTEN.
func (d *Data) writeTombstone(ctx context.Context, key string) error {
	value, err := wire.Marshal(&wandstorev1.Tombstone{ForgottenAt: timestamppb.New(d.now())})
	if err != nil {
		return err
	}
	if _, err := d.Forgotten.Put(ctx, key, value); err != nil {
		return fmt.Errorf("write tombstone: %w", err)
	}
	return nil
}

// forgottenAt returns when the shopper was last forgotten in all shops; the zero time is
// never.
func (d *Data) forgottenAt(ctx context.Context, shopper string) (time.Time, error) {
	return d.tombstoneAt(ctx, wandnats.ForgottenKey(shopper))
}

// forgottenIn returns when the shopper was last forgotten in the key's shop alone; the
// zero time is never.
func (d *Data) forgottenIn(ctx context.Context, key pagekey.Key) (time.Time, error) {
	return d.tombstoneAt(ctx, wandnats.ForgottenInKey(key.Shop(), key.Shopper()))
}

func (d *Data) tombstoneAt(ctx context.Context, key string) (time.Time, error) {
	entry, err := d.Forgotten.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("read tombstone: %w", err)
	}
	return timeOf(entry), nil
}

// readTombstone is the tombstone of an entry; false if its key is none of a tombstone.
func readTombstone(entry jetstream.KeyValueEntry) (tombstone, bool) {
	shopper, shop, inShop := strings.Cut(entry.Key(), ".")
	if !pagekey.ValidShopper(shopper) || inShop && !pagekey.ValidShop(shop) {
		return tombstone{}, false
	}
	return tombstone{shopper, shop, timeOf(entry)}, true
}

// timeOf returns the time of a tombstone. One that cannot be read counts from its write.
func timeOf(entry jetstream.KeyValueEntry) time.Time {
	var t wandstorev1.Tombstone
	if err := wire.Unmarshal(entry.Value(), &t); err != nil || t.GetForgottenAt().CheckValid() != nil {
		return entry.Created()
	}
	return t.GetForgottenAt().AsTime()
}
