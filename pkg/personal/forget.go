package personal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/pagedraft"
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
	Drafts    *pagedraft.Store
	// Now is the clock that jobs, pages and sessions are dated by; nil is time.Now.
	Now func() time.Time
}

func (d *Data) now() time.Time {
	if d.Now == nil {
		return time.Now()
	}
	return d.Now()
}

// Forget erases the shopper's data in the given shops and in every shop of the session.
// After an error in one shop it continues with the others. The session is removed last,
// and only without errors, so that Forget can be called again. The error is
// pagekey.ErrInvalid for an invalid shopper id, else from the stores.
func (d *Data) Forget(ctx context.Context, shopper string, shops []string) error {
	if !pagekey.ValidShopper(shopper) {
		return pagekey.ErrInvalid
	}
	if err := d.writeTombstone(ctx, wandnats.ForgottenKey(shopper)); err != nil {
		return fmt.Errorf("forget shopper: %w", err)
	}
	s, err := d.Sessions.Get(ctx, shopper)
	if err != nil {
		return fmt.Errorf("forget shopper: %w", err)
	}
	var failed []error
	for _, key := range keys(shopper, shops, s) {
		failed = append(failed, d.remove(ctx, key))
	}
	if err := errors.Join(failed...); err != nil {
		return fmt.Errorf("forget shopper: %w", err)
	}
	return d.Sessions.Forget(ctx, shopper)
}

// ForgetIn erases the shopper's data in the key's shop, and nothing in other shops: there
// the id that a shop's link or server gave may be another person's. The shop's part of the
// session is removed last, and only without errors, so that ForgetIn can be called again.
// The error is from the stores.
func (d *Data) ForgetIn(ctx context.Context, key pagekey.Key) error {
	if err := d.writeTombstone(ctx, wandnats.ForgottenInKey(key.Shop(), key.Shopper())); err != nil {
		return fmt.Errorf("forget shopper in a shop: %w", err)
	}
	if err := d.remove(ctx, key); err != nil {
		return fmt.Errorf("forget shopper in a shop: %w", err)
	}
	return d.Sessions.ForgetIn(ctx, key.Shopper(), key.Shop())
}

// remove removes the key's job, breadcrumbs and pages.
func (d *Data) remove(ctx context.Context, key pagekey.Key) error {
	// The job is cancelled first, so that its worker stops.
	if err := jobqueue.Forget(ctx, d.Jobs, key, d.now()); err != nil {
		return err
	}
	return errors.Join(d.Drafts.Remove(ctx, key, 0), d.Permanent.Delete(ctx, key), d.Cache.Delete(ctx, key))
}

// ForgottenSince reports whether the key's shopper was forgotten at t or later, in the
// key's shop or in all. The error is ctx's or the client's.
func (d *Data) ForgottenSince(ctx context.Context, key pagekey.Key, t time.Time) (bool, error) {
	at, in, err := d.tombstones(ctx, key)
	return err == nil && (!at.IsZero() && !at.Before(t) || !in.IsZero() && !in.Before(t)), err
}

// tombstones returns when the key's shopper was last forgotten in all shops and in the
// key's alone.
func (d *Data) tombstones(ctx context.Context, key pagekey.Key) (at, in time.Time, err error) {
	var inErr error
	var read sync.WaitGroup
	read.Go(func() { in, inErr = d.forgottenIn(ctx, key) })
	at, err = d.forgottenAt(ctx, key.Shopper())
	read.Wait()
	return at, in, errors.Join(err, inErr)
}

// RemoveAgain removes what was stored for a key although its shopper was forgotten: what
// was requested or begun before that, and what the job left in the session. What the
// shopper did since stays. Without a tombstone it does nothing. The error is from the
// stores.
func (d *Data) RemoveAgain(ctx context.Context, key pagekey.Key, jobID string) error {
	at, in, err := d.tombstones(ctx, key)
	if err != nil || at.IsZero() && in.IsZero() {
		return err
	}
	latest := at
	if in.After(at) {
		latest = in
	}
	_, err = d.forgetBefore(ctx, key, latest)
	failed := []error{err, jobqueue.RemoveTrail(ctx, d.Jobs, key)}
	if !at.IsZero() {
		failed = append(failed, d.Sessions.Retract(ctx, key.Shopper(), key.Shop(), jobID, at))
	}
	if !in.IsZero() {
		failed = append(failed, d.Sessions.RetractIn(ctx, key.Shopper(), key.Shop(), jobID, in))
	}
	return errors.Join(failed...)
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
		failed = append(failed, jobqueue.Forget(ctx, d.Jobs, key, d.now()))
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
