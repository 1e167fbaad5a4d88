package identity

import (
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/wandstore/wandstore/pkg/lifecycle"
	"github.com/wandstore/wandstore/pkg/pagekey"
)

// Modes of SHOPPER_IDS.
const (
	// Open takes a plain id in an address for who you are: for a laptop. It is refused on
	// an address that other machines reach.
	Open = "open"
	// OpenAnywhere is Open on any address.
	OpenAnywhere = "open-anywhere"
	// Signed takes signed cookies and link tokens only.
	Signed = "signed"
)

// Config is who counts as whom.
type Config struct {
	// Mode is Open, OpenAnywhere or Signed.
	Mode string `env:"SHOPPER_IDS" envDefault:"open"`
	// CookieKeys sign shoppers' cookies: base64 of 32 bytes or more each, with commas. The
	// first signs, all verify.
	CookieKeys string `env:"SHOPPER_KEYS" secret:"true"`
	// LinkKeys verify link tokens: {shop}:{base64 of 32 bytes or more}, with commas. A shop may
	// have several: all verify, and the first signs its previews.
	LinkKeys string `env:"LINK_KEYS" secret:"true"`
}

// IsSigned reports whether only signed identities count.
func (c Config) IsSigned() bool { return c.Mode == Signed }

// Validate names the first variable that is wrong; addr is where shoppers are answered.
func (c Config) Validate(addr string) error {
	switch c.Mode {
	case Open:
		if !lifecycle.Loopback(addr) {
			return errors.New("SHOPPER_IDS is open, which lets anybody be anybody, on an address that is not loopback: set it to signed, or to open-anywhere if that is meant")
		}
	case OpenAnywhere:
	case Signed:
		if c.CookieKeys == "" {
			return errors.New("SHOPPER_KEYS is empty, and SHOPPER_IDS is signed")
		}
	default:
		return errors.New("SHOPPER_IDS is not open, open-anywhere or signed")
	}
	_, err := c.Keys(time.Now)
	return err
}

// minKey is the length of a key, in bytes: that of the hash (RFC 2104, section 3).
const minKey = 32

// Keys reads the keys. The error names the variable.
func (c Config) Keys(now func() time.Time) (*Keys, error) {
	keys := &Keys{now: now, links: map[string][][]byte{}}
	for text := range listed(c.CookieKeys) {
		key, ok := readKey(text)
		if !ok {
			return nil, errors.New("SHOPPER_KEYS is not base64 of 32 bytes or more, several with commas")
		}
		keys.cookies = append(keys.cookies, key)
	}
	for text := range listed(c.LinkKeys) {
		shop, encoded, _ := strings.Cut(text, ":")
		key, ok := readKey(encoded)
		if !ok || !pagekey.ValidShop(shop) {
			return nil, errors.New("LINK_KEYS is not shop:base64 of 32 bytes or more, several with commas")
		}
		keys.links[shop] = append(keys.links[shop], key)
	}
	return keys, nil
}

// listed are the parts of a list with commas; none of an empty one.
func listed(list string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		if list == "" {
			return
		}
		for part := range strings.SplitSeq(list, ",") {
			if !yield(strings.TrimSpace(part)) {
				return
			}
		}
	}
}

func readKey(text string) ([]byte, bool) {
	key, err := base64.StdEncoding.DecodeString(text)
	return key, err == nil && len(key) >= minKey
}
