package pagestore

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// KeyConfig holds the keys of the pages' MACs.
type KeyConfig struct {
	// PageKeys are base64 of 32 bytes each, several with commas: the first signs, all
	// verify. Without keys pages are neither signed nor verified.
	PageKeys string `env:"PAGE_KEYS" secret:"true"`
}

// Keys sign and verify pages. The zero Keys do neither.
//
// The MAC is HMAC-SHA-256 over the document, the key and all metadata. So nobody who can
// write to a store, and has no key, can change a page, make one up, or move one to another
// shopper: Get returns ErrCorrupt for it, and Put replaces it. An older page of the same
// shopper, signed once, can be put back.
type Keys struct{ keys [][]byte }

// Keys parses the keys. The error names PAGE_KEYS.
func (c KeyConfig) Keys() (Keys, error) {
	var k Keys
	for text := range strings.SplitSeq(c.PageKeys, ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		key, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(key) != sha256.Size {
			return Keys{}, errors.New("PAGE_KEYS is not base64 of 32 bytes, several with commas")
		}
		k.keys = append(k.keys, key)
	}
	return k, nil
}

// Validate returns an error that names the variable.
func (c KeyConfig) Validate() error {
	_, err := c.Keys()
	return err
}

// join is all keys in their order.
func join(all []Keys) Keys {
	var k Keys
	for _, one := range all {
		k.keys = append(k.keys, one.keys...)
	}
	return k
}

// mac is the page's MAC under the first key; nil without keys.
func (k Keys) mac(page *Page) []byte {
	if len(k.keys) == 0 {
		return nil
	}
	return macUnder(k.keys[0], page)
}

// verified returns the page, or ErrCorrupt if there are keys and the MAC is under none of
// them.
func (k Keys) verified(page *Page, mac []byte) (*Page, error) {
	if len(k.keys) == 0 || slices.ContainsFunc(k.keys, func(key []byte) bool { return hmac.Equal(mac, macUnder(key, page)) }) {
		return page, nil
	}
	return nil, fmt.Errorf("%w: its MAC is missing or wrong", ErrCorrupt)
}

// macDomain keeps these MACs apart from those of other uses of a key, and of other
// formats.
const macDomain = "wandstore page 1"

// macUnder authenticates each part together with its length, so that no two pages have the
// same text.
func macUnder(key []byte, page *Page) []byte {
	h := hmac.New(sha256.New, key)
	part := func(b []byte) {
		_, _ = h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(b)))) // a hash never fails
		_, _ = h.Write(b)
	}
	for _, text := range []string{
		macDomain, page.Key().Shop(), page.Key().Shopper(), page.Persona(), page.Source(), page.JobID(), page.Model(),
		page.PromptVersion(), page.CatalogueVersion(), page.Traceparent(),
		page.RequestedAt().Format(timeFormat), page.GeneratedAt().Format(timeFormat),
	} {
		part([]byte(text))
	}
	part(page.HTML())
	if page.Cost() != 0 || page.CostSoFar() != 0 {
		// Pages from before costs were kept have no such part.
		part(fmt.Appendf(nil, "cost %d %d", page.Cost(), page.CostSoFar()))
	}
	return h.Sum(nil)
}
