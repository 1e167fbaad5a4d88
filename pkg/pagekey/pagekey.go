// Package pagekey has the key of a page: the shop's slug, and the shopper's id or the name
// of a cohort.
//
// A cohort is a kind of visitor: a persona, alone or with an interest. Its name contains
// "=", which no shopper id may contain. So nobody can be taken for a cohort.
//
// Ids come from the public, who may name shoppers only (New). Cohorts are named by this
// system's own records and messages (Cohort, Parse). Every Key is safe inside a KV key, a
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

// cohortPrefix begins the name of a cohort: "cohort=explorer", "cohort=explorer=starter".
const cohortPrefix = "cohort="

// Key identifies the page of one shopper, or of one cohort, in one shop. The zero Key is not
// valid.
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

// Cohort makes the Key of a cohort's page. The interest is the id of a collection, or "" for
// none. Error: ErrInvalid, for a shop, persona or interest that is no slug.
func Cohort(shop, persona, interest string) (Key, error) {
	if !ValidShop(shop) || !ValidShop(persona) || interest != "" && !ValidShop(interest) {
		return Key{}, fmt.Errorf("%w: a cohort is a persona and an interest, each of a-z, 0-9 and -", ErrInvalid)
	}
	name := cohortPrefix + persona
	if interest != "" {
		name += "=" + interest
	}
	return Key{shop: strings.Clone(shop), shopper: name}, nil
}

// Parse makes a Key from a record or message of this system, which names a shopper or a
// cohort. Error: ErrInvalid.
func Parse(shop, name string) (Key, error) {
	if cohort, ok := strings.CutPrefix(name, cohortPrefix); ok {
		persona, interest, interested := strings.Cut(cohort, "=")
		if interested && interest == "" {
			return Key{}, fmt.Errorf("%w: a cohort with an empty interest", ErrInvalid)
		}
		return Cohort(shop, persona, interest)
	}
	return New(shop, name)
}

// Cohort is the cohort that the key names; false if the key is a shopper's. The interest is
// "" if the cohort has none.
func (k Key) Cohort() (persona, interest string, ok bool) {
	name, ok := strings.CutPrefix(k.shopper, cohortPrefix)
	persona, interest, _ = strings.Cut(name, "=")
	if !ok {
		return "", "", false
	}
	return persona, interest, true
}

// Shop is the shop's slug.
func (k Key) Shop() string { return k.shop }

// Shopper is the shopper's id, or the name of the cohort.
func (k Key) Shopper() string { return k.shopper }

// IsZero reports whether k is the zero Key.
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
