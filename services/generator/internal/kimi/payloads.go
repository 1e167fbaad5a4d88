package kimi

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

const (
	// maxPayload bounds one JSON value of the stream, in bytes. A chunk of a few tokens has
	// about 300. A gateway that does not stream sends the whole answer in one value.
	maxPayload = 2 << 20
	// wireFactor is how many bytes of the stream are allowed for each byte of the answer. A
	// token of four characters arrives in about 300 bytes of JSON.
	wireFactor = 80
	// readSize is the size of the buffer, in bytes.
	readSize = 16 << 10
	// sign is how many bytes of one value are a sign of life. A chunk has less, and says
	// itself whether it is one.
	sign = 4 << 10
)

// done is the payload that ends a stream.
const done = "[DONE]"

// payloads reads the JSON values of an answer, whatever they are wrapped in: server-sent
// events (WHATWG HTML, 9.2), JSON by lines, a list, or one value. Lines end in LF, CR LF or
// CR. A value is complete with its last bracket, even if no blank line follows. What is
// neither JSON nor the end of the stream is skipped: comments, other fields, and data of
// another kind. The content type is not asked, since it is often wrong.
type payloads struct {
	in      *bufio.Reader
	left    int64  // bytes that may still come
	alive   func() // called for each 4 KB of a long value
	buf     []byte // the line
	rest    []byte // of the line's payload
	afterCR bool
	begun   bool // the first line was read
	wire    bool // the last payload was a field of an event
	name    string
	scan    jsonScan
	silent  int // bytes of the value since the last sign of life
}

// newPayloads returns a reader of at most limit bytes.
func newPayloads(r io.Reader, limit int64, alive func()) *payloads {
	return &payloads{in: bufio.NewReaderSize(r, readSize), left: limit, alive: alive}
}

// next returns the next value, valid until the next call, and the name of its event; or
// done. A value that the stream breaks off is returned as far as it came. At the end it
// returns io.EOF; ErrAnswerTooLarge if a value is larger than maxPayload or the stream than
// its limit.
func (p *payloads) next() (value []byte, event string, err error) {
	for {
		if p.scan.depth == 0 {
			p.scan.data = p.scan.data[:0]
		}
		if p.scan.depth == 0 {
			p.rest = betweenEvents(p.rest)
			if strings.EqualFold(string(bytes.TrimSpace(p.rest)), done) {
				p.rest = nil
				return []byte(done), "", nil
			}
		}
		if len(p.rest) > 0 {
			value, p.rest = p.scan.feed(p.rest)
			if len(p.scan.data) > maxPayload {
				return nil, "", tooLarge()
			}
			if value != nil {
				p.silent = 0
				return value, p.name, nil
			}
		}
		line, err := p.line()
		if errors.Is(err, io.EOF) && p.scan.depth > 0 {
			p.scan.depth = 0
			return p.scan.data, p.name, nil
		} else if err != nil {
			return nil, "", err
		}
		if len(line) == 0 {
			p.name = ""
			// A blank line ends an event. It means nothing within a value that is no event's.
			if p.wire && p.scan.depth > 0 {
				p.scan.depth = 0
				return p.scan.data, "", nil
			}
			continue
		}
		p.rest = p.payload(line)
	}
}

// betweenEvents drops what comes before a value on its line: fields that some servers write
// twice, and the ends of events that others do not end, or end in escapes.
func betweenEvents(b []byte) []byte {
	for before := -1; before != len(b); {
		before = len(b)
		b = bytes.TrimLeft(b, " \t")
		for _, dropped := range []string{"data:", `\n`, `\r`} {
			b = bytes.TrimPrefix(b, []byte(dropped))
		}
	}
	return b
}

// payload is what a line holds of values.
func (p *payloads) payload(line []byte) []byte {
	data, wire := bytes.CutPrefix(line, []byte("data:"))
	switch {
	case wire:
		// Some servers write the field twice.
		for again := true; again; {
			data = bytes.TrimPrefix(data, []byte(" "))
			data, again = bytes.CutPrefix(data, []byte("data:"))
		}
	case bytes.HasPrefix(line, []byte("event:")):
		p.name = string(bytes.TrimSpace(line[len("event:"):]))
		return nil
	case line[0] == ':', bytes.HasPrefix(line, []byte("id:")), bytes.HasPrefix(line, []byte("retry:")), string(line) == "data":
		return nil
	default:
		data = line
	}
	if text := bytes.TrimSpace(data); p.scan.depth == 0 && len(text) > 1 && text[0] == '"' && json.Valid(text) {
		data = []byte(unquote(text)) // some gateways encode what they pass on
	}
	switch {
	case p.scan.depth > 0 && p.scan.quoted:
		p.scan.data = append(p.scan.data, `\n`...) // some servers do not escape it
	case p.scan.depth > 0:
		p.scan.data = append(p.scan.data, '\n')
	default:
		p.wire = wire
	}
	return data
}

// line returns the next line without its end. It is valid until the next call.
func (p *payloads) line() ([]byte, error) {
	p.buf = p.buf[:0]
	for {
		if _, err := p.in.Peek(1); err != nil {
			if errors.Is(err, io.EOF) && len(p.buf) > 0 {
				return p.buf, nil
			}
			return nil, err
		}
		b, err := p.in.Peek(p.in.Buffered())
		if err != nil {
			return nil, err
		}
		if p.afterCR {
			p.afterCR = false
			if b[0] == '\n' {
				p.take(1)
				continue
			}
		}
		end := bytes.IndexAny(b, "\r\n")
		n := len(b)
		if end >= 0 {
			n = end + 1
			p.afterCR = b[end] == '\r'
			b = b[:end]
		}
		p.buf = append(p.buf, b...)
		p.take(n)
		if p.left < 0 || len(p.buf) > maxPayload {
			return nil, tooLarge()
		}
		if !p.begun && len(p.buf) >= len(byteOrderMark) || end >= 0 {
			if !p.begun {
				p.buf = bytes.TrimPrefix(p.buf, []byte(byteOrderMark))
			}
			p.begun = true
		}
		p.hear(len(b))
		if end >= 0 {
			return p.buf, nil
		}
	}
}

const byteOrderMark = "\ufeff"

func (p *payloads) take(n int) {
	p.left -= int64(n)
	// So many bytes are buffered.
	_, _ = p.in.Discard(n)
}

// hear notes n more bytes of a line. Comments and blank lines are no sign of life.
func (p *payloads) hear(n int) {
	if len(p.buf) == 0 || p.buf[0] == ':' {
		return
	}
	if p.silent += n; p.silent >= sign {
		p.silent = 0
		p.alive()
	}
}

// jsonScan collects a JSON object up to its last bracket.
type jsonScan struct {
	data            []byte
	depth           int
	quoted, escaped bool
}

// feed takes bytes and returns the object once it is complete, and what is left of them.
// Outside of an object it skips what separates objects, and drops anything else.
func (s *jsonScan) feed(b []byte) (value, rest []byte) {
	if s.depth == 0 {
		at := bytes.IndexFunc(b, func(r rune) bool { return r > ' ' && r != ',' && r != '[' && r != ']' })
		if at < 0 || b[at] != '{' {
			return nil, nil
		}
		b = b[at:]
		s.data, s.quoted, s.escaped = s.data[:0], false, false
	}
	for i, c := range b {
		switch {
		case s.escaped:
			s.escaped = false
		case s.quoted && c == '\\':
			s.escaped = true
		case c == '"':
			s.quoted = !s.quoted
		case s.quoted:
		case c == '{' || c == '[':
			s.depth++
		case c == '}' || c == ']':
			if s.depth--; s.depth == 0 {
				s.data = append(s.data, b[:i+1]...)
				return s.data, b[i+1:]
			}
		}
	}
	s.data = append(s.data, b...)
	return nil, nil
}
