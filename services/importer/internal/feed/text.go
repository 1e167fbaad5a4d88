package feed

import (
	"context"
	"io"
	"strings"

	"github.com/wandstore/wandstore/services/importer/internal/table"
)

// Recognises reports whether a table with that header is a text feed.
func Recognises(t *table.Reader) bool {
	names := map[string]bool{}
	for _, name := range t.Header() {
		names[attributeName(name)] = true
	}
	return names["id"] && names["title"] && names["price"] && (names["link"] || names["image_link"] || names["availability"])
}

// attributeName is the name of an attribute by a column's header, which may be written with
// spaces.
func attributeName(header string) string {
	return strings.ReplaceAll(strings.TrimPrefix(table.Name(header), "g:"), " ", "_")
}

// readText gives every item of a text feed.
func readText(ctx context.Context, in io.Reader, give func(*item) error) error {
	t, err := table.NewReader(in)
	if err != nil {
		return err
	}
	names := make([]string, len(t.Header()))
	for i, header := range t.Header() {
		names[i] = attributeName(header)
	}
	return t.Each(ctx, func(row table.Row) error {
		one := &item{line: row.Line}
		for column, name := range names {
			one.add(name, row.Field(column))
		}
		one.add(faultName, row.Fault())
		return give(one)
	})
}

// faultName is the name under which an item keeps why it cannot be read. No attribute is
// called so, since names have no spaces.
const faultName = " fault"
