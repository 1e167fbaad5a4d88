package catalogue

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// CleanText is s as a shop's texts may be: valid UTF-8 on one line, without leading and
// trailing space, without control characters and without invisible ones that change what
// a reader sees. The joiners that Persian, Indic scripts and emoji need stay, and so do
// the marks of direction, which change nothing beyond their place.
func CleanText(s string) string {
	if isClean(s) {
		return s
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case hidden(r):
			return -1
		default:
			return r
		}
	}, strings.ToValidUTF8(s, ""))
	return strings.Join(strings.Fields(s), " ")
}

// isClean reports whether s is visible ASCII with single spaces between words, as most texts
// are.
func isClean(s string) bool {
	space := true // before the text
	for i := range len(s) {
		switch c := s[i]; {
		case c > ' ' && c < 0x7f:
			space = false
		case c == ' ' && !space:
			space = true
		default:
			return false
		}
	}
	return s == "" || !space
}

// hidden reports whether the rune is refused in a shop's texts: a control character, or a
// format character other than those that scripts need. Among those refused are the
// embeddings, overrides and isolates of direction (Unicode Standard Annex 9, section 2),
// with which a text can show something else than it says, and the tag characters, which
// show nothing and which a language model reads.
func hidden(r rune) bool {
	switch r {
	case '\n', '\t', // paragraphs and columns
		'\u200c', '\u200d', // zero width non-joiner and joiner
		'\u200e', '\u200f', '\u061c', // marks of direction
		'\u00ad': // soft hyphen
		return false
	}
	switch {
	case r < 0x7f:
		return r < ' '
	case r >= 0x600 && r <= 0x605, r == 0x6dd, r == 0x70f, r == 0x890, r == 0x891, r == 0x8e2, r == 0x110bd, r == 0x110cd:
		return false // signs that enclose the numbers after them, which are visible
	default:
		return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp)
	}
}

// ProductID is an id for the product that a merchant calls handle: the handle itself if
// it is an id, else an id that is made of it. Different handles have different ids, and
// the same handle always has the same.
func ProductID(handle string) string {
	if productID.MatchString(handle) {
		return handle
	}
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ToLower(handle)) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case unicode.Is(unicode.Mn, r):
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() >= maxReadable {
			break
		}
	}
	sum := sha256.Sum256([]byte(handle))
	return strings.TrimPrefix(strings.TrimSuffix(b.String(), "-")+"-"+hex.EncodeToString(sum[:8]), "-")
}

// maxReadable is how many characters of a handle an id that is made of it begins with.
const maxReadable = 40

// excerpt is the beginning of a text, of at most most characters: whole sentences if the
// first fits, else whole words.
func excerpt(s string, most int) string {
	runes := []rune(s)
	if len(runes) <= most {
		return s
	}
	cut := string(runes[:most-1])
	if i := strings.LastIndex(cut, ". "); i > len(cut)/3 {
		return cut[:i+1]
	}
	if i := strings.LastIndexByte(cut, ' '); i > len(cut)/3 {
		cut = cut[:i]
	}
	return strings.TrimRight(cut, " ,;:-") + "…"
}
