package pagestore

import "errors"

var (
	// ErrMiss: the store has no page of this key. Tiered joins ErrUnavailable to it if it
	// could not ask every tier.
	ErrMiss = errors.New("no such page")

	// ErrUnavailable accompanies ErrMiss of Tiered if a lower tier could not be asked, or
	// does not know every page, so that the page may exist. ErrMiss without it is certain.
	ErrUnavailable = errors.New("page store unavailable")

	// ErrUnverified comes from Memory.Get together with the page. The page may have been
	// replaced below, and must be looked up again before it is served as fresh.
	ErrUnverified = errors.New("page not verified")

	// ErrSuperseded: Put refuses the page, since a page of a later request is stored.
	ErrSuperseded = errors.New("a newer page is stored")

	// ErrTooLarge: the HTML is larger than MaxHTML, or the encoded page does not fit the
	// store.
	ErrTooLarge = errors.New("page too large")

	// ErrTemplate: the permanent store refuses template pages, and partial ones.
	ErrTemplate = errors.New("template pages are not stored for good")

	// ErrInvalid: no store could keep the page. An id is not a valid key, the HTML, the job
	// or a time is missing, or a text is not UTF-8.
	ErrInvalid = errors.New("invalid page")

	// ErrCorrupt: the value stored under this key is not a page of this key. A Put
	// replaces it.
	ErrCorrupt = errors.New("stored page is corrupt")
)
