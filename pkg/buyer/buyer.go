// Package buyer carries a shopper's id through a merchant's checkout and back, so that an
// order is known to be that shopper's.
//
// The edge puts a mark into the address of the checkout; the merchant's system keeps it with
// the order, in an attribute called [Attribute], and sends it back with the order's webhook.
// A mark is {id}.{mac}: an HMAC-SHA-256 under the first of ORDER_KEYS, over the id and the
// shop. Whoever buys can change the attribute, so a mark that is not signed, or is another
// shop's, names nobody: nobody can put an order into somebody else's session. Its key is not
// that of the cookies: whoever has it cannot be anybody, and the importer does not need the
// cookies' key.
package buyer

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/wandstore/wandstore/pkg/pagekey"
)

// Attribute is the name of the attribute of a cart or an order that holds a mark.
const Attribute = "wandstore_shopper"

// Config is the keys of marks.
type Config struct {
	// Keys sign marks: base64 of 32 bytes or more each, with commas. The first signs, all
	// verify. Without any there are no marks.
	Keys string `env:"ORDER_KEYS" secret:"true"`
}

// minKey is the length of a key, in bytes: that of the hash (RFC 2104, section 3).
const minKey = 32

// Validate reports whether ORDER_KEYS can be read.
func (c Config) Validate() error {
	_, err := c.Signer()
	return err
}

// Signer reads the keys. The error names the variable.
func (c Config) Signer() (*Signer, error) {
	s := &Signer{}
	if c.Keys == "" {
		return s, nil
	}
	for text := range strings.SplitSeq(c.Keys, ",") {
		key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
		if err != nil || len(key) < minKey {
			return nil, errors.New("ORDER_KEYS is not base64 of 32 bytes or more, several with commas")
		}
		s.keys = append(s.keys, key)
	}
	return s, nil
}

// Signer makes and verifies marks. It is safe for concurrent use.
type Signer struct{ keys [][]byte }

// Mark is the mark of a shopper in a shop; "" without a key or a shopper.
func (s *Signer) Mark(shop, shopper string) string {
	if len(s.keys) == 0 || !pagekey.ValidShopper(shopper) {
		return ""
	}
	return shopper + "." + base64.RawURLEncoding.EncodeToString(mac(s.keys[0], shop, shopper))
}

// Shopper is the shopper of a mark that was made for the shop; "" of any other text.
func (s *Signer) Shopper(shop, mark string) string {
	shopper, text, _ := strings.Cut(mark, ".")
	given, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || !pagekey.ValidShopper(shopper) {
		return ""
	}
	for _, key := range s.keys {
		if hmac.Equal(given, mac(key, shop, shopper)) {
			return shopper
		}
	}
	return ""
}

// mac covers the shop and the shopper. A slug has no colon, so no two pairs are equal.
func mac(key []byte, shop, shopper string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("wandstore order:" + shop + ":" + shopper))
	return h.Sum(nil)
}
