package feed

import (
	"strings"
)

// item is one item of a feed: values by the names of attributes, without the prefix g. The
// values of an attribute with parts, such as product_detail, are under name.part.
type item struct {
	line   int
	values map[string][]string
	size   int
}

// Group implements group.Row: the items of one group are one product.
func (i *item) Group() string {
	if g := i.first("item_group_id"); g != "" {
		return "group " + g
	}
	return "item " + i.first("id")
}

// Size implements group.Row.
func (i *item) Size() int { return i.size }

func (i *item) add(name, value string) {
	if value = strings.TrimSpace(value); value == "" {
		return
	}
	if i.values == nil {
		i.values = map[string][]string{}
	}
	i.values[name] = append(i.values[name], value)
	i.size += len(name) + len(value) + 64
}

// plainPrefix begins the names of elements that are not of Google's namespace.
const plainPrefix = "plain "

// all are the values of an attribute: Google's, or without those the feed's own.
func (i *item) all(name string) []string {
	if values := i.values[name]; len(values) > 0 {
		return values
	}
	return i.values[plainPrefix+name]
}

// first is the first value of the first of the attributes that has one.
func (i *item) first(names ...string) string {
	for _, name := range names {
		if values := i.all(name); len(values) > 0 {
			return values[0]
		}
	}
	return ""
}
