package catalogue

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
)

// Load reads all documents of the bucket STORES, then all products of the bucket
// CATALOGUE. An error is ctx's or JetStream's, and leaves what was not read as it was.
func (d *Directory) Load(ctx context.Context, stores, products jetstream.KeyValue) error {
	if err := d.follower(stores).watch().Read(ctx); err != nil {
		return fmt.Errorf("read %s: %w", wandnats.BucketStores, err)
	}
	if err := d.productFollower(products).watch().Read(ctx); err != nil {
		return fmt.Errorf("read %s: %w", wandnats.BucketCatalogue, err)
	}
	return nil
}

// Follow applies the changes of both buckets until ctx ends, then returns nil. After an
// outage of NATS it reads both again. Changes of products are shown together, every 50 ms.
func (d *Directory) Follow(ctx context.Context, nc *nats.Conn, stores, products jetstream.KeyValue) error {
	f, p := d.follower(stores), d.productFollower(products)
	wandnats.Watcher{
		Conn:    nc,
		Watches: []wandnats.Watch{f.watch(), p.watch()},
		Begin: func() {
			f.begin()
			p.begin()
		},
		Lost: func(err error) { d.markUnreadable(&d.bucket, err) },
	}.Run(ctx)
	return nil
}

// follower applies the entries of a bucket's watch to the directory.
type follower struct {
	directory *Directory
	bucket    jetstream.KeyValue
	// found collects the bucket's documents, by slug, until the watch has delivered all
	// that existed when it began. It is nil after that: each entry is a change.
	found map[string]document
}

func (d *Directory) follower(bucket jetstream.KeyValue) *follower {
	f := &follower{directory: d, bucket: bucket}
	f.begin()
	return f
}

func (f *follower) watch() wandnats.Watch {
	return wandnats.Watch{
		Bucket:  f.bucket,
		Options: []jetstream.WatchOpt{jetstream.IncludeHistory()},
		Entry:   f.entry,
		Current: f.current,
	}
}

func (f *follower) begin() { f.found = map[string]document{} }

func (f *follower) entry(entry jetstream.KeyValueEntry) {
	slug, removed := entry.Key(), entry.Operation() != jetstream.KeyValuePut
	doc := document{name: nameOf(entry), slug: slug, texts: [][]byte{entry.Value()}}
	switch {
	case f.found == nil && removed:
		f.directory.remove(&f.directory.bucket, slug)
	case f.found == nil:
		f.directory.put(&f.directory.bucket, doc)
	case removed:
		delete(f.found, slug)
	default:
		// A watch delivers history oldest first; document.texts is newest first.
		doc.texts = append(doc.texts, f.found[slug].texts...)
		f.found[slug] = doc
	}
}

// current applies the collected documents together, so that shops which the bucket no
// longer holds are removed.
func (f *follower) current() {
	f.directory.replaceAll(&f.directory.bucket, slices.Collect(maps.Values(f.found)))
	f.found = nil
}

func nameOf(entry jetstream.KeyValueEntry) string { return wandnats.BucketStores + "/" + entry.Key() }
