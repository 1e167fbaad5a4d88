// Package listing is a product as a merchant's source tells of it, before it becomes one
// of the catalogue: every reader gives listings, and one mapping takes them.
//
// Texts are as they stand in the source, without the space around them. Nothing is checked
// yet: an amount may be no amount, and an address no address.
package listing

import (
	"context"
	"strconv"
	"strings"
	"time"
)

// Reader gives the products of one source.
type Reader interface {
	// Read calls yield for each product. A nil error means that the source was read to its
	// end: what it did not name is not there. With any error, yield's included, it may go on
	// beyond what was read, so that nothing may be concluded from what is missing.
	Read(ctx context.Context, yield func(Product) error) error
}

// Product is one product of a source.
type Product struct {
	// Line is where the source tells of it, from 1; 0 where there are no lines.
	Line int
	// Handle is what the source calls it in addresses, or its own number: the catalogue's id
	// is made of it.
	Handle string
	// ExternalID is the source's number of it, or "".
	ExternalID string
	Title      string
	// HTML is the description.
	HTML   string
	Vendor string
	Type   string
	// Categories are the names of what it belongs to, the most important first. A path is
	// written "Clothing > Shirts".
	Categories []string
	Tags       []string
	// Options are the names of what its variants differ by.
	Options    []string
	Variants   []Variant
	Images     []Image
	Attributes []Attribute
	// Link is where it is bought if not in this shop, or "".
	Link string
	// Hidden is why shoppers must not see it, such as "is a draft", or "".
	Hidden string
	// Fault is why it cannot be read, or "".
	Fault string
	// AddedAt and UpdatedAt are zero where the source does not tell.
	AddedAt, UpdatedAt time.Time
	// Rating is of 5; 0 where there is none.
	Rating  float64
	Reviews int
}

// Variant is one thing to buy.
type Variant struct {
	Line int
	// ExternalID and InventoryID are the source's numbers of it and of its stock, or "".
	ExternalID, InventoryID string
	// Values are those of the product's options, in their order.
	Values       []string
	SKU, Barcode string
	// Price is today's. CompareAt is the usual one, or "". Both are decimal text, with or
	// without a currency.
	Price, CompareAt string
	// Stock is how many are left; nil if nobody counts.
	Stock *int
	// SoldOut is true where the source only says that there is none.
	SoldOut bool
	// Backorder is true if it is sold beyond its stock.
	Backorder bool
	// Image is the address of its own picture, or "".
	Image string
}

// Count reads how many there are of something: whole ones, as programs write them with
// decimals too. It is nil if text is no number.
func Count(text string) *int {
	n, err := strconv.ParseFloat(strings.Replace(text, ",", ".", 1), 64)
	if err != nil || !(n > -1e9 && n < 1e9) { // not a number is neither
		return nil
	}
	whole := int(n)
	return &whole
}

// Image is a picture of a product.
type Image struct {
	URL, Alt string
	// Width and Height are in pixels; 0 where the source does not tell.
	Width, Height int
}

// Attribute is a named property, as a shopper would read it.
type Attribute struct{ Name, Value string }
