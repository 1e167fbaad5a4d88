package woocsv

import (
	"context"
	"strings"
	"time"

	"github.com/wandstore/wandstore/services/importer/internal/group"
	"github.com/wandstore/wandstore/services/importer/internal/listing"
	"github.com/wandstore/wandstore/services/importer/internal/table"
	"github.com/wandstore/wandstore/services/importer/internal/text"
)

// Reader reads one export.
type Reader struct {
	file *text.File
	now  time.Time
	// Counted, unless nil, is told of the number of products before the first of them.
	Counted func(products int)
}

// New returns a reader of an export. The sale prices are those of the moment now.
func New(file *text.File, now time.Time) *Reader { return &Reader{file: file, now: now} }

// Read implements listing.Reader.
func (r *Reader) Read(ctx context.Context, yield func(listing.Product) error) error {
	names, err := r.names(ctx)
	if err != nil {
		return err
	}
	groups := &groups{members: names.members}
	err = group.Each(func(give func(row) error) error {
		return r.rows(ctx, func(c *columns, next table.Row) error { return give(row{next, c, names.group(c, next)}) })
	}, r.Counted, func(rows []row) error {
		p := r.product(rows)
		if kinds(rows[0].columns, rows[0].Row)["grouped"] {
			groups.wait(rows[0], p)
			return nil
		}
		groups.learn(rows[0].name, p)
		return yield(p)
	})
	if err != nil {
		return err
	}
	return groups.give(names, yield)
}

// row is a row with the name of its product.
type row struct {
	table.Row
	columns *columns
	name    string
}

func (r row) Group() string { return r.name }

// rows gives every row of the file.
func (r *Reader) rows(ctx context.Context, give func(*columns, table.Row) error) error {
	in, err := r.file.Reader()
	if err != nil {
		return err
	}
	t, err := table.NewReader(in)
	if err != nil {
		return err
	}
	var c *columns
	return t.Each(ctx, func(next table.Row) error {
		if c == nil {
			found := columnsOf(t.Header(), next)
			if err := found.check(t.Header()); err != nil {
				return err
			}
			c = &found
		}
		return give(c, next)
	})
}

// names are the names by which rows refer to products.
type names struct {
	// bySKU is a product's name by its SKU.
	bySKU map[string]string
	// members are the names of products that belong to grouped ones.
	members map[string]bool
}

// names reads the file once for how its rows refer to each other.
func (r *Reader) names(ctx context.Context) (*names, error) {
	n := &names{bySKU: map[string]string{}, members: map[string]bool{}}
	var references []string
	err := r.rows(ctx, func(c *columns, next table.Row) error {
		if sku := unescape(next.Field(c.sku)); sku != "" && !kinds(c, next)["variation"] {
			n.bySKU[strings.Clone(sku)] = own(c, next)
		}
		references = append(references, list(next.Field(c.grouped))...)
		return nil
	})
	for _, reference := range references {
		n.members[n.resolve(reference)] = true
	}
	return n, err
}

// group is the name of the product that a row belongs to: its own, or that of its parent.
func (n *names) group(c *columns, next table.Row) string {
	if parent := next.Field(c.parent); parent != "" && kinds(c, next)["variation"] {
		return n.resolve(parent)
	}
	return own(c, next)
}

// resolve is the name of the product that a reference means: a SKU, or id:123.
func (n *names) resolve(reference string) string {
	reference = unescape(reference)
	if id, ok := strings.CutPrefix(strings.ToLower(reference), "id:"); ok {
		return "id:" + strings.TrimSpace(id)
	}
	if name, ok := n.bySKU[reference]; ok {
		return name
	}
	return "sku:" + reference
}

// own is the name of a row's own product.
func own(c *columns, next table.Row) string {
	if id := next.Field(c.id); id != "" {
		return "id:" + id
	}
	if sku := unescape(next.Field(c.sku)); sku != "" {
		return "sku:" + sku
	}
	return "name:" + next.Field(c.name)
}

// kinds are the types of a row: a product may be of several, as "simple, virtual".
func kinds(c *columns, next table.Row) map[string]bool {
	all := map[string]bool{}
	for kind := range strings.SplitSeq(strings.ToLower(next.Field(c.kind)), ",") {
		all[strings.TrimSpace(kind)] = true
	}
	return all
}
