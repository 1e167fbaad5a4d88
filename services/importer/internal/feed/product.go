package feed

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/services/importer/internal/listing"
)

// maxTitle bounds a title, in bytes. Some feeds have markup and entities in titles, which are
// plain text by Google's specification.
const maxTitle = 4 << 10

// product makes a listing of the items of one group.
func (r *Reader) product(items []*item) listing.Product {
	main := items[0]
	p := listing.Product{
		Line: main.line, Handle: cmp.Or(main.first("item_group_id"), main.first("id")), ExternalID: main.first("item_group_id", "id"),
		Title: catalogue.PlainText(title(items), maxTitle), HTML: main.first("description", "summary", "content"), Vendor: main.first("brand"), Link: main.first("link"),
		Categories: categories(main), Images: images(items), Fault: fault(items),
	}
	if expires, ok := moment(main.first("expiration_date")); ok && expires.Before(r.now) {
		p.Hidden = "has expired"
	}
	var chosen []dimension
	p.Options, chosen = options(items)
	for _, one := range items {
		p.Variants = append(p.Variants, r.variant(one, chosen))
	}
	for _, d := range dimensions {
		if value := main.first(d.attribute); value != "" && !slices.Contains(chosen, d) {
			p.Attributes = append(p.Attributes, listing.Attribute{Name: d.name, Value: value})
		}
	}
	if condition := main.first("condition"); condition != "" && !strings.EqualFold(condition, "new") {
		p.Attributes = append(p.Attributes, listing.Attribute{Name: "Condition", Value: condition})
	}
	names, values := main.all("product_detail.attribute_name"), main.all("product_detail.attribute_value")
	for i := range min(len(names), len(values)) {
		p.Attributes = append(p.Attributes, listing.Attribute{Name: names[i], Value: values[i]})
	}
	return p
}

// fault is why the items cannot be read.
func fault(items []*item) string {
	lines := map[string]int{}
	for _, one := range items {
		if f := one.first(faultName); f != "" {
			return f
		}
		id := one.first("id")
		if id == "" {
			return "line " + strconv.Itoa(one.line) + " has no id"
		}
		if line, twice := lines[id]; twice {
			return fmt.Sprintf("two items have the id %.40q, those of the lines %d and %d", id, line, one.line)
		}
		lines[id] = one.line
	}
	return ""
}

// title is the title of a group: what the titles of its items begin with, in whole words.
func title(items []*item) string {
	if t := items[0].first("item_group_title"); t != "" {
		return t
	}
	first := items[0].first("title")
	common := first
	if len(items) == 1 {
		return first
	}
	for _, one := range items[1:] {
		other := one.first("title")
		n := 0
		for n < len(common) && n < len(other) && common[n] == other[n] {
			n++
		}
		for n > 0 && n < len(common) && !utf8.RuneStart(common[n]) {
			n--
		}
		cut := common[:n]
		// A word that is common in part only is not common.
		if goesOn(common[n:]) || goesOn(other[n:]) {
			cut = cut[:strings.LastIndexFunc(cut, func(r rune) bool { return !word(r) })+1]
		}
		common = cut
	}
	common = strings.TrimRightFunc(common, func(r rune) bool { return !word(r) && r != ')' && r != '"' && r != '%' })
	if open := strings.LastIndexByte(common, '('); open > 0 && !strings.Contains(common[open:], ")") {
		common = strings.TrimRightFunc(common[:open], func(r rune) bool { return !word(r) })
	}
	if utf8.RuneCountInString(common) < 3 {
		return first
	}
	return common
}

func word(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) }

// goesOn reports whether a word goes on at the beginning of s.
func goesOn(s string) bool {
	r, size := utf8.DecodeRuneInString(s)
	return size > 0 && word(r)
}

var number = regexp.MustCompile(`^[0-9]+$`)

func categories(main *item) []string {
	var all []string
	for _, name := range append(slices.Clone(main.all("product_type")), main.all("google_product_category")...) {
		if !number.MatchString(name) && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

func images(items []*item) []listing.Image {
	var all []listing.Image
	add := func(address string) {
		if !slices.ContainsFunc(all, func(i listing.Image) bool { return i.URL == address }) {
			all = append(all, listing.Image{URL: address})
		}
	}
	for _, one := range items {
		if address := one.first("image_link"); address != "" {
			add(address)
		}
	}
	for _, one := range items {
		for _, value := range one.all("additional_image_link") {
			for _, address := range addresses(value) {
				add(address)
			}
		}
	}
	return all
}

var nextAddress = regexp.MustCompile(`[,\s]+(?:https?:)?//`)

// addresses are those of a list with commas. An address may hold a comma itself.
func addresses(list string) []string {
	var all []string
	for {
		at := nextAddress.FindStringIndex(list)
		if at == nil {
			return append(all, strings.Trim(list, ", "))
		}
		all = append(all, strings.Trim(list[:at[0]], ", "))
		list = strings.TrimLeft(list[at[0]:], ", \t\n")
	}
}

// dimension is an attribute that variants may differ by.
type dimension struct{ attribute, name string }

var dimensions = []dimension{
	{"color", "Color"}, {"size", "Size"}, {"material", "Material"}, {"pattern", "Pattern"}, {"gender", "Gender"}, {"age_group", "Age group"},
}

// options are those attributes by which the items differ. If these do not tell all items
// apart, their titles do, or their ids.
func options(items []*item) (names []string, chosen []dimension) {
	if len(items) == 1 {
		return nil, nil
	}
	distinct := func(attributes ...dimension) int {
		seen := map[string]bool{}
		for _, one := range items {
			var key strings.Builder
			for _, d := range attributes {
				key.WriteString(one.first(d.attribute) + "\x00")
			}
			seen[key.String()] = true
		}
		return len(seen)
	}
	for _, d := range dimensions {
		if distinct(d) > 1 {
			chosen, names = append(chosen, d), append(names, d.name)
		}
	}
	if distinct(chosen...) < len(items) {
		last := dimension{"title", "Item"}
		if distinct(append(slices.Clone(chosen), last)...) < len(items) {
			last.attribute = "id"
		}
		chosen, names = append(chosen, last), append(names, last.name)
	}
	return names, chosen
}

func (r *Reader) variant(one *item, chosen []dimension) listing.Variant {
	v := listing.Variant{
		Line: one.line, ExternalID: one.first("id"), SKU: one.first("id"), Barcode: one.first("gtin"),
		Price: one.first("price"), Image: one.first("image_link"),
	}
	if sale := one.first("sale_price"); sale != "" && r.during(one.first("sale_price_effective_date")) {
		v.Price, v.CompareAt = sale, v.Price
	}
	for _, d := range chosen {
		v.Values = append(v.Values, one.first(d.attribute))
	}
	switch availability(one.first("availability")) {
	case "outofstock", "soldout", "discontinued":
		v.SoldOut = true
	case "preorder", "presale", "backorder":
		v.Backorder = true
	}
	v.Stock = listing.Count(one.first("quantity", "inventory"))
	return v
}

// availability is how Google and schema.org call it, whose address may stand before it.
func availability(text string) string {
	text = text[strings.LastIndexByte(text, '/')+1:]
	return strings.NewReplacer(" ", "", "_", "", "-", "").Replace(strings.ToLower(text))
}

// during reports whether now is in an interval (ISO 8601): two moments with a slash. What is
// no interval holds always.
func (r *Reader) during(interval string) bool {
	from, to, ok := strings.Cut(interval, "/")
	begin, begins := moment(from)
	end, ends := moment(to)
	return !ok || (!begins || !r.now.Before(begin)) && (!ends || r.now.Before(end))
}

func moment(s string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05-0700", "2006-01-02T15:04-0700", "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
