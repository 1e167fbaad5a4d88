package shopify

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wandstore/wandstore/services/importer/internal/listing"
)

// Product is a product as products.json and the webhooks write it: the form of the REST
// Admin API, of which products.json leaves out the stock.
type Product struct {
	ID          int64     `json:"id"`
	Title       string    `json:"title"`
	Handle      string    `json:"handle"`
	BodyHTML    string    `json:"body_html"`
	Vendor      string    `json:"vendor"`
	ProductType string    `json:"product_type"`
	Tags        tags      `json:"tags"`
	Status      string    `json:"status"`
	CreatedAt   moment    `json:"created_at"`
	UpdatedAt   moment    `json:"updated_at"`
	PublishedAt *moment   `json:"published_at"`
	Options     []option  `json:"options"`
	Variants    []variant `json:"variants"`
	Images      []image   `json:"images"`
}

type option struct {
	Name     string `json:"name"`
	Position int    `json:"position"`
}

type variant struct {
	ID              int64   `json:"id"`
	SKU             string  `json:"sku"`
	Barcode         string  `json:"barcode"`
	Option1         string  `json:"option1"`
	Option2         string  `json:"option2"`
	Option3         string  `json:"option3"`
	Price           amount  `json:"price"`
	CompareAtPrice  amount  `json:"compare_at_price"`
	Available       *bool   `json:"available"`
	Management      *string `json:"inventory_management"`
	Policy          string  `json:"inventory_policy"`
	Quantity        *int    `json:"inventory_quantity"`
	InventoryItemID int64   `json:"inventory_item_id"`
	ImageID         int64   `json:"image_id"`
	FeaturedImage   *image  `json:"featured_image"`
}

type image struct {
	ID     int64  `json:"id"`
	Src    string `json:"src"`
	Alt    string `json:"alt"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
}

// moment is a time, or zero for what is none.
type moment struct{ time.Time }

// UnmarshalJSON reads a time of RFC 3339.
func (m *moment) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		if t, err := time.Parse(time.RFC3339, text); err == nil {
			m.Time = t
		}
	}
	return nil
}

// tags are a list, or a text with commas.
type tags []string

// UnmarshalJSON reads either.
func (t *tags) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) != nil {
		return json.Unmarshal(b, (*[]string)(t))
	}
	for tag := range strings.SplitSeq(text, ",") {
		if tag = strings.TrimSpace(tag); tag != "" && !slices.Contains(*t, tag) {
			*t = append(*t, tag)
		}
	}
	return nil
}

// amount is a text or a number.
type amount string

// UnmarshalJSON reads either.
func (a *amount) UnmarshalJSON(b []byte) error {
	text := strings.Trim(string(b), `"`)
	if text == "null" {
		text = ""
	}
	*a = amount(text)
	return nil
}

// Listing is the product as a listing.
func (p *Product) Listing() listing.Product {
	l := listing.Product{
		Handle: p.Handle, ExternalID: id(p.ID), Title: p.Title, HTML: p.BodyHTML, Vendor: p.Vendor, Type: p.ProductType,
		Tags: p.Tags, Hidden: hidden(p.Status, p.PublishedAt != nil), AddedAt: p.CreatedAt.Time, UpdatedAt: p.UpdatedAt.Time,
	}
	if p.ProductType != "" {
		l.Categories = []string{p.ProductType}
	}
	for _, i := range p.Images {
		l.Images = append(l.Images, listing.Image{URL: i.Src, Alt: i.Alt, Width: i.Width, Height: i.Height})
	}
	slices.SortStableFunc(p.Options, func(a, b option) int { return a.Position - b.Position })
	for _, o := range p.Options {
		l.Options = append(l.Options, o.Name)
	}
	if noOptions(l.Options, len(p.Variants)) {
		l.Options = nil
	}
	for i := range p.Variants {
		l.Variants = append(l.Variants, p.variant(&p.Variants[i], len(l.Options)))
	}
	return l
}

// noOptions reports whether the option is that of a product without any.
func noOptions(names []string, variants int) bool {
	return len(names) == 1 && names[0] == "Title" && variants < 2
}

// hidden is why a product must not be seen. products.json and the Storefront API have no
// status: they list what is published only.
func hidden(status string, published bool) string {
	switch status = strings.ToLower(status); status {
	case "draft", "archived", "unlisted":
		return "is " + status
	case "active":
		if !published {
			return "is not published"
		}
	}
	return ""
}

func (p *Product) variant(v *variant, options int) listing.Variant {
	l := listing.Variant{
		ExternalID: id(v.ID), InventoryID: id(v.InventoryItemID), SKU: v.SKU, Barcode: v.Barcode,
		Price: string(v.Price), CompareAt: string(v.CompareAtPrice), Backorder: v.Policy == "continue",
	}
	if values := []string{v.Option1, v.Option2, v.Option3}; options <= len(values) {
		l.Values = values[:options]
	}
	switch {
	case v.Management != nil && *v.Management != "" && v.Quantity != nil:
		l.Stock = v.Quantity
	case v.Available != nil:
		l.SoldOut = !*v.Available
	}
	if v.FeaturedImage != nil {
		l.Image = v.FeaturedImage.Src
	}
	for _, i := range p.Images {
		if v.ImageID != 0 && i.ID == v.ImageID {
			l.Image = i.Src
		}
	}
	return l
}

func id(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}
