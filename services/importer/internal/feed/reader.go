package feed

import (
	"bufio"
	"context"
	"errors"
	"io"
	"time"

	"github.com/wandstore/wandstore/services/importer/internal/group"
	"github.com/wandstore/wandstore/services/importer/internal/listing"
	"github.com/wandstore/wandstore/services/importer/internal/text"
)

// Reader reads one feed.
type Reader struct {
	file *text.File
	now  time.Time
	// Counted, unless nil, is told of the number of products before the first of them.
	Counted func(products int)
}

// New returns a reader of a feed. The sale prices are those of the moment now.
func New(file *text.File, now time.Time) *Reader { return &Reader{file: file, now: now} }

// Read implements listing.Reader.
func (r *Reader) Read(ctx context.Context, yield func(listing.Product) error) error {
	return group.Each(func(give func(*item) error) error {
		in, err := r.file.Reader()
		if err != nil {
			return err
		}
		buffered := bufio.NewReader(in)
		head, err := buffered.Peek(512)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if LooksLikeXML(head) {
			return readXML(ctx, buffered, give)
		}
		return readText(ctx, buffered, give)
	}, r.Counted, func(items []*item) error { return yield(r.product(items)) })
}
