package pagestore

import "errors"

// errSame: the page of this job is stored already.
var errSame = errors.New("already stored")

// mayReplace decides whether page replaces the stored one. It returns nil if page does,
// ErrSuperseded if the stored page is newer, and errSame if it is of the same job. stored
// and readErr are the result of reading the store. A missing or corrupt page is replaced;
// any other readErr is returned.
//
// stored may be out of date if a lagging replica answered. That is safe: a stored page is
// only ever replaced by a newer one, and the compare-and-swap refuses a write over any
// version but the one that was read.
func mayReplace(page, stored *Page, readErr error) error {
	switch {
	case errors.Is(readErr, ErrMiss), errors.Is(readErr, ErrCorrupt):
		return nil
	case readErr != nil:
		return readErr
	}
	switch c := stored.compare(page); {
	case c == 0:
		return errSame
	case c > 0:
		return ErrSuperseded
	default:
		return nil
	}
}
