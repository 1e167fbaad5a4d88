package pagestore

import "errors"

var (
	// ErrMiss: the store has no page of this key. With ErrUnavailable beside it
	// (Tiered only), nobody who could be asked had one.
	ErrMiss = errors.New("no such page")

	// ErrUnavailable accompanies Tiered's ErrMiss when a lower tier could not be
	// asked: the page may exist. Without it the miss is certain.
	ErrUnavailable = errors.New("page store unavailable")

	// ErrUnverified comes from Memory.Get together with the page: it was true
	// once, and must be looked up again before it is served as fresh.
	ErrUnverified = errors.New("page not verified")

	// ErrSuperseded refuses a Put: the store already has a page of a later request.
	ErrSuperseded = errors.New("a newer page is stored")

	// ErrTooLarge refuses a page above MaxHTML, or one whose encoding does not
	// fit the store.
	ErrTooLarge = errors.New("page too large")

	// ErrTemplate refuses a template page in the permanent store.
	ErrTemplate = errors.New("template pages are not stored for good")

	// ErrInvalid refuses a page that no store could keep: ids that are no key,
	// no html, text that is not UTF-8, no job, or times missing.
	ErrInvalid = errors.New("invalid page")

	// ErrCorrupt: the store has a value of this key that is not a page of this
	// key. A Put replaces it.
	ErrCorrupt = errors.New("stored page is corrupt")
)
