package kimi

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
)

// decompressed is the body without the gzip that some gateways apply although none was asked
// for, whether they name it or not. It begins to read only when it is read.
func decompressed(body io.Reader) io.Reader { return &decompressor{body: body} }

type decompressor struct {
	body io.Reader
	from io.Reader // nil until the first read
}

// Read implements io.Reader.
func (d *decompressor) Read(p []byte) (int, error) {
	if d.from == nil {
		in := bufio.NewReaderSize(d.body, readSize)
		d.from = in
		// An error comes again with the first read.
		if head, _ := in.Peek(1); bytes.Equal(head, []byte{0x1f}) {
			if head, _ = in.Peek(2); bytes.Equal(head, []byte{0x1f, 0x8b}) {
				z, err := gzip.NewReader(in)
				if err != nil {
					return 0, err
				}
				d.from = z
			}
		}
	}
	return d.from.Read(p)
}
