package storefront

import (
	"github.com/wandstore/wandstore/pkg/catalogue"
)

// The structured data of a product's page, as schema.org defines it. html/template writes
// it as JSON. Addresses are relative to the page's.

type productData struct {
	Context     string        `json:"@context"`
	Type        string        `json:"@type"` // Product or ProductGroup
	ID          string        `json:"productGroupID,omitempty"`
	Name        string        `json:"name"`
	Description string        `json:"description,omitempty"`
	URL         string        `json:"url"`
	Image       []string      `json:"image,omitempty"`
	SKU         string        `json:"sku,omitempty"`
	GTIN        string        `json:"gtin,omitempty"`
	Brand       *namedData    `json:"brand,omitempty"`
	Category    string        `json:"category,omitempty"`
	Rating      *ratingData   `json:"aggregateRating,omitempty"`
	VariesBy    []string      `json:"variesBy,omitempty"`
	Variants    []variantData `json:"hasVariant,omitempty"`
	Offers      *offerData    `json:"offers,omitempty"`
}

type variantData struct {
	Type   string    `json:"@type"`
	Name   string    `json:"name"`
	SKU    string    `json:"sku,omitempty"`
	GTIN   string    `json:"gtin,omitempty"`
	Image  string    `json:"image,omitempty"`
	Offers offerData `json:"offers"`
}

type namedData struct {
	Type string `json:"@type"`
	Name string `json:"name"`
}

type ratingData struct {
	Type  string  `json:"@type"`
	Value float64 `json:"ratingValue"`
	Count int     `json:"reviewCount"`
}

type offerData struct {
	Type         string `json:"@type"`
	URL          string `json:"url"`
	Price        string `json:"price"`
	Currency     string `json:"priceCurrency"`
	Availability string `json:"availability"`
}

type breadcrumbData struct {
	Context string           `json:"@context"`
	Type    string           `json:"@type"`
	Items   []breadcrumbItem `json:"itemListElement"`
}

type breadcrumbItem struct {
	Type     string `json:"@type"`
	Position int    `json:"position"`
	Name     string `json:"name"`
	Item     string `json:"item"`
}

const schema = "https://schema.org"

func (s *shopView) offerOf(l catalogue.Line) offerData {
	o := offerData{
		Type: "Offer", URL: l.Path(s.Shop), Price: catalogue.FormatAmount(s.Currency, l.NowCents()), Currency: s.Currency,
		Availability: schema + "/InStock",
	}
	if l.SoldOut() {
		o.Availability = schema + "/OutOfStock"
	}
	return o
}

func (s *shopView) productData(p *catalogue.Product) productData {
	d := productData{
		Context: schema, Type: "Product", Name: p.Name, Description: p.Description, URL: s.ProductPath(p.ID), Category: p.Type,
	}
	if p.Vendor != "" {
		d.Brand = &namedData{"Brand", p.Vendor}
	}
	if p.Rated() {
		d.Rating = &ratingData{"AggregateRating", p.Rating, p.Reviews}
	}
	for _, image := range p.Pictures() {
		d.Image = append(d.Image, image.URL)
	}
	d.Image = d.Image[:min(len(d.Image), maxDataImages)]
	if len(p.Variants) < 2 {
		l := catalogue.Line{Product: p, Variant: p.Offer()}
		if l.Variant != nil {
			d.SKU, d.GTIN = l.Variant.SKU, l.Variant.Barcode
		}
		offer := s.offerOf(l)
		d.Offers = &offer
		return d
	}
	d.Type, d.ID = "ProductGroup", p.ID
	for _, o := range p.Options {
		d.VariesBy = append(d.VariesBy, o.Name)
	}
	for i := range p.Variants {
		v := &p.Variants[i]
		data := variantData{Type: "Product", Name: p.Name + ", " + chosenWords(v), SKU: v.SKU, GTIN: v.Barcode, Offers: s.offerOf(catalogue.Line{Product: p, Variant: v})}
		if image, ok := p.VariantPicture(v); ok && v.Image > 0 {
			data.Image = image.URL
		}
		d.Variants = append(d.Variants, data)
	}
	return d
}

// maxDataImages is the most pictures that the structured data names.
const maxDataImages = 8

func (v *productView) breadcrumbs() breadcrumbData {
	d := breadcrumbData{Context: schema, Type: "BreadcrumbList"}
	add := func(name, path string) {
		d.Items = append(d.Items, breadcrumbItem{"ListItem", len(d.Items) + 1, name, path})
	}
	add(v.Shop.Name, v.Shop.Path())
	if v.Collection.ID != "" {
		add(v.Collection.Name, v.Shop.CollectionPath(v.Collection.ID))
	}
	add(v.Card.Name, v.Card.Href)
	return d
}
