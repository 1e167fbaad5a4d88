package kimi

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// unquote is the text of a JSON string, which is valid JSON. Unlike encoding/json it keeps
// what is only a part of a character: bytes that are not UTF-8 stay as they are, and a
// lone surrogate is written as its three bytes. A joiner puts the parts together.
func unquote(quoted []byte) string {
	var b strings.Builder
	s := quoted[1 : len(quoted)-1]
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch s[i] {
		case 'n':
			b.WriteByte('\n')
		case 't':
			b.WriteByte('\t')
		case 'r':
			b.WriteByte('\r')
		case 'b':
			b.WriteByte('\b')
		case 'f':
			b.WriteByte('\f')
		case 'u':
			if i+5 > len(s) {
				continue
			}
			n, err := strconv.ParseUint(string(s[i+1:i+5]), 16, 16)
			if err == nil {
				writeUnit(&b, rune(n))
			}
			i += 4
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// writeUnit writes a UTF-16 code unit, a surrogate in the form of UTF-8 that its number
// would have.
func writeUnit(b *strings.Builder, r rune) {
	if !utf16.IsSurrogate(r) {
		b.WriteRune(r)
		return
	}
	b.Write([]byte{0xE0 | byte(r>>12), 0x80 | byte(r>>6)&0x3F, 0x80 | byte(r)&0x3F})
}

// joiner puts characters together that were split over pieces, by bytes or by surrogates,
// and drops what is no character, and the replacement characters that stand for such.
type joiner struct{ held []byte }

// write takes a piece and returns the whole characters.
func (j *joiner) write(piece string) string {
	if len(j.held) == 0 && utf8.ValidString(piece) && !strings.ContainsRune(piece, utf8.RuneError) {
		return piece
	}
	j.held = append(j.held, piece...)
	b := j.held
	var out strings.Builder
	for len(b) > 0 {
		r, size := decode(b)
		if size == 0 {
			break // more may come
		}
		if r != utf8.RuneError {
			out.WriteRune(r)
		}
		b = b[size:]
	}
	j.held = append(j.held[:0], b...)
	return out.String()
}

// decode is the first character of b and its size; utf8.RuneError for what is none. The
// size is 0 if b may be the beginning of a character.
func decode(b []byte) (rune, int) {
	if r, size := utf8.DecodeRune(b); r != utf8.RuneError || size > 1 {
		return r, size
	}
	switch high := surrogate(b); {
	case high == 0 && utf8.FullRune(b):
		return utf8.RuneError, 1
	case high == 0 || len(b) < 3:
		return utf8.RuneError, 0
	case high >= 0xDC00:
		return utf8.RuneError, 3 // the second half without the first
	case len(b) < 6 && (len(b) == 3 || surrogate(b[3:]) != 0):
		return utf8.RuneError, 0
	default:
		if low := surrogate(b[3:]); low != 0 && len(b) >= 6 {
			if r := utf16.DecodeRune(high, low); r != utf8.RuneError {
				return r, 6
			}
		}
		return utf8.RuneError, 3
	}
}

// surrogate is the surrogate at the beginning of b, or 0. If only one or two of its bytes
// are there, it is some surrogate.
func surrogate(b []byte) rune {
	if len(b) == 0 || b[0] != 0xED {
		return 0
	}
	var rest [2]byte
	if copy(rest[:], b[1:]); len(b) == 1 {
		return 0xD800
	}
	if rest[0] < 0xA0 || rest[0] > 0xBF || len(b) > 2 && rest[1]&0xC0 != 0x80 {
		return 0
	}
	return 0xD000 | rune(rest[0]&0x3F)<<6 | rune(rest[1]&0x3F)
}
