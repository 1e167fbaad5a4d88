package woocsv

import (
	"cmp"
	"html"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wandstore/wandstore/services/importer/internal/listing"
)

// Handle is what a product is called by: its SKU, or without one its number.
func Handle(sku, id string) string {
	switch {
	case sku != "":
		return sku
	case id != "":
		return "product-" + id
	}
	return ""
}

// product makes a listing of the row of a product and those of its variations.
func (r *Reader) product(rows []row) listing.Product {
	c := rows[0].columns
	main := slices.IndexFunc(rows, func(r row) bool { return !kinds(c, r.Row)["variation"] })
	if main < 0 {
		return listing.Product{
			Line: rows[0].Line, Handle: rows[0].Field(c.sku), Title: rows[0].Field(c.name),
			Fault: "is a variation of a product that is not in the file: " + rows[0].Field(c.parent),
		}
	}
	m := rows[main]
	p := listing.Product{
		Line: m.Line, Handle: cmp.Or(Handle(unescape(m.Field(c.sku)), m.Field(c.id)), m.Field(c.name)), ExternalID: m.Field(c.id),
		Title: html.UnescapeString(unescape(m.Field(c.name))), HTML: markup(m.Field(c.short), m.Field(c.description)),
		Categories: list(m.Field(c.categories)), Tags: list(m.Field(c.tags)), Link: m.Field(c.link),
		Hidden: hidden(m.Field(c.published), m.Field(c.visibility)),
	}
	if brands := list(m.Field(c.brands)); len(brands) > 0 {
		p.Vendor = brands[0]
	}
	for _, address := range addresses(m.Field(c.images)) {
		p.Images = append(p.Images, listing.Image{URL: address})
	}
	var variations []row
	for i, one := range rows {
		p.Fault = cmp.Or(one.Fault(), p.Fault)
		if i != main {
			variations = append(variations, one)
		}
	}
	r.variants(&p, m, variations)
	return p
}

// variants sets the options, the variants, and the attributes that are no options.
func (r *Reader) variants(p *listing.Product, main row, variations []row) {
	c := main.columns
	varies := map[string]bool{}
	for _, v := range variations {
		for _, a := range attributes(c, v) {
			varies[fold(a.name)] = true
		}
	}
	var options []attribute
	for _, a := range attributes(c, main) {
		switch {
		case varies[fold(a.name)]:
			options = append(options, a)
			p.Options = append(p.Options, a.name)
		case a.visible && len(a.values) > 0:
			p.Attributes = append(p.Attributes, listing.Attribute{Name: a.name, Value: strings.Join(a.values, ", ")})
		}
	}
	if len(variations) == 0 {
		if kinds(c, main.Row)["variable"] {
			p.Fault = "is variable and has no variations"
			return
		}
		p.Variants = []listing.Variant{r.variant(main, main)}
		if kinds(c, main.Row)["external"] {
			p.Variants[0].ExternalID = "" // no checkout of the shop takes it
		}
		return
	}
	slices.SortStableFunc(variations, func(a, b row) int { return number(a.Field(c.position)) - number(b.Field(c.position)) })
	for _, one := range variations {
		if reason := hidden(one.Field(c.published), ""); reason != "" {
			continue
		}
		v := r.variant(one, main)
		expand(p, v, one, options)
	}
	if len(p.Variants) == 0 && p.Hidden == "" {
		p.Hidden = "has no published variation"
	}
}

// maxExpanded bounds the variants that come of variations for any value.
const maxExpanded = 1000

// expand adds a variation as a variant for each value that it is for.
func expand(p *listing.Product, v listing.Variant, one row, options []attribute) {
	given := map[string]string{}
	for _, a := range attributes(one.columns, one) {
		if len(a.values) > 0 {
			given[fold(a.name)] = strings.Join(a.values, ", ")
		}
	}
	combinations := [][]string{nil}
	for _, option := range options {
		values := option.values
		if value, ok := given[fold(option.name)]; ok {
			values = []string{value}
		}
		var longer [][]string
		for _, begun := range combinations {
			for _, value := range values {
				longer = append(longer, append(slices.Clone(begun), value))
			}
		}
		if combinations = longer; len(combinations) > maxExpanded {
			p.Fault = "line " + strconv.Itoa(one.Line) + " stands for too many variants"
			return
		}
	}
	for _, values := range combinations {
		// A variation for one value comes before that for any.
		if slices.ContainsFunc(p.Variants, func(other listing.Variant) bool { return slices.Equal(other.Values, values) }) && len(combinations) > 1 {
			continue
		}
		v.Values = values
		p.Variants = append(p.Variants, v)
	}
}

// variant is what a row sells. A variation has its parent's stock if that is counted there.
func (r *Reader) variant(one, parent row) listing.Variant {
	c := one.columns
	v := listing.Variant{
		Line: one.Line, ExternalID: one.Field(c.id), SKU: unescape(one.Field(c.sku)), Barcode: unescape(one.Field(c.gtin)),
		Price: one.Field(c.price),
	}
	if sale := one.Field(c.salePrice); sale != "" && r.during(one.Field(c.saleFrom), one.Field(c.saleTo)) {
		v.Price, v.CompareAt = sale, v.Price
	}
	if own := addresses(one.Field(c.images)); len(own) > 0 && one.Line != parent.Line {
		v.Image = own[0]
	}
	stock := one.Field(c.stock)
	if stock == "parent" || stock == "" && one.Line != parent.Line {
		stock = parent.Field(c.stock)
	}
	v.Stock = listing.Count(stock) // WooCommerce counts grams too
	switch one.Field(c.inStock) {
	case "0":
		v.SoldOut = v.Stock == nil
	case "backorder":
		v.Backorder = true
	}
	switch strings.ToLower(one.Field(c.backorders)) {
	case "1", "notify", "yes":
		v.Backorder = true
	}
	return v
}

// during reports whether now is between two days, of which both may be missing. The last
// day counts.
func (r *Reader) during(from, to string) bool {
	begin, _, begins := day(from)
	_, end, ends := day(to)
	return (!begins || !r.now.Before(begin)) && (!ends || r.now.Before(end))
}

// day is the first moment of a date and the first after it. Of a date with a time, both
// are that moment.
func day(s string) (begin, end time.Time, ok bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", time.DateTime, "2006-01-02 15:04"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, t, true
		}
	}
	t, err := time.Parse(time.DateOnly, s)
	return t, t.AddDate(0, 0, 1), err == nil
}

// markup is the two descriptions together. WordPress makes paragraphs of blank lines.
func markup(texts ...string) string {
	var all []string
	for _, text := range texts {
		text = strings.TrimSpace(withoutShortcodes(strings.ReplaceAll(unescape(text), `\n`, "\n")))
		if text == "" {
			continue
		}
		if !strings.Contains(strings.ToLower(text), "<p") {
			text = "<p>" + strings.Join(strings.Split(text, "\n\n"), "</p>\n<p>") + "</p>"
		}
		all = append(all, text)
	}
	return strings.Join(all, "\n")
}

func hidden(published, visibility string) string {
	switch published {
	case "0":
		return "is private"
	case "-1":
		return "is a draft"
	}
	if strings.EqualFold(visibility, "hidden") {
		return "is hidden in the catalogue"
	}
	return ""
}

// attribute is an attribute of a row.
type attribute struct {
	name    string
	values  []string
	visible bool
}

func attributes(c *columns, r row) []attribute {
	var all []attribute
	for _, columns := range c.attributes {
		name := html.UnescapeString(unescape(r.Field(columns.name)))
		if name == "" || slices.ContainsFunc(all, func(a attribute) bool { return fold(a.name) == fold(name) }) {
			continue
		}
		all = append(all, attribute{name: name, values: list(r.Field(columns.values)), visible: r.Field(columns.visible) != "0"})
	}
	return all
}

func fold(s string) string { return strings.ToLower(s) }

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}
