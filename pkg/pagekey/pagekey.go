// Package pagekey has the key of a page: the shopper's id and the shop's slug.
//
// Ids come from the public. Only New makes a Key, so every Key is safe inside a KV key, a
// subject or an object name.
package pagekey

import (
	"errors"
	"fmt"
	"strings"
)

// ErrInvalid is wrapped by the errors of New. It means that an id has characters or a
// length that keys, subjects or object names do not allow.
var ErrInvalid = errors.New("invalid id")

// The greatest lengths of ids, in bytes.
const (
	maxShop    = 63
	maxShopper = 64
)

// Key identifies one shopper's page of one shop. The zero Key is not valid.
type Key struct {
	shop, shopper string
}

// New makes a Key. The shop's slug must match ^[a-z0-9][a-z0-9-]{0,62}$ and the shopper's
// id ^[A-Za-z0-9_-]{1,64}$; anything else is ErrInvalid. The error never contains the id.
// The Key has copies of the strings, because those of an HTTP request are in memory that
// the server reuses.
func New(shop, shopper string) (Key, error) {
	if !ValidShop(shop) {
		return Key{}, fmt.Errorf("%w: a store is 1 to %d of a-z, 0-9 and -, and does not begin with -", ErrInvalid, maxShop)
	}
	if !ValidShopper(shopper) {
		return Key{}, fmt.Errorf("%w: a shopper is 1 to %d of A-Z, a-z, 0-9, _ and -", ErrInvalid, maxShopper)
	}
	return Key{shop: strings.Clone(shop), shopper: strings.Clone(shopper)}, nil
}

// Shop is the shop's slug.
func (k Key) Shop() string { return k.shop }

// Shopper is the shopper's id.
func (k Key) Shopper() string { return k.shopper }

// IsZero reports whether k was not made by New.
func (k Key) IsZero() bool { return k.shop == "" }

// ValidShop reports whether s is a shop's slug.
func ValidShop(s string) bool {
	if s == "" || len(s) > maxShop || s[0] == '-' {
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
