// Package erasure forgets a shopper: session and cart, pages, the job that makes
// one, its record's breadcrumbs, in every store.
//
// What stays for a while: a cancelled job's record and the markers of what was
// removed (an hour at most), the job's message until a worker meets it, and dead
// letters (a week, or until an operator deletes them).
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

// Pages is a store of pages.
type Pages interface {
	Delete(ctx context.Context, key pagekey.Key) error
}

// Eraser forgets shoppers.
type Eraser struct {
	// Permanent is asked before Cache: a page gone from the cache is read from it.
	Permanent Pages
	Cache     Pages
	// Jobs is the bucket GENERATION_QUEUE.
	Jobs     jetstream.KeyValue
	Sessions *session.Store
}

// Forget forgets the shopper in those stores and in every other that their session
// tells of. It goes on past what fails, and the session is the last to go: after an
// error call it again. pagekey.ErrInvalid for an id that is none; else what a store
// answered.
func (e *Eraser) Forget(ctx context.Context, shopper string, stores []string) error {
	if !pagekey.ValidShopper(shopper) {
		return pagekey.ErrInvalid
	}
	s, err := e.Sessions.Get(ctx, shopper)
	if err != nil {
		return fmt.Errorf("forget shopper: %w", err)
	}
	all := map[string]bool{}
	for _, slug := range stores {
		all[slug] = true
	}
	for slug := range s.GetStores() {
		all[slug] = true
	}
	var failed []error
	for slug := range all {
		key, err := pagekey.New(slug, shopper)
		if err != nil {
			// No page can have been stored under it.
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
	// The job first: its page would come after all was gone.
	if err := jobqueue.Cancel(ctx, e.Jobs, key); err != nil {
		return err
	}
	return errors.Join(
		e.Permanent.Delete(ctx, key),
		e.Cache.Delete(ctx, key),
		e.Jobs.Purge(ctx, wandnats.DebugKey(key.Store(), key.Shopper())),
		e.Jobs.Purge(ctx, wandnats.ErrorKey(key.Store(), key.Shopper())),
	)
}
