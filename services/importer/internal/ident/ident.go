// Package ident compares what other systems call their products. catalogue.ProductID makes
// ids of it.
package ident

import (
	"net/url"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Canonical is a handle in the form by which handles are compared: those that differ only
// in case, in being percent-encoded, or in their Unicode normal form are the same, as they
// are in an address.
func Canonical(handle string) string {
	handle = strings.TrimSpace(handle)
	if strings.Contains(handle, "%") {
		if decoded, err := url.PathUnescape(handle); err == nil {
			handle = decoded
		}
	}
	return strings.ToLower(norm.NFC.String(handle))
}

// Readable is what of a text can stand in an id: letters without their accents, digits, and
// dashes in place of the rest. It is "" if that is nothing.
func Readable(text string) string {
	id := make([]byte, 0, len(text))
	for _, r := range norm.NFKD.String(strings.ToLower(text)) {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			id = append(id, byte(r))
		case unicode.Is(unicode.Mn, r):
		case len(id) > 0 && id[len(id)-1] != '-':
			id = append(id, '-')
		}
	}
	return strings.TrimRight(string(id), "-")
}

// Slug is an id for a name that people read, such as a collection's: Readable, if that
// keeps every letter, and otherwise "".
func Slug(name string) string {
	for _, r := range norm.NFKD.String(strings.ToLower(name)) {
		if unicode.IsLetter(r) && (r < 'a' || r > 'z') {
			return ""
		}
	}
	if id := Readable(name); len(id) <= 63 {
		return id
	}
	return ""
}
