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

// newerStocks sets the stocks that were told after the product was changed: that of the item,
// or of all items if it is "". They are read anew in each try of an update, so that the last
// of two writers has seen both stocks. Each costs a request of NATS, so none is read that
// cannot count.
func (d *Desk) newerStocks(ctx context.Context, store string, p *catalogue.Product, item string) error {
	for i := range p.Variants {
		v := &p.Variants[i]
		if v.StockPolicy == catalogue.StockUntracked || v.Origin == nil || v.Origin.InventoryID == "" || item != "" && v.Origin.InventoryID != item {
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
		v.Stock, v.Origin.StockAt = stock, at
	}
	return nil
}
