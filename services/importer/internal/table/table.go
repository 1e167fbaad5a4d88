package table

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// ErrTruncated is wrapped by the error of a table that ends early.
var ErrTruncated = errors.New("the file ends early")

// Bounds, in bytes and in fields. A description of HTML is the largest field; Shopify's is
// at most 512 KiB.
const (
	maxRow     = 4 << 20
	maxColumns = 4096
)

// Reader reads the rows of one table.
type Reader struct {
	in        *bufio.Reader
	separator byte
	columns   map[string]int
	header    []string
	line      int // of the next byte
	row       []byte
	ends      []int
}

// NewReader reads the header. The error is in's, or says what is wrong with the header.
func NewReader(in io.Reader) (*Reader, error) {
	r := &Reader{in: bufio.NewReaderSize(in, 64<<10), line: 1}
	if err := r.chooseSeparator(); err != nil {
		return nil, err
	}
	header, err := r.Next()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("line 1: the file is empty")
	}
	if err != nil {
		return nil, err
	}
	r.header, r.columns = header.fields, make(map[string]int, len(header.fields))
	for i, name := range r.header {
		name = Name(name)
		if _, twice := r.columns[name]; !twice && name != "" {
			r.columns[name] = i
		}
	}
	return r, nil
}

// Name is a column's name as columns are compared: in lower case, with single spaces and
// plain apostrophes.
func Name(s string) string {
	s = strings.NewReplacer("’", "'", "\u00a0", " ", "\u202f", " ").Replace(s)
	return strings.ToLower(strings.Join(strings.Fields(s), " "))
}

// separators, the likeliest first.
const separators = ",;\t|"

// chooseSeparator takes the separator that the first line has most of, outside of quotes.
// Excel's own first line, "sep=;", says it and is left out.
func (r *Reader) chooseSeparator() error {
	head, err := r.in.Peek(64 << 10)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if len(head) >= 5 && strings.EqualFold(string(head[:4]), "sep=") && (len(head) == 5 || head[5] == '\r' || head[5] == '\n') {
		r.separator = head[4]
		_, err := r.Next()
		return err
	}
	r.separator = separators[0]
	var counts [256]int
	quoted, begun := false, false
	for _, b := range head {
		switch {
		case b == '"':
			quoted, begun = !quoted, true
		case quoted:
		case b == '\n' || b == '\r':
			if begun {
				return nil
			}
		default:
			begun = true
			if counts[b]++; counts[b] > counts[r.separator] && strings.IndexByte(separators, b) >= 0 {
				r.separator = b
			}
		}
	}
	return nil
}

// Header is the names of the columns as they stand in the table.
func (r *Reader) Header() []string { return r.header }

// Column is the index of the first of the columns that the table has, -1 if it has none.
func (r *Reader) Column(names ...string) int {
	for _, name := range names {
		if i, ok := r.columns[Name(name)]; ok {
			return i
		}
	}
	return -1
}

// Next is the next row that is not empty. The error is io.EOF after the last, wraps
// ErrTruncated if the table ends early, or says what is wrong, with the number of the line.
func (r *Reader) Next() (Row, error) {
	for {
		row, err := r.read()
		if err != nil || !row.empty() {
			return row, err
		}
	}
}

// Each calls give with each row that [Reader.Next] gives, to the end of the table. The error
// is Next's, ctx's or give's.
func (r *Reader) Each(ctx context.Context, give func(Row) error) error {
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := give(row); err != nil {
			return err
		}
	}
}

// Row is one row of a table.
type Row struct {
	// Line is the number of its first line, from 1.
	Line   int
	fields []string
	width  int // of the header
}

// Field is the value in a column, without the space around it, or "" if the row does not
// reach it.
func (row Row) Field(column int) string {
	if column < 0 || column >= len(row.fields) {
		return ""
	}
	return strings.TrimSpace(row.fields[column])
}

// Fault says that the row has more values than the header has columns; "" if it has not.
func (row Row) Fault() string {
	for i := row.width; i < len(row.fields); i++ {
		if strings.TrimSpace(row.fields[i]) != "" {
			return fmt.Sprintf("line %d has more values than the header has columns", row.Line)
		}
	}
	return ""
}

// Size is about how many bytes the row takes in memory.
func (row Row) Size() int {
	n := 16 * (len(row.fields) + 4)
	for _, f := range row.fields {
		n += len(f)
	}
	return n
}

func (row Row) empty() bool {
	for _, f := range row.fields {
		if strings.TrimFunc(f, unicode.IsSpace) != "" {
			return false
		}
	}
	return true
}

func (r *Reader) fault(line int, format string, args ...any) error {
	return fmt.Errorf("line %d: %w", line, fmt.Errorf(format, args...))
}
