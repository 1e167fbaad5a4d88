package gate

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"
)

// Mender turns what models write instead of JSON into JSON, piece by piece: raw control
// characters, wrong escapes and unescaped quotes in strings; typographic and single quotes;
// keys and words without quotes; comments; commas that are missing or too many, or dots
// instead of values; the words of Python and JavaScript. What is JSON passes unchanged. It
// reads one object, from its first bracket to its last; what is around it is dropped. Time
// is linear in the input, memory in the depth and in the longest run of white space.
//
// Its zero value is ready. What it has written is always the beginning of JSON.
type Mender struct {
	// Mended is whether anything was changed.
	Mended bool

	out    []byte
	in     []byte // not read yet: what decides is still to come
	stack  []byte // the brackets that are open
	expect expectation
	space  []byte // white space before the next token, with the comma that was read in it
	comma  bool   // there is a comma in space
	quote  rune   // what began the string that is read; 0 outside of strings
	skip   string // what ends the comment that is read; "" outside of comments
	done   bool   // the last bracket was written
	broken bool   // it cannot be read further
	closed bool   // no input follows
}

// What ends comments.
const (
	lineEnd    = "\n"
	commentEnd = "*/"
)

// expectation is what may come next.
type expectation int

const (
	expectObject expectation = iota // the first bracket
	expectKey
	expectColon
	expectValue
	expectComma // or a closing bracket
)

// ending is how a text ended that was mended.
type ending struct {
	missing string // the brackets that would close it: none if it is whole
	cut     bool   // more than brackets is missing
	mended  bool   // it was not as JSON has it
}

// mend is the mended JSON of a text that begins with a bracket.
func mend(text []byte) (out []byte, how ending) {
	var m Mender
	out = append(out, m.Write(text)...)
	rest, missing, cut := m.Close()
	return append(out, rest...), ending{missing, cut, m.Mended}
}

// Write takes a piece and returns what it makes of it, valid until the next call.
func (m *Mender) Write(piece []byte) []byte {
	m.in = append(m.in, piece...)
	return m.run()
}

// Close ends the input. It returns the rest of the output, and the brackets that close it.
// cut says that the input ended, or could not be read further, within a value: closed or
// not, something is missing.
func (m *Mender) Close() (rest []byte, missing string, cut bool) {
	m.closed = true
	rest = m.run()
	if m.done {
		return rest, "", false
	}
	var b strings.Builder
	for _, open := range slices.Backward(m.stack) {
		b.WriteByte(open + 2) // '[' and ']', '{' and '}' are two apart
	}
	whole := len(m.stack) > 0 && !m.broken && len(m.in) == 0 && m.quote == 0 && m.skip != commentEnd && (m.expect == expectComma || m.comma)
	return rest, b.String(), !whole
}

func (m *Mender) run() []byte {
	m.out = m.out[:0]
	at := 0
	for at < len(m.in) && !m.done && !m.broken {
		n := m.token(m.in[at:])
		if n == 0 {
			break // more has to come
		}
		at += n
	}
	if m.done || m.broken {
		at = len(m.in)
	}
	m.in = append(m.in[:0], m.in[at:]...)
	return m.out
}

// token reads one token, or a part of a string or comment, and returns how long it is; 0 if
// what decides is not there yet.
func (m *Mender) token(in []byte) int {
	c := in[0]
	switch {
	case m.skip != "":
		return m.comment(in)
	case m.quote != 0:
		return m.text(in)
	case c == ' ' || c == '\n' || c == '\t' || c == '\r':
		m.space = append(m.space, c)
		return 1
	case m.expect == expectObject:
		if c == '{' {
			m.space = m.space[:0]
			return m.open(c)
		}
		return 1 // before the object
	case c == ',':
		return m.readComma()
	case c == ':' && m.expect == expectColon:
		m.write(":", expectValue)
		return 1
	case c == '{' || c == '[':
		return m.open(c)
	case c == '}' || c == ']':
		return m.shut(in)
	case c == '"':
		return m.openQuote('"', 1)
	case isWordByte(c):
		return m.word(in)
	}
	return m.odd(in)
}

// readComma notes a comma. It is written before the next value, if there is one.
func (m *Mender) readComma() int {
	m.noValue()
	if m.comma || m.expect != expectComma {
		m.Mended = true // one too many
	} else {
		m.comma = true
		m.space = append(m.space, ',')
	}
	return 1
}

// write writes a token after the white space before it.
func (m *Mender) write(token string, next expectation) {
	m.out = append(m.out, m.space...)
	m.out = append(m.out, token...)
	m.space, m.comma, m.expect = m.space[:0], false, next
}

// value makes place for a value or a key: a comma or a colon that is missing is written.
func (m *Mender) value() {
	switch m.expect {
	case expectColon:
		m.write(":", expectValue)
		m.Mended = true
	case expectComma:
		if !m.comma {
			m.out = append(m.out, ',')
			m.Mended = true
		}
		m.expect = expectValue
		if m.top() == '{' {
			m.expect = expectKey
		}
	}
}

// noValue writes null for the value of a key that has none.
func (m *Mender) noValue() {
	if m.top() != '{' || m.expect != expectColon && m.expect != expectValue {
		return
	}
	if m.expect == expectColon {
		m.write(":", expectValue)
	}
	m.write("null", expectComma)
	m.Mended = true
}

// after is what follows the key or the value that was read.
func (m *Mender) after() expectation {
	if m.expect == expectKey {
		return expectColon
	}
	return expectComma
}

func (m *Mender) top() byte {
	if len(m.stack) == 0 {
		return 0
	}
	return m.stack[len(m.stack)-1]
}

func (m *Mender) open(c byte) int {
	if c == '{' && m.comma && m.top() == '{' && len(m.stack) > 1 && m.stack[len(m.stack)-2] == '[' {
		// The object before it in the list was left open.
		m.dropComma()
		m.pop()
	}
	m.value()
	if m.expect == expectKey || len(m.stack) == maxDepth {
		m.broken = true
		return 1
	}
	m.stack = append(m.stack, c)
	next := expectValue
	if c == '{' {
		next = expectKey
	}
	m.write(string(c), next)
	return 1
}

// shut closes the bracket, and those within it that were left open. A bracket that nothing
// opened is dropped.
func (m *Mender) shut(in []byte) int {
	opening := in[0] - 2
	at := bytes.LastIndexByte(m.stack, opening)
	if at < 0 {
		m.Mended = true
		return 1
	}
	m.noValue()
	if at == 0 && len(m.stack) > 1 {
		// The last bracket comes too early if something follows.
		next, _, pending := ahead(in[1:], m.closed)
		if pending {
			return 0
		}
		if next == ',' {
			m.Mended = true
			return 1
		}
	}
	if m.comma {
		m.dropComma() // before the bracket it is one too many
	}
	for len(m.stack) > at+1 {
		m.pop()
		m.Mended = true
	}
	m.pop()
	m.done = len(m.stack) == 0
	return 1
}

// dropComma drops the comma before the next token.
func (m *Mender) dropComma() {
	m.space = bytes.Replace(m.space, []byte(","), nil, 1)
	m.comma, m.Mended = false, true
}

func (m *Mender) pop() {
	m.write(string(m.top()+2), expectComma)
	m.stack = m.stack[:len(m.stack)-1]
}

// odd reads what JSON does not have outside of strings: comments, other quotes, and what is
// only dropped, such as semicolons and dots.
func (m *Mender) odd(in []byte) int {
	switch {
	case in[0] == '#':
		m.skip = lineEnd
	case in[0] == '/' && len(in) == 1 && !m.closed:
		return 0
	case bytes.HasPrefix(in, []byte("//")):
		m.skip = lineEnd
	case bytes.HasPrefix(in, []byte("/*")):
		m.skip = commentEnd
	case !utf8.FullRune(in) && !m.closed:
		return 0
	}
	m.Mended = true
	r, size := utf8.DecodeRune(in)
	switch {
	case m.skip == commentEnd:
		return 2
	case m.skip != "":
		return 1
	case m.expect == expectColon && (r == '=' || r == '：'):
		m.write(":", expectValue)
	case r == '，' && m.expect == expectComma:
		m.readComma()
	case quotes(r) != "":
		return m.openQuote(r, size)
	}
	return size
}

// comment drops a comment up to its end. The end of a line is left as white space.
func (m *Mender) comment(in []byte) int {
	at := bytes.Index(in, []byte(m.skip))
	switch {
	case at < 0 && m.skip == commentEnd && !m.closed:
		return len(in) - 1 // the last byte may begin the end
	case at < 0:
		return len(in)
	case m.skip == commentEnd:
		at += len(m.skip)
	}
	m.skip = ""
	return max(at, 0)
}
