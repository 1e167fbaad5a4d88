package pagestore

import "errors"

// errSame: the page of this job is stored already.
var errSame = errors.New("already stored")

// mayReplace decides whether page is written over what is stored: nil if it is,
// ErrSuperseded if a newer page is stored, errSame if the job's own is. stored and readErr
// are what reading gave; a missing or corrupt page is replaced, and any other readErr
// is returned.
//
// What was read may be out of date, as on a replica that is behind. That is safe: a
// stored page is only ever replaced by a newer one, and the compare-and-swap refuses
// a write over anything but what was read.
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
