// Package text reads files as text in UTF-8, whatever they are written in.
//
// A byte order mark says it (UTF-8, UTF-16). Without one, text is UTF-8 if all of it is
// valid. If it is not, and no character of it is valid UTF-8 of more than a byte, it is
// Windows-1252, which Excel writes in Western Europe and America: it is read as such, and
// [File.Notice] tells so. XML that is not UTF-8 is what its declaration says. Everything
// else is refused in one line, since any choice would give the shop wrong letters: text that
// is partly UTF-8, text of another script (its code page must be named), and files that are
// no text.
package text

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// File is a file that can be read as text, several times.
type File struct {
	in       io.ReadSeeker
	encoding encoding.Encoding // nil: UTF-8, as it is
	skip     int64             // a byte order mark
	// Notice is what the reader of the file should know, or "".
	Notice string
}

// Open finds out what in is written in; name is the name of its encoding as browsers know
// it (WHATWG Encoding), such as windows-1251, or "" if nobody knows. The error says in one
// line why in cannot be read.
func Open(in io.ReadSeeker, name string) (*File, error) {
	head := make([]byte, 256)
	n, err := io.ReadFull(in, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, err
	}
	head = head[:n]
	if what := foreign(head); what != "" {
		return nil, fmt.Errorf("line 1: the file is %s", what)
	}
	f := &File{in: in}
	switch {
	case name != "":
		named, err := htmlindex.Get(name)
		if err != nil {
			return nil, fmt.Errorf("%q is not the name of an encoding, such as windows-1251", name)
		}
		f.encoding = named
		return f, nil
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		f.skip = 3
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		f.encoding = unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM)
		return f, nil
	}
	declared := ""
	if m := declaration.FindSubmatch(head); m != nil {
		declared = string(m[1])
	}
	return f, f.detect(declared)
}

// declaration is that of XML (XML 1.0, section 2.8), as far as its encoding.
var declaration = regexp.MustCompile(`^\s*<\?xml[^>]*\sencoding=["']([A-Za-z0-9._-]+)["']`)

// page is how a document of HTML begins.
var page = regexp.MustCompile(`(?i)^(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html)[\s>]`)

// foreign says what a file is whose first bytes are those of another kind of file.
func foreign(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return "a workbook of Excel or a zip: export it as CSV, or unpack it"
	case bytes.HasPrefix(head, []byte("\xd0\xcf\x11\xe0")):
		return "a workbook of Excel: export it as CSV"
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return "compressed by gzip: unpack it"
	case bytes.HasPrefix(head, []byte("%PDF")):
		return "a PDF"
	case page.Match(head):
		return "a page of a website, such as that of a login"
	}
	return ""
}

// Reader begins at the start of the text. A reader that it gave before must not be used
// any more.
func (f *File) Reader() (io.Reader, error) {
	if _, err := f.in.Seek(f.skip, io.SeekStart); err != nil {
		return nil, err
	}
	if f.encoding == nil {
		return f.in, nil
	}
	// A byte order mark counts for more than a name (WHATWG Encoding, decode), and is no text.
	return transform.NewReader(f.in, unicode.BOMOverride(f.encoding.NewDecoder())), nil
}

// detect reads the whole file. declared is the encoding that it says it is in, or "".
func (f *File) detect(declared string) error {
	if _, err := f.in.Seek(f.skip, io.SeekStart); err != nil {
		return err
	}
	c := census{line: 1}
	if err := c.read(f.in); err != nil {
		return err
	}
	switch {
	case c.nul > 0:
		return fmt.Errorf("line %d: holds a NUL: the file is no text, or UTF-16 without its mark", c.nul)
	case c.invalid == 0:
		return nil
	case declared != "" && !strings.EqualFold(declared, "utf-8"):
		named, err := htmlindex.Get(declared)
		if err != nil {
			return fmt.Errorf("line 1: is in the encoding %q, which is not known", declared)
		}
		f.encoding = named
		return nil
	case c.valid > 0:
		return fmt.Errorf("line %d: is not valid UTF-8, and other lines are: the file was damaged or joined of several", c.invalid)
	case c.undefined > 0:
		return fmt.Errorf("line %d: is neither UTF-8 nor Windows-1252: name the encoding", c.undefined)
	case c.high*3 > c.letters:
		return fmt.Errorf("line %d: is not UTF-8, and hardly of a Western language: name the encoding", c.invalid)
	}
	f.encoding = charmap.Windows1252
	f.Notice = fmt.Sprintf("line %d: is not UTF-8; the file was read as Windows-1252", c.invalid)
	return nil
}

// census counts what tells the encodings apart. Lines are 0 for none.
type census struct {
	line      int
	valid     int // characters of two bytes or more that are valid UTF-8
	invalid   int // the first line that is not UTF-8
	undefined int // the first line with a byte that Windows-1252 does not have
	nul       int // the first line with a NUL
	letters   int // of ASCII
	high      int // bytes that are not ASCII
}

func (c *census) read(in io.Reader) error {
	r := bufio.NewReaderSize(in, 64<<10)
	for {
		chunk, err := r.Peek(utf8.UTFMax)
		if len(chunk) == 0 {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		// Most of a file is ASCII, which is counted without a look at each character.
		if buffered, _ := r.Peek(r.Buffered()); len(buffered) > utf8.UTFMax {
			chunk = buffered[:len(buffered)-utf8.UTFMax]
		}
		if _, err := r.Discard(c.count(chunk)); err != nil {
			return err
		}
	}
}

// count counts the characters that begin in the chunk, and returns how many bytes they
// take, at least one.
func (c *census) count(chunk []byte) int {
	i := 0
	for i < len(chunk) {
		b := chunk[i]
		if b < utf8.RuneSelf {
			c.ascii(b)
			i++
			continue
		}
		if !utf8.FullRune(chunk[i:]) && i > 0 {
			break
		}
		if r, size := utf8.DecodeRune(chunk[i:]); r != utf8.RuneError || size > 1 {
			c.valid++
			i += size
			continue
		}
		c.high++
		c.invalid = first(c.invalid, c.line)
		switch b {
		case 0x81, 0x8d, 0x8f, 0x90, 0x9d:
			c.undefined = first(c.undefined, c.line)
		}
		i++
	}
	return i
}

func (c *census) ascii(b byte) {
	switch {
	case b == '\n':
		c.line++
	case b == 0:
		c.nul = first(c.nul, c.line)
	case 'a' <= b|0x20 && b|0x20 <= 'z':
		c.letters++
	}
}

func first(line, other int) int {
	if line > 0 {
		return line
	}
	return other
}
