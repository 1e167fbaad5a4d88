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

// Load reads all that the bucket STORES holds. On an error, ctx's or JetStream's, the
// directory stays as it was.
func (d *Directory) Load(ctx context.Context, bucket jetstream.KeyValue) error {
	if err := d.follower(bucket).watch().Read(ctx); err != nil {
		return fmt.Errorf("read %s: %w", wandnats.BucketStores, err)
	}
	return nil
}

// Follow keeps up with the bucket until ctx ends, then returns nil. After an outage
// it reads the whole bucket again.
func (d *Directory) Follow(ctx context.Context, nc *nats.Conn, bucket jetstream.KeyValue) error {
	f := d.follower(bucket)
	wandnats.Watcher{
		Conn:    nc,
		Watches: []wandnats.Watch{f.watch()},
		Begin:   f.begin,
		Lost:    func(err error) { d.lost(&d.bucket, err) },
	}.Run(ctx)
	return nil
}

// follower passes on to the directory what a watch of the bucket delivers.
type follower struct {
	directory *Directory
	bucket    jetstream.KeyValue
	// found is what the bucket holds, while the watch delivers it; nil once it has, and
	// changes follow.
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
		f.directory.change(&f.directory.bucket, doc)
	case removed:
		delete(f.found, slug)
	default:
		// History comes oldest first, and a document has its texts youngest first.
		doc.texts = append(doc.texts, f.found[slug].texts...)
		f.found[slug] = doc
	}
}

// current passes on all that was found at once: what is missing has been removed.
func (f *follower) current() {
	f.directory.take(&f.directory.bucket, slices.Collect(maps.Values(f.found)))
	f.found = nil
}

func nameOf(entry jetstream.KeyValueEntry) string { return wandnats.BucketStores + "/" + entry.Key() }
