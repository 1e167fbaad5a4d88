package table

import (
	"errors"
	"io"
)

// read is the next row, which may be empty.
func (r *Reader) read() (Row, error) {
	r.row, r.ends = r.row[:0], r.ends[:0]
	first := r.line
	for {
		end, err := r.field(first)
		if err != nil {
			return Row{}, err
		}
		r.ends = append(r.ends, len(r.row))
		if len(r.ends) > maxColumns {
			return Row{}, r.fault(first, "has more than %d columns", maxColumns)
		}
		switch end {
		case ended:
			return r.cut(first), nil
		case exhausted:
			if len(r.ends) == 1 && len(r.row) == 0 {
				return Row{}, io.EOF
			}
			// The last row of a whole file may lack its line end, and then has all of its
			// columns.
			if len(r.header) > 0 && len(r.ends) < len(r.header) {
				return Row{}, r.fault(first, "%w: the last row has %d of %d columns and no line end", ErrTruncated, len(r.ends), len(r.header))
			}
			return r.cut(first), nil
		case separated:
		}
	}
}

// cut makes the row of what has been read. Its fields share one string.
func (r *Reader) cut(line int) Row {
	text, fields, begin := string(r.row), make([]string, len(r.ends)), 0
	for i, end := range r.ends {
		fields[i], begin = text[begin:end], end
	}
	return Row{Line: line, fields: fields, width: len(r.header)}
}

// ending is how a field ended.
type ending int

const (
	separated ending = iota // another field of the row follows
	ended                   // it was the row's last
	exhausted               // so was it, and the file's
)

// field appends the next field to the row.
func (r *Reader) field(first int) (ending, error) {
	b, err := r.byte()
	if b == '"' && err == nil {
		return r.quoted(first)
	}
	for ; err == nil; b, err = r.byte() {
		switch b {
		case r.separator:
			return separated, nil
		case '\n':
			return ended, nil
		case 0:
			return 0, r.fault(r.line, "holds a NUL: this is no text")
		}
		if err := r.add(b, first); err != nil {
			return 0, err
		}
	}
	return r.end(err)
}

// quoted appends the rest of a field after its opening quote. What may follow the closing
// quote is space, and then the end of the field.
func (r *Reader) quoted(first int) (ending, error) {
	opened := r.line
	for {
		b, err := r.byte()
		if errors.Is(err, io.EOF) {
			return 0, r.fault(opened, "%w: a quoted field that begins in this row is not closed", ErrTruncated)
		}
		if err != nil {
			return 0, err
		}
		if b != '"' {
			if b == 0 {
				return 0, r.fault(r.line, "holds a NUL: this is no text")
			}
			if err := r.add(b, first); err != nil {
				return 0, err
			}
			continue
		}
		if b, err = r.byte(); err == nil && b == '"' {
			if err := r.add(b, first); err != nil {
				return 0, err
			}
			continue
		}
		for ; err == nil; b, err = r.byte() {
			switch b {
			case r.separator:
				return separated, nil
			case '\n':
				return ended, nil
			case ' ':
			default:
				return 0, r.fault(r.line, "a quote inside a quoted field is not written twice")
			}
		}
		return r.end(err)
	}
}

func (r *Reader) end(err error) (ending, error) {
	if errors.Is(err, io.EOF) {
		return exhausted, nil
	}
	return 0, err
}

func (r *Reader) add(b byte, first int) error {
	if len(r.row) >= maxRow {
		return r.fault(first, "the row is larger than %d MiB: is a quote not closed?", maxRow>>20)
	}
	r.row = append(r.row, b)
	return nil
}

// byte is the next byte, with every kind of line end as '\n'.
func (r *Reader) byte() (byte, error) {
	b, err := r.in.ReadByte()
	if err != nil {
		return 0, err
	}
	if b == '\r' {
		if next, err := r.in.Peek(1); err == nil && next[0] == '\n' {
			if _, err := r.in.Discard(1); err != nil {
				return 0, err
			}
		}
		b = '\n'
	}
	if b == '\n' {
		r.line++
	}
	return b, nil
}
