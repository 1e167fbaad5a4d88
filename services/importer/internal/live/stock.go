package live

import (
	"context"

	"github.com/wandstore/wandstore/pkg/catalogue"
)

// stock takes the stock of an item at a location.
func (d *Desk) stock(ctx context.Context, store, item, location string, now level) error {
	newer, err := d.memory.stock(ctx, store, item, location, now)
	if err != nil || !newer {
		return err
	}
	id := d.index.item(store, item)
	if id == "" {
		return nil // the product is not here yet, and will find the stock remembered
	}
	return d.change(ctx, store, id, func(old *catalogue.Product) (*catalogue.Product, error) {
		if old == nil {
			return nil, errSettled
		}
		return old, d.newerStocks(ctx, store, old, item)
	})
}

// newerStocks sets the stocks that were told after the product was changed. With items only
// those are looked for. They are read anew in each try of an update, so that the last of two
// writers has seen both stocks.
func (d *Desk) newerStocks(ctx context.Context, store string, p *catalogue.Product, items ...string) error {
	for i := range p.Variants {
		v := &p.Variants[i]
		if v.Origin == nil || v.Origin.InventoryID == "" || len(items) > 0 && v.Origin.InventoryID != items[0] {
			continue
		}
		all, err := d.memory.levels(ctx, store, v.Origin.InventoryID)
		if err != nil {
			return err
		}
		stock, at := all.sum()
		if len(all) == 0 || at < v.Origin.StockAt || p.Origin != nil && at <= p.Origin.UpdatedAt.UnixMilli() {
			continue
		}
		if v.StockPolicy == catalogue.StockUntracked {
			continue
		}
		v.Stock, v.Origin.StockAt = stock, at
	}
	return nil
}
