package kimi

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// decompressed is the body without the encodings that some gateways apply although none was
// asked for, or name although they do not apply it. gzip and zstd are known by their first
// bytes, named or not. It begins to read only when it is read.
func decompressed(body io.Reader, header http.Header) io.Reader {
	const most = 3 // encodings that are applied one upon the other
	named := strings.SplitN(strings.ToLower(strings.Join(header.Values("Content-Encoding"), ",")), ",", most)
	for _, name := range slices.Backward(named) { // they are in the order in which they were applied
		body = &decompressor{body: body, name: strings.TrimSpace(name)}
	}
	return body
}

type decompressor struct {
	body io.Reader
	name string
	from io.Reader // nil until the first read
}

// maxWindow bounds what zstd keeps, in bytes. It is what RFC 9659 allows in HTTP.
const maxWindow = 8 << 20

// Read implements io.Reader.
func (d *decompressor) Read(p []byte) (int, error) {
	if d.from == nil {
		from, err := d.open(bufio.NewReaderSize(d.body, readSize))
		if err != nil {
			return 0, err
		}
		d.from = from
	}
	return d.from.Read(p)
}

func (d *decompressor) open(in *bufio.Reader) (io.Reader, error) {
	// An error comes again with the first read.
	head, _ := in.Peek(1)
	begins := func(magic string) bool {
		if !bytes.HasPrefix([]byte(magic), head) {
			return false // more would be waited for
		}
		more, _ := in.Peek(len(magic))
		return string(more) == magic
	}
	switch {
	case begins("\x1f\x8b"):
		return gzip.NewReader(in)
	case begins("\x28\xb5\x2f\xfd"):
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, err
		}
		return z, nil
	case d.name != "deflate" && d.name != "br", beginsText(in):
		return in, nil
	case d.name == "br":
		return brotli.NewReader(in), nil
	case head[0]&0x0f == 8: // zlib (RFC 1950), as it should be
		return zlib.NewReader(in)
	}
	return flate.NewReader(in), nil
}

// beginsText reports whether an answer begins with text, though an encoding is named.
func beginsText(in *bufio.Reader) bool {
	const enough = 16
	// An error comes again with the first read.
	head, _ := in.Peek(enough)
	return !bytes.ContainsFunc(bytes.TrimPrefix(head, []byte(byteOrderMark)), func(r rune) bool {
		return r > '~' || r < ' ' && r != '\n' && r != '\r' && r != '\t'
	})
}
