package shopifycsv

import (
	"context"

	"github.com/wandstore/wandstore/services/importer/internal/group"
	"github.com/wandstore/wandstore/services/importer/internal/ident"
	"github.com/wandstore/wandstore/services/importer/internal/listing"
	"github.com/wandstore/wandstore/services/importer/internal/table"
	"github.com/wandstore/wandstore/services/importer/internal/text"
)

// Reader reads one export.
type Reader struct {
	file *text.File
	// Counted, unless nil, is told of the number of products before the first of them.
	Counted func(products int)
}

// New returns a reader of an export.
func New(file *text.File) *Reader { return &Reader{file: file} }

// Read implements listing.Reader.
func (r *Reader) Read(ctx context.Context, yield func(listing.Product) error) error {
	var c columns
	return group.Each(func(give func(row) error) error {
		in, err := r.file.Reader()
		if err != nil {
			return err
		}
		t, err := table.NewReader(in)
		if err != nil {
			return err
		}
		c = columnsOf(t)
		return rows(ctx, t, &c, give)
	}, r.Counted, func(rows []row) error { return yield(product(&c, rows)) })
}

// row is a row with the handle of its product.
type row struct {
	table.Row
	handle string
}

func (r row) Group() string { return r.handle }

// rows gives every row with its handle.
func rows(ctx context.Context, t *table.Reader, c *columns, give func(row) error) error {
	above := ""
	return t.Each(ctx, func(next table.Row) error {
		handle := ident.Canonical(next.Field(c.handle))
		if handle == "" {
			handle = ident.Readable(next.Field(c.title))
		}
		if handle == "" && next.Field(c.title) != "" {
			handle = ident.Canonical(next.Field(c.title))
		}
		if handle == "" {
			handle = above
		}
		above = handle
		return give(row{Row: next, handle: handle})
	})
}
