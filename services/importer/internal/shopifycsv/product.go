package shopifycsv

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/wandstore/wandstore/services/importer/internal/listing"
)

// product makes a listing of the rows of one handle.
func product(c *columns, rows []row) listing.Product {
	// What concerns the whole product stands in the row with its title.
	main := rows[max(0, slices.IndexFunc(rows, func(r row) bool { return r.Field(c.title) != "" }))]
	p := listing.Product{
		Line: rows[0].Line, Handle: main.handle, Title: main.Field(c.title), HTML: main.Field(c.body),
		Vendor: main.Field(c.vendor), Type: main.Field(c.kind), Tags: split(main.Field(c.tags)),
		Hidden: hidden(main.Field(c.published), main.Field(c.status)),
	}
	for _, name := range []string{main.Field(c.collection), p.Type, main.Field(c.category)} {
		if name != "" {
			p.Categories = append(p.Categories, name)
		}
	}
	if p.Handle == "" {
		p.Fault = "has neither a handle nor a title"
	}
	for _, r := range rows {
		p.Fault = cmp.Or(r.Fault(), p.Fault)
		if title := r.Field(c.title); title != "" && title != p.Title {
			p.Fault = cmp.Or(p.Fault, fmt.Sprintf("two products have the handle, those of the lines %d and %d", main.Line, r.Line))
		}
	}
	p.Options = options(c, main)
	p.Images = images(c, rows)
	p.Attributes = attributes(c, main)
	for i, r := range rows {
		if i == 0 || isVariant(c, r) {
			p.Variants = append(p.Variants, variant(c, r, len(p.Options)))
		}
	}
	return p
}

// isVariant reports whether a row that is not a product's first has a variant: otherwise it
// has only a picture.
func isVariant(c *columns, r row) bool {
	return r.Field(c.optionValues[0]) != "" || r.Field(c.price) != "" || r.Field(c.sku) != ""
}

// options are the names of the options. A product without any has one called Title.
func options(c *columns, main row) []string {
	var names []string
	for i := range maxOptions {
		name, value := main.Field(c.optionNames[i]), main.Field(c.optionValues[i])
		if name == "" && value == "" {
			break
		}
		if i == 0 && strings.EqualFold(cmp.Or(name, "Title"), "Title") && (value == "" || strings.EqualFold(value, "Default Title")) {
			return nil
		}
		names = append(names, cmp.Or(name, "Option "+strconv.Itoa(i+1)))
	}
	return names
}

func variant(c *columns, r row, options int) listing.Variant {
	v := listing.Variant{
		Line: r.Line, SKU: strings.TrimPrefix(r.Field(c.sku), "'"), Barcode: strings.TrimPrefix(r.Field(c.barcode), "'"),
		Price: r.Field(c.price), CompareAt: r.Field(c.compareAt), Image: r.Field(c.variantImage),
	}
	for i := range options {
		v.Values = append(v.Values, r.Field(c.optionValues[i]))
	}
	switch strings.ToLower(r.Field(c.policy)) {
	case "continue", "true", "yes":
		v.Backorder = true
	}
	// Without the column nobody says that nobody counts.
	if r.Field(c.tracker) != "" || c.tracker < 0 {
		v.Stock = listing.Count(r.Field(c.quantity))
	}
	return v
}

// images are the pictures in the order of their positions.
func images(c *columns, rows []row) []listing.Image {
	type placed struct {
		listing.Image
		position int
	}
	var all []placed
	seen := map[string]bool{}
	for _, r := range rows {
		address := r.Field(c.image)
		if address == "" || seen[address] {
			continue
		}
		seen[address] = true
		position, err := strconv.Atoi(r.Field(c.imagePosition))
		if err != nil || position < 1 {
			position = len(all) + 1
		}
		all = append(all, placed{listing.Image{URL: address, Alt: r.Field(c.imageAlt)}, position})
	}
	slices.SortStableFunc(all, func(a, b placed) int { return a.position - b.position })
	images := make([]listing.Image, 0, len(all))
	for _, one := range all {
		images = append(images, one.Image)
	}
	return images
}

// attributes are the metafields that people can read, and how much is in it.
func attributes(c *columns, main row) []listing.Attribute {
	var all []listing.Attribute
	for _, field := range c.metafields {
		value := main.Field(field.column)
		// References, measurements and rich texts are JSON or addresses of Shopify's own.
		if value == "" || strings.HasPrefix(value, "gid://") || strings.ContainsAny(value[:1], "{[<") {
			continue
		}
		all = append(all, listing.Attribute{Name: field.name, Value: strings.Join(strings.FieldsFunc(value, func(r rune) bool { return r == '\n' }), ", ")})
	}
	if amount, unit := main.Field(c.measure), main.Field(c.measureUnit); amount != "" && unit != "" && strings.Trim(amount, "0.") != "" {
		all = append(all, listing.Attribute{Name: "Contents", Value: amount + " " + unit})
	}
	return all
}

// hidden is why a product must not be seen, by the columns that say so.
func hidden(published, status string) string {
	switch status = strings.ToLower(status); status {
	case "draft", "archived", "unlisted":
		return "is " + status
	}
	if slices.Contains(untrue, strings.ToLower(published)) {
		return "is not published"
	}
	return ""
}

// untrue is how programs write false: spreadsheets in their users' languages.
var untrue = []string{
	"false", "no", "0", "falsch", "nein", "faux", "non", "falso", "onwaar", "nee", "fałsz", "falsk", "falskt", "sann ikke", "usand", "usann",
	"epätosi", "nepravda", "hamis", "yanlış", "ложь", "хибність",
}

// split is the parts of a list with commas.
func split(list string) []string {
	var parts []string
	for part := range strings.SplitSeq(list, ",") {
		if part = strings.TrimSpace(part); part != "" && !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	return parts
}
