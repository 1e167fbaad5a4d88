package pagemaker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wandstore/wandstore/pkg/jobqueue"
)

// forgottenTimeout bounds looking for a tombstone and removing a page again. It outlives
// the order's context, because a page must not stay that was stored before that ended.
const forgottenTimeout = 10 * time.Second

// errNotKnown: whether the order's shopper was forgotten.
var errNotKnown = errors.New("look for a tombstone")

// checkForgotten returns nil unless the order's shopper was forgotten since its making
// began. Then it removes what was stored, and returns jobqueue.ErrCancelled. errNotKnown
// means that NATS did not answer, any other error that something is still stored: another
// try, or personal.Data.Keep, removes it.
func (m *Maker) checkForgotten(ctx context.Context, o Order) error {
	var settled error
	err := m.insist(ctx, o, 1, forgottenTimeout, func(context.Context) error {
		err := m.checkForgottenOnce(ctx, o)
		if errors.Is(err, jobqueue.ErrCancelled) {
			settled, err = err, nil
		}
		return err
	})
	return errors.Join(settled, err)
}

func (m *Maker) checkForgottenOnce(ctx context.Context, o Order) error {
	if o.forCohort() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), forgottenTimeout)
	defer cancel()
	forgotten, err := m.forgotten(ctx, o)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", errNotKnown, err)
	case !forgotten:
		return nil
	}
	if err := m.Forgotten.RemoveAgain(ctx, o.Key, o.JobID); err != nil {
		return fmt.Errorf("remove the page of a forgotten shopper: %w", err)
	}
	return fmt.Errorf("%w: its shopper was forgotten", jobqueue.ErrCancelled)
}

// forgotten reports whether the order's shopper was forgotten since its making began.
func (m *Maker) forgotten(ctx context.Context, o Order) (bool, error) {
	since := o.RequestedAt
	if !o.Begun.IsZero() && o.Begun.Before(since) {
		since = o.Begun
	}
	return m.Forgotten.ForgottenSince(ctx, o.Key, since)
}
