package live

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/wandstore/wandstore/pkg/buyer"
	"github.com/wandstore/wandstore/services/importer/internal/shopify"
)

// Shopify does what a webhook of Shopify says. Topics that are not these do nothing. The
// error wraps ErrBody or ErrStore, or is NATS's: then it should be sent again.
func (d *Desk) Shopify(ctx context.Context, store, topic string, body []byte) error {
	switch topic {
	case "products/create", "products/update":
		var p shopify.Product
		if err := json.Unmarshal(body, &p); err != nil || p.ID == 0 || p.Handle == "" || p.UpdatedAt.IsZero() {
			return bad(err)
		}
		l := p.Listing()
		return d.put(ctx, store, &l, nil)
	case "products/delete":
		removed, err := onlyID(body)
		if err != nil {
			return err
		}
		return d.remove(ctx, store, removed, removal{})
	case "inventory_levels/update":
		var l struct {
			Item      int64     `json:"inventory_item_id"`
			Location  int64     `json:"location_id"`
			Available *int      `json:"available"`
			UpdatedAt time.Time `json:"updated_at"`
		}
		if err := json.Unmarshal(body, &l); err != nil || l.Item == 0 || l.Location == 0 || l.UpdatedAt.IsZero() {
			return bad(err)
		}
		if l.Available == nil {
			return nil // nobody counts it there
		}
		return d.stock(ctx, store, id(l.Item), id(l.Location), level{Available: *l.Available, At: l.UpdatedAt.UnixMilli()})
	case "orders/create":
		return d.shopifyOrder(ctx, store, body)
	}
	return nil
}

// onlyID is the id of a body that holds nothing else: that of another topic, sent under a
// removal's, removes nothing.
func onlyID(body []byte) (string, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil || len(fields) > 1 {
		return "", bad(err)
	}
	var n int64
	if err := json.Unmarshal(fields["id"], &n); err != nil || n == 0 {
		return "", bad(err)
	}
	return id(n), nil
}

func (d *Desk) shopifyOrder(ctx context.Context, store string, body []byte) error {
	var o struct {
		ID        int64     `json:"id"`
		CreatedAt time.Time `json:"created_at"`
		Notes     []struct {
			Name  string `json:"name"`
			Value any    `json:"value"`
		} `json:"note_attributes"`
		Lines []struct {
			Product  int64 `json:"product_id"`
			Variant  int64 `json:"variant_id"`
			Quantity int   `json:"quantity"`
		} `json:"line_items"`
	}
	if err := json.Unmarshal(body, &o); err != nil || o.ID == 0 || o.CreatedAt.IsZero() || o.Lines == nil {
		return bad(err)
	}
	counted := order{id: id(o.ID), at: o.CreatedAt}
	for _, n := range o.Notes {
		if mark, ok := n.Value.(string); ok && n.Name == buyer.Attribute {
			counted.mark = mark
		}
	}
	for _, l := range o.Lines {
		counted.lines = append(counted.lines, line{product: id(l.Product), variant: id(l.Variant), quantity: l.Quantity})
	}
	return d.count(ctx, store, counted)
}

func id(n int64) string { return strconv.FormatInt(n, 10) }

func bad(err error) error {
	if err == nil {
		return ErrBody
	}
	return fmt.Errorf("%w: %w", ErrBody, err)
}
