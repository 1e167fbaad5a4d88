package live

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/wandstore/wandstore/pkg/buyer"
	"github.com/wandstore/wandstore/services/importer/internal/listing"
	"github.com/wandstore/wandstore/services/importer/internal/woocsv"
)

// WooCommerce does what a webhook of WooCommerce says. Topics that are not these do nothing.
// The error is as Shopify's.
func (d *Desk) WooCommerce(ctx context.Context, store, topic string, body []byte) error {
	switch topic {
	case "product.created", "product.updated", "product.restored":
		var p wooProduct
		if err := json.Unmarshal(body, &p); err != nil || p.ID == 0 || p.Modified.IsZero() {
			return bad(err)
		}
		return d.wooProduct(ctx, store, &p)
	case "product.deleted":
		removed, err := onlyID(body)
		if err != nil {
			return err
		}
		// The body does not tell when: it was before now, and what is restored is changed
		// after it.
		return d.remove(ctx, store, removed, removal{At: d.now()})
	case "order.created":
		return d.wooOrder(ctx, store, body)
	}
	return nil
}

// wooProduct is a product, or a variation, as the REST API writes it.
type wooProduct struct {
	ID          int64     `json:"id"`
	Parent      int64     `json:"parent_id"`
	Name        string    `json:"name"`
	Type        string    `json:"type"`
	Status      string    `json:"status"`
	Visibility  string    `json:"catalog_visibility"`
	Description string    `json:"description"`
	Short       string    `json:"short_description"`
	SKU         string    `json:"sku"`
	GTIN        string    `json:"global_unique_id"`
	Price       string    `json:"price"`
	Regular     string    `json:"regular_price"`
	ManageStock any       `json:"manage_stock"` // true, false or "parent"
	Quantity    *float64  `json:"stock_quantity"`
	StockStatus string    `json:"stock_status"`
	Backorders  string    `json:"backorders"`
	ExternalURL string    `json:"external_url"`
	Created     wooMoment `json:"date_created_gmt"`
	Modified    wooMoment `json:"date_modified_gmt"`
	Categories  []named   `json:"categories"`
	Tags        []named   `json:"tags"`
	Brands      []named   `json:"brands"`
	Images      []struct {
		Src string `json:"src"`
		Alt string `json:"alt"`
	} `json:"images"`
	Attributes []struct {
		Name      string   `json:"name"`
		Option    string   `json:"option"`
		Options   []string `json:"options"`
		Visible   bool     `json:"visible"`
		Variation bool     `json:"variation"`
	} `json:"attributes"`
}

type named struct {
	Name string `json:"name"`
}

// wooMoment is a time of UTC without saying so.
type wooMoment struct{ time.Time }

// UnmarshalJSON reads a time, and takes none for zero.
func (m *wooMoment) UnmarshalJSON(b []byte) error {
	text := strings.Trim(string(b), `"`)
	if text == "null" || text == "" {
		return nil
	}
	t, err := time.Parse("2006-01-02T15:04:05", strings.TrimSuffix(text, "Z"))
	if err != nil {
		return fmt.Errorf("a date is not of the form 2006-01-02T15:04:05: %w", err)
	}
	m.Time = t
	return nil
}

func (d *Desk) wooProduct(ctx context.Context, store string, p *wooProduct) error {
	if p.Parent != 0 && p.Type == "variation" {
		return d.wooVariation(ctx, store, p)
	}
	l := p.listing()
	if p.Type != "variable" {
		return d.put(ctx, store, &l, nil)
	}
	// Its variations come by themselves: those that are known stay.
	l.Variants = []listing.Variant{{Price: "0"}}
	return d.put(ctx, store, &l, keepVariants)
}

func (p *wooProduct) listing() listing.Product {
	l := listing.Product{
		Handle: woocsv.Handle(p.SKU, id(p.ID)), ExternalID: id(p.ID), Title: p.Name, HTML: strings.TrimSpace(p.Short + "\n" + p.Description),
		Link: p.ExternalURL, AddedAt: p.Created.Time, UpdatedAt: p.Modified.Time,
	}
	if p.Status != "publish" {
		l.Hidden = "is " + p.Status
	} else if p.Visibility == "hidden" {
		l.Hidden = "is hidden in the catalogue"
	}
	for _, c := range p.Categories {
		l.Categories = append(l.Categories, c.Name)
	}
	for _, t := range p.Tags {
		l.Tags = append(l.Tags, t.Name)
	}
	if len(p.Brands) > 0 {
		l.Vendor = p.Brands[0].Name
	}
	for _, i := range p.Images {
		l.Images = append(l.Images, listing.Image{URL: i.Src, Alt: i.Alt})
	}
	for _, a := range p.Attributes {
		if a.Visible && !a.Variation && len(a.Options) > 0 {
			l.Attributes = append(l.Attributes, listing.Attribute{Name: a.Name, Value: strings.Join(a.Options, ", ")})
		}
	}
	l.Variants = []listing.Variant{p.variant()}
	if p.Type == "external" {
		l.Variants[0].ExternalID = "" // no checkout of the shop takes it
	}
	return l
}

func (p *wooProduct) variant() listing.Variant {
	v := listing.Variant{
		ExternalID: id(p.ID), SKU: p.SKU, Barcode: p.GTIN, Price: p.Price, CompareAt: p.Regular,
		Backorder: p.Backorders == "yes" || p.Backorders == "notify" || p.StockStatus == "onbackorder",
	}
	if p.ManageStock == true && p.Quantity != nil {
		n := int(*p.Quantity)
		v.Stock = &n
	} else if p.ManageStock != "parent" {
		v.SoldOut = p.StockStatus == "outofstock"
	}
	return v
}

func (d *Desk) wooOrder(ctx context.Context, store string, body []byte) error {
	var o struct {
		ID      int64     `json:"id"`
		Created wooMoment `json:"date_created_gmt"`
		Meta    []struct {
			Key   string `json:"key"`
			Value any    `json:"value"`
		} `json:"meta_data"`
		Lines []struct {
			Product   int64 `json:"product_id"`
			Variation int64 `json:"variation_id"`
			Quantity  int   `json:"quantity"`
		} `json:"line_items"`
	}
	if err := json.Unmarshal(body, &o); err != nil || o.ID == 0 || o.Created.IsZero() || o.Lines == nil {
		return bad(err)
	}
	counted := order{id: id(o.ID), at: o.Created.Time}
	for _, m := range o.Meta {
		if mark, ok := m.Value.(string); ok && m.Key == buyer.Attribute {
			counted.mark = mark
		}
	}
	for _, l := range o.Lines {
		variant := l.Variation
		if variant == 0 {
			variant = l.Product
		}
		counted.lines = append(counted.lines, line{product: id(l.Product), variant: id(variant), quantity: l.Quantity})
	}
	return d.count(ctx, store, counted)
}
