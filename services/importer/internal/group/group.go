// Package group brings together the rows of a source that belong to one product, wherever
// they stand in it, without holding the source in memory.
//
// The source is read twice. The first reading counts the rows of each product, and so also
// tells whether the source can be read to its end. In the second one, a product is complete
// with its last row and given away. What is held at a time are the products whose rows are
// apart.
package group

import (
	"errors"
	"fmt"
	"strings"
)

// Bounds of a source: products, and bytes of rows that wait for others of their product.
const (
	maxGroups  = 200_000
	maxWaiting = 256 << 20
)

var (
	errTooMany = fmt.Errorf("holds more than %d products", maxGroups)
	errApart   = errors.New("the rows of too many products are apart from each other: sort the file, so that those of one product follow one another")
)

// Row is a row that belongs to a product.
type Row interface {
	// Group names the product.
	Group() string
	// Size is about how many bytes the row takes in memory.
	Size() int
}

// Each calls yield with all rows of a product, in their order, one product after the other,
// in the order of their last rows. read calls its argument with every row of the source,
// and is called twice. counted, unless nil, is called between the two with the number of
// products. The error is read's, yield's, or says that a bound is passed.
func Each[R Row](read func(row func(R) error) error, counted func(products int), yield func(rows []R) error) error {
	count := map[string]int{}
	err := read(func(row R) error {
		name := row.Group()
		if _, known := count[name]; !known {
			// A name may be a part of its row, which it would keep in memory.
			name = strings.Clone(name)
		}
		if count[name]++; len(count) > maxGroups {
			return errTooMany
		}
		return nil
	})
	if err != nil {
		return err
	}
	if counted != nil {
		counted(len(count))
	}
	waiting, size := map[string][]R{}, 0
	return read(func(row R) error {
		name := row.Group()
		waiting[name] = append(waiting[name], row)
		size += row.Size()
		rows := waiting[name]
		if len(rows) < count[name] {
			if size > maxWaiting {
				return errApart
			}
			return nil
		}
		delete(waiting, name)
		for _, r := range rows {
			size -= r.Size()
		}
		return yield(rows)
	})
}
