package live

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/session"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// order is an order at the source.
type order struct {
	id string
	at time.Time
	// mark is the shopper's, or "".
	mark  string
	lines []line
}

type line struct {
	product, variant string // ids at the source
	quantity         int
}

// orderAge is how old an order may be that is counted. It is remembered for as long, so that
// none counts twice.
const orderAge = 7 * 24 * time.Hour

// maxLines bounds the lines of an order that are looked at.
const maxLines = 500

// count counts an order once.
func (d *Desk) count(ctx context.Context, store string, o order) error {
	if d.now().Sub(o.at) > orderAge {
		return nil
	}
	first, err := d.memory.first(ctx, store, o.id)
	if err != nil || !first {
		return err
	}
	if begun, err := d.sell(ctx, store, o); err != nil {
		if begun {
			// Sent again, what was done would count twice. A stock that is off is told anew.
			d.log.WarnContext(ctx, "order counted in part", "store", store, "order", o.id, "error", err)
			return nil
		}
		return errors.Join(err, d.memory.forget(context.WithoutCancel(ctx), store, o.id))
	}
	return nil
}

// sell writes the purchase into its shopper's session, then takes it off the stocks and
// counts it as sold. begun says whether anything was written, if there is an error.
func (d *Desk) sell(ctx context.Context, store string, o order) (begun bool, err error) {
	lines := o.lines[:min(len(o.lines), maxLines)]
	var products []string
	for _, l := range lines {
		if id := d.index.product(store, l.product); id != "" && !slices.Contains(products, id) {
			products = append(products, id)
		}
	}
	if begun, err = d.remember(ctx, store, o, products); err != nil {
		return false, err
	}
	for _, id := range products {
		if err := d.change(ctx, store, id, func(old *catalogue.Product) (*catalogue.Product, error) {
			if old == nil {
				return nil, errSettled
			}
			quantity := 0
			for _, l := range lines {
				if d.index.product(store, l.product) == id {
					takeOff(old, l, o.at)
					quantity = min(quantity+max(l.quantity, 0), maxQuantity)
				}
			}
			old.CountOrder(quantity, products[:min(len(products), maxTogether)])
			return old, nil
		}); err != nil {
			return begun, err
		}
		begun = true
	}
	return begun, nil
}

const (
	// maxTogether bounds the products of an order that count as bought together. A larger
	// order says little of what belongs together.
	maxTogether = 12
	// maxQuantity bounds what one order adds to what is sold of a product, so that a
	// reseller's order does not outweigh everybody's.
	maxQuantity = 20
)

// remember writes the purchase into its shopper's session. It is false if there is none to
// write.
func (d *Desk) remember(ctx context.Context, store string, o order, products []string) (bool, error) {
	shopper := d.signer.Shopper(store, o.mark)
	if shopper == "" || len(products) == 0 {
		return false, nil
	}
	if forgotten, err := d.forgottenAfter(ctx, store, shopper, o.at); err != nil || forgotten {
		return false, err
	}
	err := d.sessions.Update(ctx, shopper, func(s *wandstorev1.ShopperSession) { session.ApplyOrder(s, store, products) })
	return err == nil, err
}

// forgottenAfter reports whether the shopper was forgotten, in all shops or in this one, after
// the order was made: it is forgotten too then.
func (d *Desk) forgottenAfter(ctx context.Context, store, shopper string, made time.Time) (bool, error) {
	for _, key := range []string{wandnats.ForgottenKey(shopper), wandnats.ForgottenInKey(store, shopper)} {
		entry, err := d.forgotten.Get(ctx, key)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			continue
		}
		if err != nil {
			return false, err
		}
		var t wandstorev1.Tombstone
		at := entry.Created()
		if wire.Unmarshal(entry.Value(), &t) == nil && t.GetForgottenAt().CheckValid() == nil {
			at = t.GetForgottenAt().AsTime()
		}
		if !made.After(at) {
			return true, nil
		}
	}
	return false, nil
}

// takeOff takes what was sold off a stock that is older than the order. A stock that was
// told later is without it already.
func takeOff(p *catalogue.Product, l line, at time.Time) {
	if p.Origin != nil && !p.Origin.UpdatedAt.Before(at) {
		return
	}
	i := slices.IndexFunc(p.Variants, func(v catalogue.Variant) bool { return v.Origin != nil && v.Origin.ID == l.variant })
	if i < 0 || l.quantity < 1 {
		return
	}
	v := &p.Variants[i]
	if v.StockPolicy == catalogue.StockUntracked || v.Origin.StockAt >= at.UnixMilli() {
		return
	}
	v.Stock = max(0, v.Stock-l.quantity)
}
