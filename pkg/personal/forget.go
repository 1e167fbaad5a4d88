package personal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/session"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// Pages reads and deletes pages of one store.
type Pages interface {
	Get(ctx context.Context, key pagekey.Key) (*pagestore.Page, error)
	Delete(ctx context.Context, key pagekey.Key) error
}

// Data is where shoppers' data is kept.
type Data struct {
	// Permanent is deleted from before Cache, because a lookup refills the cache from it.
	Permanent Pages
	Cache     Pages
	// Jobs is the bucket GENERATION_QUEUE.
	Jobs     jetstream.KeyValue
	Sessions *session.Store
	// Forgotten is the bucket FORGOTTEN.
	Forgotten jetstream.KeyValue
}

// Forget erases the shopper's data in the given shops and in every shop of the session.
// After an error in one shop it continues with the others. The session is removed last,
// and only without errors, so that Forget can be called again. The error is
// pagekey.ErrInvalid for an invalid shopper id, else from the stores.
func (d *Data) Forget(ctx context.Context, shopper string, shops []string) error {
	if !pagekey.ValidShopper(shopper) {
		return pagekey.ErrInvalid
	}
	if err := d.bury(ctx, shopper, time.Now()); err != nil {
		return fmt.Errorf("forget shopper: %w", err)
	}
	s, err := d.Sessions.Get(ctx, shopper)
	if err != nil {
		return fmt.Errorf("forget shopper: %w", err)
	}
	var failed []error
	for _, key := range keys(shopper, shops, s) {
		failed = append(failed, d.forgetIn(ctx, key))
	}
	if err := errors.Join(failed...); err != nil {
		return fmt.Errorf("forget shopper: %w", err)
	}
	return d.Sessions.Forget(ctx, shopper)
}

func (d *Data) forgetIn(ctx context.Context, key pagekey.Key) error {
	// The job is cancelled first, so that its worker stops.
	if err := jobqueue.Forget(ctx, d.Jobs, key); err != nil {
		return err
	}
	return errors.Join(d.Permanent.Delete(ctx, key), d.Cache.Delete(ctx, key))
}

// ForgottenSince reports whether the shopper was forgotten at t or later. The error is
// ctx's or the client's.
func (d *Data) ForgottenSince(ctx context.Context, shopper string, t time.Time) (bool, error) {
	at, err := d.forgottenAt(ctx, shopper)
	return err == nil && !at.IsZero() && !at.Before(t), err
}

// RemoveAgain removes what was stored for a key although its shopper was forgotten: what
// was requested or begun before that, and what the job left in the session. What the
// shopper did since stays. Without a tombstone it does nothing. The error is from the
// stores.
func (d *Data) RemoveAgain(ctx context.Context, key pagekey.Key, jobID string) error {
	at, err := d.forgottenAt(ctx, key.Shopper())
	if err != nil || at.IsZero() {
		return err
	}
	_, err = d.forgetBefore(ctx, key, at)
	return errors.Join(err, jobqueue.RemoveTrail(ctx, d.Jobs, key), d.Sessions.Retract(ctx, key.Shopper(), key.Shop(), jobID, at))
}

// forgetBefore removes the key's job and pages if they were requested by then, and
// reports whether there were any.
func (d *Data) forgetBefore(ctx context.Context, key pagekey.Key, at time.Time) (found bool, err error) {
	var failed []error
	rec, err := jobqueue.ReadRecord(ctx, d.Jobs, key)
	switch {
	case errors.Is(err, jobqueue.ErrNoRecord):
	case err != nil:
		failed = append(failed, err)
	case rec.GetState() != wandstorev1.JobState_JOB_STATE_CANCELLED && !rec.GetRequestedAt().AsTime().After(at):
		found = true
		failed = append(failed, jobqueue.Forget(ctx, d.Jobs, key))
	}
	if old, err := jobqueue.TrailIsOld(ctx, d.Jobs, key, at); err != nil || old {
		found = found || old
		failed = append(failed, err, jobqueue.RemoveTrail(ctx, d.Jobs, key))
	}
	for _, pages := range []Pages{d.Permanent, d.Cache} {
		page, err := pages.Get(ctx, key)
		switch {
		case errors.Is(err, pagestore.ErrMiss), err == nil && page.RequestedAt().After(at):
			continue
		case err != nil && !errors.Is(err, pagestore.ErrCorrupt):
			failed = append(failed, err)
		default:
			// Nobody is served a corrupt page, so it may go as well.
			found = true
			failed = append(failed, pages.Delete(ctx, key))
		}
	}
	return found, errors.Join(failed...)
}
