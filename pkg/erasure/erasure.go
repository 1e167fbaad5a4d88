// Package erasure erases the data of a shopper in every shop: the session with the cart,
// the pages, the job that makes a page, and the breadcrumbs of jobs.
//
// Some data with the shopper's id stays for a time. The record of a cancelled job and the
// delete markers stay for one hour at most. The message of a cancelled job stays until a
// worker receives it. Dead letters stay for a week, or until an operator deletes them.
package erasure

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/session"
)

// Pages deletes pages of one store.
type Pages interface {
	Delete(ctx context.Context, key pagekey.Key) error
}

// Eraser erases the data of shoppers.
type Eraser struct {
	// Permanent is deleted from before Cache, because a lookup refills the cache from it.
	Permanent Pages
	Cache     Pages
	// Jobs is the bucket GENERATION_QUEUE.
	Jobs     jetstream.KeyValue
	Sessions *session.Store
}

// Forget erases the shopper's data in the given shops and in every shop of the session.
// After an error in one shop it continues with the others. The session is removed last,
// and only without errors, so that Forget can be called again. The error is
// pagekey.ErrInvalid for an invalid shopper id, else from the stores.
func (e *Eraser) Forget(ctx context.Context, shopper string, shops []string) error {
	if !pagekey.ValidShopper(shopper) {
		return pagekey.ErrInvalid
	}
	s, err := e.Sessions.Get(ctx, shopper)
	if err != nil {
		return fmt.Errorf("forget shopper: %w", err)
	}
	all := map[string]bool{}
	for _, slug := range shops {
		all[slug] = true
	}
	for slug := range s.GetStores() {
		all[slug] = true
	}
	var failed []error
	for slug := range all {
		key, err := pagekey.New(slug, shopper)
		if err != nil {
			// No page can be stored under an invalid slug.
			continue
		}
		failed = append(failed, e.forgetIn(ctx, key))
	}
	if err := errors.Join(failed...); err != nil {
		return fmt.Errorf("forget shopper: %w", err)
	}
	return e.Sessions.Forget(ctx, shopper)
}

func (e *Eraser) forgetIn(ctx context.Context, key pagekey.Key) error {
	// The job is cancelled first, because it would store a page after the deletions.
	if err := jobqueue.Cancel(ctx, e.Jobs, key); err != nil {
		return err
	}
	return errors.Join(
		e.Permanent.Delete(ctx, key),
		e.Cache.Delete(ctx, key),
		e.Jobs.Purge(ctx, wandnats.DebugKey(key.Shop(), key.Shopper())),
		e.Jobs.Purge(ctx, wandnats.ErrorKey(key.Shop(), key.Shopper())),
	)
}
