package gate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// farAhead is how far a decision looks ahead, in bytes. Further on, what is usual in JSON
	// is decided.
	farAhead = 64
	// maxWord is the longest word outside of quotes, in bytes.
	maxWord = 4 << 10
)

// quotes are the characters that end a string which r begins; "" if r is no quote.
func quotes(r rune) string {
	switch r {
	case '"':
		return `"`
	case '\'':
		return "'"
	case '`':
		return "`"
	case '“', '”', '„', '‟', '＂', '″':
		return "“”‟＂″\""
	case '‘', '’', '‚', '‛':
		return "‘’‛'"
	case '«', '»':
		return "«»"
	}
	return ""
}

// openQuote begins a string.
func (m *Mender) openQuote(quote rune, size int) int {
	m.value()
	m.quote = quote
	m.Mended = m.Mended || quote != '"'
	m.out = append(m.out, m.space...)
	m.out = append(m.out, '"')
	m.space, m.comma = m.space[:0], false
	return size
}

// text reads on in a string.
func (m *Mender) text(in []byte) int {
	// Most of it is plain.
	n := 0
	for n < len(in) && in[n] >= ' ' && in[n] < utf8.RuneSelf && in[n] != '"' && in[n] != '\\' && in[n] != '\'' && in[n] != '`' {
		n++
	}
	if n > 0 {
		m.out = append(m.out, in[:n]...)
		return n
	}
	switch c := in[0]; {
	case c == '\\':
		return m.escape(in)
	case c < ' ':
		m.control(c)
		return 1
	case !utf8.FullRune(in) && !m.closed:
		return 0
	}
	r, size := utf8.DecodeRune(in)
	if strings.ContainsRune(quotes(m.quote), r) {
		ends, pending := m.ends(in[size:])
		if pending {
			return 0
		}
		if ends {
			m.quote = 0
			m.out = append(m.out, '"')
			m.expect = m.after()
			m.Mended = m.Mended || r != '"'
			return size
		}
		m.Mended = m.Mended || r == '"'
	}
	if r == '"' {
		m.out = append(m.out, '\\')
	}
	m.out = append(m.out, in[:size]...)
	return size
}

// control writes a control character, which JSON does not allow in strings.
func (m *Mender) control(c byte) {
	m.Mended = true
	switch c {
	case '\n':
		m.out = append(m.out, `\n`...)
	case '\r':
		m.out = append(m.out, `\r`...)
	case '\t':
		m.out = append(m.out, `\t`...)
	default:
		m.out = fmt.Appendf(m.out, `\u%04x`, c)
	}
}

// escape reads a backslash and what belongs to it. Of a wrong escape the backslash is
// dropped.
func (m *Mender) escape(in []byte) int {
	const long = len(`\u0000`)
	switch {
	case len(in) < 2 || in[1] == 'u' && len(in) < long:
		if !m.closed {
			return 0
		}
	case in[1] == 'u':
		if _, err := strconv.ParseUint(string(in[2:long]), 16, 16); err == nil {
			m.out = append(m.out, in[:long]...)
			return long
		}
	case strings.IndexByte(`"\/bfnrt`, in[1]) >= 0:
		m.out = append(m.out, in[:2]...)
		return 2
	}
	m.Mended = true
	return 1
}

// ahead is the next byte that is no white space, and where it is; 0 if it is too far or the
// input ends before it. pending says that it may come.
func ahead(in []byte, closed bool) (next byte, at int, pending bool) {
	for i, c := range in[:min(len(in), farAhead)] {
		if c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return c, i, false
		}
	}
	return 0, len(in), len(in) < farAhead && !closed
}

// ends reports whether a quote ends the string, by what follows it. In JSON it always does.
func (m *Mender) ends(rest []byte) (ends, pending bool) {
	if m.expect == expectKey {
		return true, false
	}
	next, at, pending := ahead(rest, m.closed)
	switch next {
	case 0:
		return true, pending
	case '}', ']':
		return true, false
	case ',':
		return m.endsBeforeComma(rest[at+1:])
	case '"':
		// A comma is missing, or it is a quote within the text.
		if bytes.IndexByte(rest[:at], '\n') >= 0 || m.top() == '[' && at > 0 {
			return true, false
		}
		return m.beginsKey(rest[at:])
	case '{', '[':
		return m.top() == '[', false
	case '/':
		if len(rest) == at+1 {
			return false, !m.closed
		}
		return rest[at+1] == '/' || rest[at+1] == '*', false
	case '#':
		if len(rest) == at+1 {
			return false, !m.closed
		}
		return at > 0 && rest[at+1] == ' ', false
	}
	if !utf8.FullRune(rest[at:]) && !m.closed {
		return false, true
	}
	if r, _ := utf8.DecodeRune(rest[at:]); r == '，' || r == '：' {
		return true, false
	}
	// A word after the end of a line is a key without quotes.
	if bytes.IndexByte(rest[:at], '\n') >= 0 {
		return m.beginsKey(rest[at:])
	}
	return false, false
}

// endsBeforeComma reports whether a quote ends the string, if a comma follows and then rest.
func (m *Mender) endsBeforeComma(rest []byte) (ends, pending bool) {
	next, at, pending := ahead(rest, m.closed)
	switch next {
	case 0:
		return true, pending
	case '}', ']', '/', '#', ',', '.':
		return true, false
	case '"', '\'', '`':
		if m.top() != '{' {
			return true, false
		}
	}
	rest = rest[at:]
	if !utf8.FullRune(rest) && !m.closed {
		return false, true
	}
	if m.top() == '{' {
		if r, _ := utf8.DecodeRune(rest); quotes(r) != "" {
			word, pending := m.beginsWord(rest)
			return !word, pending
		}
		return m.beginsKey(rest)
	}
	if next == '{' || next == '[' || next == '-' || next >= '0' && next <= '9' || next >= utf8.RuneSelf {
		return true, false
	}
	for _, literal := range []string{"true", "false", "null", "True", "False", "None"} {
		if bytes.HasPrefix(rest, []byte(literal)) {
			return true, false
		}
		if len(rest) < len(literal) && strings.HasPrefix(literal, string(rest)) && !m.closed {
			return false, true
		}
	}
	return false, false
}

var (
	key      = regexp.MustCompile(`^(?:"[A-Za-z_]\w{0,30}"|[A-Za-z_]\w{0,30})\s{0,8}:`)
	keyBegun = regexp.MustCompile(`^(?:"|"[A-Za-z_]\w{0,30}"?|[A-Za-z_]\w{0,30})\s{0,8}$`)

	quotedWord      = regexp.MustCompile(`^[` + allQuotes + `][^` + allQuotes + `\\]{0,40}[` + allQuotes + `]\s{0,8}[^\s:：{\[` + allQuotes + `]`)
	quotedWordBegun = regexp.MustCompile(`^[` + allQuotes + `](?:[^` + allQuotes + `\\]{0,40}(?:[` + allQuotes + `]\s{0,8})?)?$`)
)

const allQuotes = `"'\x60“”„‟＂″‘’‚‛«»`

// beginsKey reports whether a key with its colon follows, with or without quotes.
func (m *Mender) beginsKey(rest []byte) (begins, pending bool) {
	rest = rest[:min(len(rest), farAhead)]
	if key.Match(rest) {
		return m.top() == '{', false
	}
	return false, !m.closed && len(rest) < farAhead && keyBegun.Match(rest)
}

// beginsWord reports whether a quoted word follows that is no key, since the text goes on
// after it.
func (m *Mender) beginsWord(rest []byte) (begins, pending bool) {
	rest = rest[:min(len(rest), farAhead)]
	whole := wholeRunes(rest)
	if quotedWord.Match(whole) {
		return true, false
	}
	return false, !m.closed && len(rest) < farAhead && quotedWordBegun.Match(whole)
}

// wholeRunes is b without the beginning of a character at its end.
func wholeRunes(b []byte) []byte {
	for at := len(b) - 1; at >= 0 && at >= len(b)-utf8.UTFMax; at-- {
		if utf8.RuneStart(b[at]) && !utf8.FullRune(b[at:]) {
			return b[:at]
		}
	}
	return b
}

func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '$' || c == '.' || c == '-' || c == '+'
}

// word reads a number, a literal or a word that lacks its quotes. A word that follows a
// value without a comma is dropped.
func (m *Mender) word(in []byte) int {
	n := 1
	for n < len(in) && n < maxWord && isWordByte(in[n]) {
		n++
	}
	if n == len(in) && n < maxWord {
		m.broken = m.closed // it may be the beginning of a word
		if !m.closed {
			return 0
		}
		return n
	}
	word := string(in[:n])
	if !strings.ContainsAny(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") {
		m.Mended = true // dots in place of more values
		return n
	}
	if m.expect == expectComma && !m.comma {
		follows, pending := json.Valid(in[:n]), false
		if m.top() == '{' {
			follows, pending = m.beginsKey(in)
		}
		if pending {
			return 0
		}
		if !follows {
			m.Mended = true
			return n
		}
	}
	m.value()
	token := strconv.Quote(word)
	if m.expect == expectValue {
		token = literal(word)
	}
	m.Mended = m.Mended || token != word
	m.write(token, m.after())
	return n
}

// literal is the JSON value that a word without quotes means.
func literal(word string) string {
	if json.Valid([]byte(word)) {
		return word
	}
	switch strings.ToLower(word) {
	case "true":
		return "true"
	case "false":
		return "false"
	case "none", "null", "nil", "undefined", "nan", "infinity", "-infinity":
		return "null"
	}
	if f, err := strconv.ParseFloat(word, 64); err == nil {
		if b, err := json.Marshal(f); err == nil {
			return string(b)
		}
		return "null"
	}
	return strconv.Quote(word)
}
