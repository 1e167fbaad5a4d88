package live

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/catalogue"
)

// index finds products by their ids at the source. It follows the bucket CATALOGUE.
type index struct {
	mu sync.RWMutex
	// products and items are catalogue ids, by store and the source's ids of products and
	// of stocks.
	products, items map[[2]string]string
	// of is what a product is found by, to forget it with the product.
	of map[[2]string]origins
}

// origins are a product's ids at the source.
type origins struct {
	id    string
	items []string
}

func newIndex() *index {
	return &index{products: map[[2]string]string{}, items: map[[2]string]string{}, of: map[[2]string]origins{}}
}

// follow keeps the index until ctx ends.
func (x *index) follow(ctx context.Context, nc *nats.Conn, kv jetstream.KeyValue, current func()) {
	wandnats.Watcher{Conn: nc, Watches: []wandnats.Watch{{Bucket: kv, Entry: x.entry, Current: current}}}.Run(ctx)
}

func (x *index) entry(e jetstream.KeyValueEntry) {
	store, product, ok := wandnats.SplitProductKey(e.Key())
	if !ok {
		return
	}
	var p struct {
		Origin   *catalogue.Origin `json:"origin"`
		Variants []struct {
			Origin *catalogue.VariantOrigin `json:"origin"`
		} `json:"variants"`
	}
	if e.Operation() == jetstream.KeyValuePut {
		// A product that cannot be read is found by nothing.
		_ = json.Unmarshal(e.Value(), &p)
	}
	var found origins
	if p.Origin != nil {
		found.id = p.Origin.ID
	}
	for _, v := range p.Variants {
		if v.Origin != nil && v.Origin.InventoryID != "" {
			found.items = append(found.items, v.Origin.InventoryID)
		}
	}
	x.put(store, product, found)
}

func (x *index) put(store, product string, found origins) {
	x.mu.Lock()
	defer x.mu.Unlock()
	key := [2]string{store, product}
	before := x.of[key]
	forget(x.products, [2]string{store, before.id}, product)
	for _, item := range before.items {
		forget(x.items, [2]string{store, item}, product)
	}
	if delete(x.of, key); found.id == "" && len(found.items) == 0 {
		return
	}
	x.of[key] = found
	if found.id != "" {
		x.products[[2]string{store, found.id}] = product
	}
	for _, item := range found.items {
		x.items[[2]string{store, item}] = product
	}
}

// forget removes a key that stands for the product.
func forget(m map[[2]string]string, key [2]string, product string) {
	if m[key] == product {
		delete(m, key)
	}
}

// product is the catalogue id of the product with that id at the source, or "".
func (x *index) product(store, id string) string {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.products[[2]string{store, id}]
}

// item is the catalogue id of the product with that stock at the source, or "".
func (x *index) item(store, item string) string {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.items[[2]string{store, item}]
}
