package personal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/session"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

const (
	// keepEvery spaces the walks through the tombstones. A restore needs the services
	// stopped, so the walk at their start is the one that counts.
	keepEvery = 6 * time.Hour
	// keepPause spaces the shoppers of a walk, so that it loads no store.
	keepPause = 20 * time.Millisecond
	// keepTimeout bounds the work for one shopper.
	keepTimeout = 10 * time.Second
)

// Keep keeps the forgotten forgotten until ctx ends: at once and every six hours it looks
// for data that is older than its shopper's tombstone, as a restored backup brings it
// back, and removes it. It takes about fifty shoppers a second. shops returns the slugs of
// the shops. What fails is logged, and tried again by the next walk.
func (d *Data) Keep(ctx context.Context, shops func() []string, log *slog.Logger) error {
	for ctx.Err() == nil {
		again, err := d.walk(ctx, shops())
		switch {
		case err != nil && ctx.Err() == nil:
			log.WarnContext(ctx, "the forgotten were not all looked for", "error", err)
		case again > 0:
			log.InfoContext(ctx, "forgotten again", "shoppers", again)
		}
		select {
		case <-time.After(keepEvery + rand.N(keepEvery/6)):
		case <-ctx.Done():
		}
	}
	return nil
}

// walk forgets again whose data is older than their tombstone, and returns how many
// shoppers those were. It goes on after errors, and returns the last one.
func (d *Data) walk(ctx context.Context, shops []string) (again int, last error) {
	var found []tombstone
	err := wandnats.Watch{Bucket: d.Forgotten, Options: []jetstream.WatchOpt{jetstream.IgnoreDeletes()}, Entry: func(e jetstream.KeyValueEntry) {
		if t, ok := readTombstone(e); ok {
			found = append(found, t)
		}
	}}.Read(ctx)
	if err != nil {
		return 0, err
	}
	for _, t := range found {
		one, cancel := context.WithTimeout(ctx, keepTimeout)
		removed, err := d.forgetAgain(one, t, shops)
		cancel()
		if removed {
			again++
		}
		if err != nil {
			last = err
		}
		select {
		case <-time.After(keepPause):
		case <-ctx.Done():
			return again, ctx.Err()
		}
	}
	return again, last
}

// forgetAgain removes what is older than the tombstone, and reports whether there was
// anything.
func (d *Data) forgetAgain(ctx context.Context, t tombstone, shops []string) (removed bool, err error) {
	s, err := d.Sessions.Get(ctx, t.shopper)
	if err != nil {
		return false, fmt.Errorf("forget again: %w", err)
	}
	all := keys(t.shopper, shops, s)
	if t.shop != "" {
		all = keys(t.shopper, []string{t.shop}, nil)
	}
	var failed []error
	for _, key := range all {
		found, err := d.forgetBefore(ctx, key, t.at)
		removed = removed || found
		failed = append(failed, err)
	}
	if errors.Join(failed...) == nil && t.outlives(s) {
		removed = true
		if t.shop == "" {
			failed = append(failed, d.Sessions.Retract(ctx, t.shopper, "", "", t.at))
		} else {
			failed = append(failed, d.Sessions.RetractIn(ctx, t.shopper, t.shop, "", t.at))
		}
	}
	if err := errors.Join(failed...); err != nil {
		return removed, fmt.Errorf("forget again: %w", err)
	}
	return removed, nil
}

// outlives reports whether the session holds what was forgotten by then.
func (t tombstone) outlives(s *wandstorev1.ShopperSession) bool {
	if t.shop == "" {
		return stored(s) && !s.GetCreatedAt().AsTime().After(t.at)
	}
	signals, found := s.GetStores()[t.shop]
	return found && session.BegunBy(signals, t.at)
}

// stored reports whether a session was read from the bucket: one that is made up for a
// shopper without any was never written.
func stored(s *wandstorev1.ShopperSession) bool { return s.GetUpdatedAt() != nil }

// keys are the shopper's keys in the given shops and in those of the session.
func keys(shopper string, shops []string, s *wandstorev1.ShopperSession) []pagekey.Key {
	all := map[string]bool{}
	for _, slug := range shops {
		all[slug] = true
	}
	for slug := range s.GetStores() {
		all[slug] = true
	}
	found := make([]pagekey.Key, 0, len(all))
	for slug := range all {
		// No page can be stored under an invalid slug.
		if key, err := pagekey.New(slug, shopper); err == nil {
			found = append(found, key)
		}
	}
	return found
}
