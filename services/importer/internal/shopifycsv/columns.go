package shopifycsv

import (
	"regexp"

	"github.com/wandstore/wandstore/services/importer/internal/table"
)

// maxOptions is how many options a Shopify product has at most.
const maxOptions = 3

// columns are the indexes of the columns, -1 for those that the file does not have.
type columns struct {
	handle, title, body, vendor, category, kind, collection, tags, published, status int

	optionNames, optionValues [maxOptions]int

	sku, barcode, price, compareAt, tracker, quantity, policy, variantImage int

	image, imagePosition, imageAlt int

	measure, measureUnit int

	metafields []metafield
}

// metafield is a column of one of the shop's own properties.
type metafield struct {
	name   string
	column int
}

// metafieldHeader is the form of a metafield's header: its name, and where it is kept.
var metafieldHeader = regexp.MustCompile(`^(.+?)\s*\(product\.metafields\.[^)]+\)$`)

func columnsOf(t *table.Reader) columns {
	c := columns{
		handle: t.Column("URL handle", "Handle"), title: t.Column("Title"),
		body: t.Column("Description", "Body (HTML)", "Body HTML", "Body"), vendor: t.Column("Vendor"),
		category: t.Column("Product category"), kind: t.Column("Type", "Custom product type"), collection: t.Column("Collection"),
		tags: t.Column("Tags"), published: t.Column("Published on online store", "Published"), status: t.Column("Status"),

		sku: t.Column("SKU", "Variant SKU"), barcode: t.Column("Barcode", "Variant Barcode"),
		price: t.Column("Price", "Variant Price"), compareAt: t.Column("Compare-at price", "Variant Compare At Price", "Compare At Price"),
		tracker:  t.Column("Inventory tracker", "Variant Inventory Tracker"),
		quantity: t.Column("Inventory quantity", "Variant Inventory Qty"),
		policy:   t.Column("Continue selling when out of stock", "Variant Inventory Policy"),

		variantImage: t.Column("Variant image URL", "Variant Image"),
		image:        t.Column("Product image URL", "Image Src"), imagePosition: t.Column("Image position"), imageAlt: t.Column("Image alt text"),
		measure:     t.Column("Unit price total measure", "Variant Unit Price Total Measure"),
		measureUnit: t.Column("Unit price total measure unit", "Variant Unit Price Total Measure Unit"),
	}
	for i, n := range []string{"1", "2", "3"} {
		c.optionNames[i], c.optionValues[i] = t.Column("Option"+n+" name"), t.Column("Option"+n+" value")
	}
	for i, name := range t.Header() {
		if m := metafieldHeader.FindStringSubmatch(name); m != nil {
			c.metafields = append(c.metafields, metafield{name: m[1], column: i})
		}
	}
	return c
}

// Recognises reports whether a table with that header is a product export of Shopify.
func Recognises(t *table.Reader) bool {
	return t.Column("Title") >= 0 && t.Column("URL handle", "Handle") >= 0 ||
		t.Column("Title") >= 0 && t.Column("Variant Price") >= 0
}
