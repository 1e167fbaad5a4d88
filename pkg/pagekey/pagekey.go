// Package pagekey names a page: one shopper's page of one store.
//
// Ids come from the public: a Key can only be had through New, so whatever holds
// one may put it into a KV key, a subject or an object name as it is.
package pagekey

import (
	"errors"
	"fmt"
	"strings"
)

// ErrInvalid is wrapped by New's errors: an id is not of the form that keys,
// subjects and object names take.
var ErrInvalid = errors.New("invalid id")

// Longest ids, in bytes.
const (
	maxStore   = 63
	maxShopper = 64
)

// Key names one shopper's page of one store. The zero Key is not valid.
type Key struct {
	store, shopper string
}

// New checks both ids: the store slug against ^[a-z0-9][a-z0-9-]{0,62}$, the
// shopper against ^[A-Za-z0-9_-]{1,64}$. Anything else is ErrInvalid. The error
// never holds the id itself, and the Key holds copies: it may outlive a request
// whose strings live in reused memory.
func New(store, shopper string) (Key, error) {
	if !ValidStore(store) {
		return Key{}, fmt.Errorf("%w: a store is 1 to %d of a-z, 0-9 and -, and does not begin with -", ErrInvalid, maxStore)
	}
	if !ValidShopper(shopper) {
		return Key{}, fmt.Errorf("%w: a shopper is 1 to %d of A-Z, a-z, 0-9, _ and -", ErrInvalid, maxShopper)
	}
	return Key{store: strings.Clone(store), shopper: strings.Clone(shopper)}, nil
}

// Store is the store's slug.
func (k Key) Store() string { return k.store }

// Shopper is the shopper's id.
func (k Key) Shopper() string { return k.shopper }

// IsZero tells a Key that New did not make.
func (k Key) IsZero() bool { return k.store == "" }

// ValidStore reports whether s is a store slug.
func ValidStore(s string) bool {
	if s == "" || len(s) > maxStore || s[0] == '-' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !lower(c) && !digit(c) && c != '-' {
			return false
		}
	}
	return true
}

// ValidShopper reports whether s is a shopper id.
func ValidShopper(s string) bool {
	if s == "" || len(s) > maxShopper {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !lower(c) && !digit(c) && (c < 'A' || c > 'Z') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

func lower(c byte) bool { return c >= 'a' && c <= 'z' }
func digit(c byte) bool { return c >= '0' && c <= '9' }
