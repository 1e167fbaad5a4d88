package shopify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/wandstore/wandstore/services/importer/internal/listing"
	"github.com/wandstore/wandstore/services/importer/internal/table"
	"github.com/wandstore/wandstore/services/importer/internal/text"
)

// File reads a file that holds an answer of products.json: {"products": […]}, or the list
// alone.
type File struct{ file *text.File }

// NewFile returns a reader of the file.
func NewFile(file *text.File) *File { return &File{file: file} }

// Read implements listing.Reader.
func (f *File) Read(ctx context.Context, yield func(listing.Product) error) error {
	in, err := f.file.Reader()
	if err != nil {
		return err
	}
	limit := &bounded{in: in, left: maxProduct}
	d := &decoder{json.NewDecoder(limit), 0}
	list, err := d.openList()
	for n := 1; err == nil && d.More(); n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		limit.left = maxProduct
		var p Product
		if err = d.Decode(&p); err != nil {
			err = fmt.Errorf("product %d: %w", n, err)
			break
		}
		if err := yield(p.Listing()); err != nil {
			return err
		}
	}
	// What follows must be whole, or products may be missing.
	for err == nil && list {
		limit.left = maxProduct
		_, err = d.token()
	}
	switch {
	case errors.Is(err, io.EOF) && d.depth == 0:
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return table.ErrTruncated
	}
	return fmt.Errorf("byte %d: %w", d.InputOffset(), err)
}

// maxProduct bounds the bytes of one product of a file.
const maxProduct = 8 << 20

// bounded fails when more is read than is left.
type bounded struct {
	in   io.Reader
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("a product is larger than %d MiB", maxProduct>>20)
	}
	n, err := b.in.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// decoder counts the lists and objects that are open.
type decoder struct {
	*json.Decoder

	depth int
}

func (d *decoder) token() (json.Token, error) {
	token, err := d.Token()
	switch token {
	case json.Delim('['), json.Delim('{'):
		d.depth++
	case json.Delim(']'), json.Delim('}'):
		d.depth--
	}
	return token, err
}

var errNoList = errors.New(`is not {"products": […]}`)

// openList goes to the first product. It is true if there is a list.
func (d *decoder) openList() (bool, error) {
	token, err := d.token()
	for err == nil && token != json.Delim('[') {
		if d.depth != 1 {
			return false, errNoList
		}
		if token, err = d.token(); err != nil || token == "products" {
			token, err = d.token()
			continue
		}
		if token == json.Delim('}') {
			return false, errNoList
		}
		var other json.RawMessage
		if err = d.Decode(&other); err != nil {
			return false, err
		}
		token = json.Delim('{')
	}
	return err == nil, err
}
