package pagestore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

var (
	// errConflict: somebody else wrote between the read and the write.
	errConflict = errors.New("concurrent write")
	// errSame: the page of this job is stored already.
	errSame = errors.New("already stored")
)

// Every conflict is somebody else's success, so a writer needs as many tries as
// there are writers of one key at once; these are far more than one job a
// shopper and its redeliveries make.
const (
	putTries    = 32
	maxPutPause = 20 * time.Millisecond
)

// slot is one key of a store that can compare and swap. R is the store's
// revision.
type slot[R any] interface {
	// create stores page if there is none, or says errConflict.
	create(ctx context.Context, page *Page) error
	// current is what is stored: ErrMiss, or ErrCorrupt with its revision.
	current(ctx context.Context, page *Page) (R, *Page, error)
	// replace stores page if the revision still is rev, or says errConflict.
	replace(ctx context.Context, page *Page, rev R) error
}

// putNewest stores page unless a newer one is there (ErrStale) or the job's own
// (errSame). What it decides on may be a replica's older value: that is safe,
// because values only get newer and the swap is refused if it was not the last.
func putNewest[R any](ctx context.Context, s slot[R], page *Page) error {
	err := s.create(ctx, page)
	for try := 0; errors.Is(err, errConflict); try++ {
		if try == putTries {
			return fmt.Errorf("%w: gave up after %d tries", err, putTries)
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
		rev, stored, readErr := s.current(ctx, page)
		switch {
		case errors.Is(readErr, ErrMiss):
			err = s.create(ctx, page)
			continue
		case errors.Is(readErr, ErrCorrupt):
			// Nothing readable is lost by writing over it.
		case readErr != nil:
			return readErr
		default:
			switch c := stored.compare(page); {
			case c == 0:
				return errSame
			case c > 0:
				return ErrStale
			}
		}
		err = s.replace(ctx, page, rev)
	}
	return err
}

// pause keeps writers that collided from colliding again. The first try waits
// for nobody: an existing page is a conflict too.
func pause(ctx context.Context, try int) error {
	if try == 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(rand.N(min(time.Millisecond<<min(try, 8), maxPutPause)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
