package catalogue

import (
	"cmp"
	"fmt"
	"maps"
	"runtime"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/pagekey"
)

// publishInterval is how long changes of products are collected before they are shown
// together.
const publishInterval = 50 * time.Millisecond

// shelf is the products of one shop in the bucket CATALOGUE.
type shelf struct {
	items map[string]item // by product id
	// changed is what has changed since the shop was joined: the product, or nil if it is
	// gone. A nil map means that all may have.
	changed map[string]*Product
}

// item is what a key of the bucket holds: a product, or a fault; neither if it was removed.
type item struct {
	revision uint64
	product  *Product
	fault    string
}

// join is the document's shop with the products of the shelf. before is the shop as it was
// joined last, or nil.
func (s *shelf) join(document, before *Shop) *Shop {
	if s == nil {
		return document
	}
	defer func() { s.changed = map[string]*Product{} }()
	switch {
	case s.changed == nil || before == nil || before.base != document:
		products := make([]*Product, 0, len(s.items))
		for _, it := range s.items {
			if it.product != nil {
				products = append(products, it.product)
			}
		}
		return document.with(products)
	case len(s.changed) > 0:
		return before.change(s.changed)
	default:
		return before
	}
}

// set applies a change of a key; an item without a product and fault is a removal.
func (s *shelf) set(id string, it item) {
	if it.product == nil && it.fault == "" {
		delete(s.items, id)
	} else {
		s.items[id] = it
	}
	if s.changed != nil {
		s.changed[id] = it.product
	}
}

// productFollower applies the entries of the watch of CATALOGUE to the directory.
type productFollower struct {
	directory *Directory
	bucket    jetstream.KeyValue
	// beginning collects the bucket's products until the watch has delivered all that
	// existed when it began. It is nil after that: each entry is a change.
	beginning *beginning
}

// beginning is what a watch has delivered of the products that exist when it begins. They
// are read in batches, on all cores.
type beginning struct {
	batch   []jetstream.KeyValueEntry
	batches sync.WaitGroup
	running chan struct{} // holds one value for each batch that is being read

	mu    sync.Mutex
	found map[string]map[string]item // by shop and id; an item may be a removal
}

// batchSize is how many entries are read together.
const batchSize = 256

func (d *Directory) productFollower(bucket jetstream.KeyValue) *productFollower {
	f := &productFollower{directory: d, bucket: bucket}
	f.begin()
	return f
}

func (f *productFollower) watch() wandnats.Watch {
	return wandnats.Watch{Bucket: f.bucket, Entry: f.entry, Current: f.current}
}

func (f *productFollower) begin() {
	f.beginning = &beginning{running: make(chan struct{}, runtime.GOMAXPROCS(0)), found: map[string]map[string]item{}}
}

func (f *productFollower) entry(entry jetstream.KeyValueEntry) {
	b := f.beginning
	if b == nil {
		shop, id := shopAndProduct(entry)
		f.directory.putProduct(shop, id, readItem(shop, id, entry))
		return
	}
	if b.batch = append(b.batch, entry); len(b.batch) == batchSize {
		b.read(f.directory)
	}
}

// shopAndProduct is what an entry is about. The shop is "" if the key is of another form.
func shopAndProduct(entry jetstream.KeyValueEntry) (shop, id string) {
	shop, id, ok := wandnats.SplitProductKey(entry.Key())
	if !ok || !pagekey.ValidShop(shop) {
		return "", entry.Key()
	}
	return shop, id
}

// read begins to read the batch, as soon as a core is free.
func (b *beginning) read(d *Directory) {
	batch := b.batch
	b.batch = nil
	b.running <- struct{}{}
	b.batches.Go(func() {
		defer func() { <-b.running }()
		for _, entry := range batch {
			shop, id := shopAndProduct(entry)
			// An entry that was read before, as after an outage of NATS, is not read again.
			it := d.knownProduct(shop, id)
			if it.revision != entry.Revision() {
				it = readItem(shop, id, entry)
			}
			b.keep(shop, id, it)
		}
	})
}

// keep keeps the newest item of a key: batches end in any order.
func (b *beginning) keep(shop, id string, it item) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.found[shop] == nil {
		b.found[shop] = map[string]item{}
	}
	if b.found[shop][id].revision < it.revision {
		b.found[shop][id] = it
	}
}

// readItem reads an entry.
func readItem(shop, id string, entry jetstream.KeyValueEntry) item {
	it := item{revision: entry.Revision()}
	if entry.Operation() != jetstream.KeyValuePut {
		return it
	}
	name := wandnats.BucketCatalogue + "/" + entry.Key()
	if shop == "" {
		it.fault = oneLine(fmt.Sprintf("%v: %s: a key is {store}.{product}", ErrProduct, name), maxFaultText)
		return it
	}
	p, err := ReadProduct(name, id, entry.Value())
	if err != nil {
		it.fault = oneLine(firstLine(err), maxFaultText)
		return it
	}
	it.product = p
	return it
}

// maxFaultText is how many bytes of a product's fault are kept.
const maxFaultText = 300

// current applies the collected products together, so that those which the bucket no
// longer holds are removed.
func (f *productFollower) current() {
	b := f.beginning
	b.read(f.directory)
	b.batches.Wait()
	for shop, items := range b.found {
		maps.DeleteFunc(items, func(_ string, it item) bool { return it.product == nil && it.fault == "" })
		if len(items) == 0 {
			delete(b.found, shop)
		}
	}
	f.directory.replaceProducts(b.found)
	f.beginning = nil
}

// knownProduct is what was read of a key last.
func (d *Directory) knownProduct(shop, id string) item {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.shelves[shop]; s != nil {
		return s.items[id]
	}
	return item{}
}

// replaceProducts makes found the products of the bucket.
func (d *Directory) replaceProducts(found map[string]map[string]item) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.bucket.readError = nil
	before := d.shelves
	d.shelves = make(map[string]*shelf, len(found))
	for shop, items := range found {
		if s := before[shop]; s != nil && maps.Equal(s.items, items) {
			d.shelves[shop] = s
			continue
		}
		d.shelves[shop] = &shelf{items: items}
		d.log.Info("products read", "store", shop, "keys", len(items))
	}
	d.publish()
}

// putProduct applies a change of one product, which is shown with others soon after.
func (d *Directory) putProduct(shop, id string, it item) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.shelves[shop]
	if s == nil {
		s = &shelf{items: map[string]item{}}
		if d.shelves == nil {
			d.shelves = map[string]*shelf{}
		}
		d.shelves[shop] = s
	}
	s.set(id, it)
	if d.publishing {
		return
	}
	d.publishing = true
	time.AfterFunc(publishInterval, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.publishing = false
		d.publish()
	})
}

// productFaults adds to all one line for each shop of whose products some are left out, or
// that is not served. The caller holds mu.
func (d *Directory) productFaults(all map[string]string) {
	for slug, s := range d.shelves {
		name := wandnats.BucketCatalogue + "/" + cmp.Or(slug, "?")
		first, count := "", 0
		for _, it := range s.items {
			if it.fault == "" {
				continue
			}
			if count++; count == 1 || it.fault < first {
				first = it.fault
			}
		}
		switch {
		case count > 1:
			all[name] = fmt.Sprintf("%s (and %d more products)", first, count-1)
		case count == 1:
			all[name] = first
		case d.joined[slug] == nil && len(s.items) > 0:
			all[name] = fmt.Sprintf("holds %d products of a store that has no document", len(s.items))
		}
	}
	for slug, shop := range d.joined {
		switch {
		case len(shop.Products) == 0:
			all[slug] = fmt.Sprintf("is not served: neither its document nor the bucket %s has a product of it", wandnats.BucketCatalogue)
		case len(shop.LeftOut.Hosts) > 0:
			all[slug] = fmt.Sprintf("has pictures on more than %d hosts: those on %s, and on %d more, are not shown", maxImageHosts, shop.LeftOut.Hosts[0], len(shop.LeftOut.Hosts)-1)
		}
	}
}
