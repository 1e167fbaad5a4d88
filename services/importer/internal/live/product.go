package live

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/services/importer/internal/listing"
	"github.com/wandstore/wandstore/services/importer/internal/mapping"
	"github.com/wandstore/wandstore/services/importer/internal/shelf"
)

// errSettled ends an update that changes nothing: what is there is newer, or the same.
var errSettled = errors.New("settled")

// put takes a product as it is now at the source. complete, unless nil, adds to what was made
// of it what the source does not tell with it; old is what the catalogue has, or nil.
func (d *Desk) put(ctx context.Context, store string, l *listing.Product, complete func(old, next *catalogue.Product) error) error {
	gone, err := d.memory.removed(ctx, store, l.ExternalID)
	if err != nil || gone.covers(l.UpdatedAt) {
		return err
	}
	if l.Hidden != "" {
		return d.remove(ctx, store, l.ExternalID, removal{At: l.UpdatedAt})
	}
	m, err := d.mapper(ctx, store)
	if err != nil {
		return err
	}
	mapped, err := m.Product(l)
	if err != nil {
		// It would be as faulty if it were sent again; what the shop has stays.
		d.log.WarnContext(ctx, "product left out", "store", store, "product", mapping.ID(l), "reason", err.Error())
		return nil
	}
	id := mapped.Product.ID
	renamed, newer, err := d.renamed(ctx, store, l, id)
	if err != nil || newer {
		return err
	}
	if err := d.change(ctx, store, id, func(old *catalogue.Product) (*catalogue.Product, error) {
		next, err := catalogue.ReadProduct(id, id, mapped.Encoded)
		if err != nil {
			return nil, err
		}
		if complete != nil {
			if err := complete(old, next); err != nil {
				return nil, err
			}
		}
		if old != nil && !shelf.Merge(old, next) {
			return nil, errSettled
		}
		return next, d.newerStocks(ctx, store, next, "")
	}); err != nil {
		return err
	}
	if renamed != "" {
		if err := d.take(ctx, store, renamed, l.ExternalID, removal{At: l.UpdatedAt}); err != nil {
			return err
		}
	}
	// It may have been removed while it was written.
	if gone, err = d.memory.removed(ctx, store, l.ExternalID); err != nil || !gone.covers(l.UpdatedAt) {
		return err
	}
	return d.take(ctx, store, id, l.ExternalID, *gone)
}

// renamed is the id under which the catalogue has the product, if that is another one. It
// reports whether what is there is newer.
func (d *Desk) renamed(ctx context.Context, store string, l *listing.Product, id string) (known string, newer bool, err error) {
	known = d.index.product(store, l.ExternalID)
	if known == "" || known == id {
		return "", false, nil
	}
	old, _, err := d.read(ctx, store, known)
	if err != nil || old == nil || old.Origin == nil || old.Origin.ID != l.ExternalID {
		return "", false, err
	}
	return known, l.UpdatedAt.Before(old.Origin.UpdatedAt), nil
}

// remove removes a product by its id at the source.
func (d *Desk) remove(ctx context.Context, store, externalID string, r removal) error {
	// It is remembered first, so that a product that is being written meets it.
	before, err := d.memory.removed(ctx, store, externalID)
	if err != nil {
		return err
	}
	if before == nil || !before.At.IsZero() && (r.At.IsZero() || before.At.Before(r.At)) {
		if err := d.memory.setRemoved(ctx, store, externalID, r); err != nil {
			return err
		}
	}
	if id := d.index.product(store, externalID); id != "" {
		return d.take(ctx, store, id, externalID, r)
	}
	return nil
}

// takeTries bounds the tries to remove a product that is written meanwhile.
const takeTries = 8

// take removes a product from the bucket, if it is that of the source and the removal covers
// it.
func (d *Desk) take(ctx context.Context, store, id, externalID string, r removal) error {
	var err error
	for range takeTries {
		old, revision, readErr := d.read(ctx, store, id)
		if readErr != nil || old == nil || old.Origin == nil || old.Origin.ID != externalID || !r.covers(old.Origin.UpdatedAt) {
			return readErr
		}
		err = d.catalogue.Delete(ctx, wandnats.ProductKey(store, id), jetstream.LastRevision(revision))
		if err == nil {
			d.index.put(store, id, origins{})
			return nil
		}
		if !wandnats.IsConflict(err) {
			return err
		}
	}
	return err
}

// read is a product of the bucket and its revision; nil if there is none that can be read.
func (d *Desk) read(ctx context.Context, store, id string) (*catalogue.Product, uint64, error) {
	entry, err := d.catalogue.Get(ctx, wandnats.ProductKey(store, id))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	p, err := catalogue.ReadProduct(entry.Key(), id, entry.Value())
	if err != nil {
		return nil, 0, nil //nolint:nilerr // a faulty product is as none
	}
	return p, entry.Revision(), nil
}

// change changes a product by compare-and-swap. next makes it of what is there, which is nil
// for nothing; with errSettled nothing is written.
func (d *Desk) change(ctx context.Context, store, id string, next func(old *catalogue.Product) (*catalogue.Product, error)) error {
	key := wandnats.ProductKey(store, id)
	var found origins
	_, err := wandnats.Update(ctx, d.catalogue, key, func(current jetstream.KeyValueEntry) ([]byte, error) {
		var old *catalogue.Product
		if current != nil {
			// A faulty product is replaced.
			old, _ = catalogue.ReadProduct(key, id, current.Value())
		}
		p, err := next(old)
		if err != nil {
			return nil, err
		}
		encoded, err := p.Encode()
		if err != nil {
			return nil, err
		}
		// What follows from the variants is derived by reading.
		if p, err = catalogue.ReadProduct(key, id, encoded); err != nil {
			return nil, err
		}
		if encoded, err = p.Encode(); err != nil {
			return nil, err
		}
		found = originsOf(p)
		if current != nil && string(current.Value()) == string(encoded) {
			return nil, errSettled
		}
		return encoded, nil
	})
	if errors.Is(err, errSettled) {
		return nil
	}
	if err == nil {
		d.index.put(store, id, found)
	}
	return err
}

func originsOf(p *catalogue.Product) origins {
	var o origins
	if p.Origin != nil {
		o.id = p.Origin.ID
	}
	for i := range p.Variants {
		if v := p.Variants[i].Origin; v != nil && v.InventoryID != "" {
			o.items = append(o.items, v.InventoryID)
		}
	}
	return o
}
