package woocsv

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/wandstore/wandstore/services/importer/internal/table"
)

// maxAttributes is how many attributes of a product are read.
const maxAttributes = 32

// columns are the indexes of the columns, -1 for those that the file does not have.
type columns struct {
	id, kind, sku, gtin, name, published, visibility, short, description,
	saleFrom, saleTo, inStock, stock, backorders, salePrice, price,
	categories, tags, images, parent, grouped, link, position, brands int

	attributes []attributeColumns
}

type attributeColumns struct{ name, values, visible int }

// headersJSON is what WooCommerce's exporter calls its columns: language, column, name.
// Source: the translations of the plugin that WordPress installs.
//
//go:embed headers.json
var headersJSON []byte

// known is the column of each name, with %d for the number of an attribute.
var known = sync.OnceValue(func() map[string]string {
	var languages map[string]map[string]string
	if err := json.Unmarshal(headersJSON, &languages); err != nil {
		panic(err) // it is part of the program
	}
	all := map[string]string{}
	for _, names := range languages {
		for column, name := range names {
			all[table.Name(name)] = column
		}
	}
	return all
})

// order is the order of the columns of an export, which nobody can change, in any language.
// Those after it are of other plugins and of attributes, downloads and meta data.
var order = []string{
	"id", "type", "sku", "gtin", "name", "published", "featured", "visibility", "shortDescription", "description",
	"saleFrom", "saleUntil", "taxStatus", "taxClass", "inStock", "stock", "lowStock", "backorders", "soldIndividually",
	"weight", "length", "width", "height", "reviews", "purchaseNote", "salePrice", "price", "categories", "tags",
	"shippingClass", "images", "downloadLimit", "downloadExpiry", "parent", "grouped", "upsells", "crossSells", "link",
	"buttonText", "position",
}

// beforeGTIN is the order of WooCommerce before 9.2.
var beforeGTIN = slices.DeleteFunc(slices.Clone(order), func(column string) bool { return column == "gtin" })

var digitRun = regexp.MustCompile(`\d+`)

// places are the indexes of columns, those of attributes by their numbers.
type places struct {
	of         map[string]int
	attributes map[int]map[string]int
}

// placesOf finds the columns by their names, in any of the known languages, and those that
// have other names by their places, if the first row's values agree.
func placesOf(header []string, first table.Row) places {
	p := places{map[string]int{}, map[int]map[string]int{}}
	note := func(to map[string]int, column string, i int) {
		if _, twice := to[column]; !twice {
			to[column] = i
		}
	}
	for i, name := range header {
		name = table.Name(name)
		if column, ok := known()[name]; ok {
			note(p.of, column, i)
			continue
		}
		digits := digitRun.FindString(name)
		if digits == "" {
			continue
		}
		column, ok := known()[strings.Replace(name, digits, "%d", 1)]
		if n, err := strconv.Atoi(digits); ok && err == nil && n <= maxAttributes {
			if p.attributes[n] == nil {
				p.attributes[n] = map[string]int{}
			}
			note(p.attributes[n], column, i)
		}
	}
	for _, layout := range [][]string{order, beforeGTIN} {
		if p.agrees(layout, len(header), first) {
			p.complete(layout, header)
			break
		}
	}
	return p
}

// values is what stands in some columns, in every language.
var values = map[string]*regexp.Regexp{
	"type": regexp.MustCompile(`^[a-z][a-z_, -]*$`), "published": regexp.MustCompile(`^(1|0|-1)$`), "featured": regexp.MustCompile(`^[01]$`),
	"visibility": regexp.MustCompile(`^(visible|catalog|search|hidden)$`), "taxStatus": regexp.MustCompile(`^(taxable|shipping|none)$`),
	"inStock": regexp.MustCompile(`^(0|1|backorder)$`), "backorders": regexp.MustCompile(`^(0|1|notify)?$`),
	"soldIndividually": regexp.MustCompile(`^[01]?$`), "reviews": regexp.MustCompile(`^[01]?$`), "position": regexp.MustCompile(`^-?\d+$`),
}

// agrees reports whether the columns may stand in that order: no name and no value of the
// first row says otherwise. The values are the same in every language.
func (p places) agrees(layout []string, width int, first table.Row) bool {
	if width < len(layout) {
		return false
	}
	for i, column := range layout {
		if found, named := p.of[column]; named && found != i {
			return false
		}
		if like, ok := values[column]; ok && !like.MatchString(first.Field(i)) {
			return false
		}
	}
	return true
}

// complete adds the columns that have no known names. Those of an attribute follow one
// another, with its number: name, values, visible, global and, of some, default.
func (p places) complete(layout, header []string) {
	for i, column := range layout {
		if _, named := p.of[column]; !named {
			p.of[column] = i
		}
	}
	if len(p.attributes) > 0 {
		return
	}
	for i := len(layout); i < len(header); {
		digits, end := digitRun.FindString(header[i]), i+1
		for end < len(header) && digits != "" && digitRun.FindString(header[end]) == digits {
			end++
		}
		// A download has three columns.
		if n, err := strconv.Atoi(digits); err == nil && n <= maxAttributes && end-i >= 4 && end-i <= 5 {
			p.attributes[n] = map[string]int{"attributeName": i, "attributeValues": i + 1, "attributeVisible": i + 2}
		}
		i = end
	}
}

func columnsOf(header []string, first table.Row) columns {
	p := placesOf(header, first)
	at := func(of map[string]int, column string) int {
		if i, ok := of[column]; ok {
			return i
		}
		return -1
	}
	find := func(column string) int { return at(p.of, column) }
	c := columns{
		id: find("id"), kind: find("type"), sku: find("sku"), gtin: find("gtin"), name: find("name"), published: find("published"),
		visibility: find("visibility"), short: find("shortDescription"), description: find("description"),
		saleFrom: find("saleFrom"), saleTo: find("saleUntil"), inStock: find("inStock"), stock: find("stock"), backorders: find("backorders"),
		salePrice: find("salePrice"), price: find("price"), categories: find("categories"), tags: find("tags"), images: find("images"),
		parent: find("parent"), grouped: find("grouped"), link: find("link"), position: find("position"), brands: find("brands"),
	}
	for n := range maxAttributes {
		of := p.attributes[n+1]
		a := attributeColumns{name: at(of, "attributeName"), values: at(of, "attributeValues"), visible: at(of, "attributeVisible")}
		if a.name >= 0 && a.values >= 0 {
			c.attributes = append(c.attributes, a)
		}
	}
	return c
}

// Recognises reports whether the table is an export of products. It may read a row.
func Recognises(t *table.Reader) bool {
	first, err := t.Next()
	if err != nil && !errors.Is(err, io.EOF) {
		return false
	}
	c := columnsOf(t.Header(), first)
	return c.lacks() == "" && (c.kind >= 0 || c.sku >= 0 && c.published >= 0)
}

// lacks is the column without which nothing can be sold, or "".
func (c *columns) lacks() string {
	switch {
	case c.name < 0:
		return "Name"
	case c.price < 0:
		return "Regular price"
	}
	return ""
}

// check tells which column the file has to have.
func (c *columns) check(header []string) error {
	if lacking := c.lacks(); lacking != "" {
		return fmt.Errorf("line 1: no column is known to be %q; rename it so: %.200s", lacking, strings.Join(header, ", "))
	}
	return nil
}
