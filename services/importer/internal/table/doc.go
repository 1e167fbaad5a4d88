// Package table reads tables of separated values as merchants' programs write them:
// RFC 4180, and what is found beside it. The separator is a comma, a semicolon, a tab or a
// bar, whichever the header has. Lines end with CRLF, LF or CR. A quote inside a field that
// is not quoted is a character like any other.
//
// A row may be shorter than the header: what is missing is empty. A row that is longer
// has a separator too many somewhere, and nobody knows where: [Row.Fault] tells.
//
// # Failure
//
// Every error is one line with the number of the line it is about. A table that ends
// inside a quoted field, or inside a row that is the last and not ended by a line end, has
// been truncated: [ErrTruncated]. Fields, rows and headers have bounds, so that a quote
// that is never closed does not read the whole file into memory.
package table
