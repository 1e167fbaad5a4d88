package catalogue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/natsconn"
)

// againAfter spaces attempts to watch while NATS is away.
const againAfter = 500 * time.Millisecond

// errEnded: the watch was ended by the client, as by a connection that was closed.
var errEnded = errors.New("the watch ended")

// Load reads all that the bucket STORES holds. The error is that of JetStream, or
// ctx's; then everything is as it was.
func (d *Directory) Load(ctx context.Context, bucket jetstream.KeyValue) error {
	watch, err := d.open(ctx, bucket)
	if err != nil {
		return fmt.Errorf("read %s: %w", wandnats.BucketStores, err)
	}
	return watch.Stop()
}

// Follow keeps up with the bucket until ctx ends, then returns nil. A watch that
// breaks is begun anew.
func (d *Directory) Follow(ctx context.Context, nc *nats.Conn, bucket jetstream.KeyValue) error {
	for ctx.Err() == nil {
		err := d.follow(ctx, nc, bucket)
		if ctx.Err() != nil {
			break
		}
		d.lost(&d.bucket, err)
		select {
		case <-time.After(againAfter):
		case <-ctx.Done():
		}
	}
	return nil //nolint:nilerr // a watch that breaks is begun anew, and being told to stop is no failure
}

func (d *Directory) follow(ctx context.Context, nc *nats.Conn, bucket jetstream.KeyValue) error {
	status := nc.StatusChanged(nats.RECONNECTING, nats.DISCONNECTED, nats.CLOSED)
	defer nc.RemoveStatusListener(status)
	if err := natsconn.Ready(nc); err != nil {
		return err
	}
	watch, err := d.open(ctx, bucket)
	if err != nil {
		return err
	}
	defer func() { _ = watch.Stop() }()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-status:
			return natsconn.ErrNotConnected
		case entry, ok := <-watch.Updates():
			switch {
			case !ok:
				return errEnded
			case entry == nil:
			case entry.Operation() == jetstream.KeyValuePut:
				d.change(&d.bucket, document{name: nameOf(entry), slug: entry.Key(), texts: [][]byte{entry.Value()}})
			default:
				d.remove(&d.bucket, entry.Key())
			}
		}
	}
}

// open begins a watch and takes all that is there. What comes by the watch
// afterwards are changes.
func (d *Directory) open(ctx context.Context, bucket jetstream.KeyValue) (jetstream.KeyWatcher, error) {
	watch, err := bucket.WatchAll(ctx, jetstream.IncludeHistory())
	if err != nil {
		return nil, err
	}
	found := map[string]document{}
	for {
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), watch.Stop())
		case entry, ok := <-watch.Updates():
			switch {
			case !ok:
				return nil, errEnded
			case entry == nil:
				documents := make([]document, 0, len(found))
				for _, doc := range found {
					documents = append(documents, doc)
				}
				d.take(&d.bucket, documents)
				return watch, nil
			case entry.Operation() == jetstream.KeyValuePut:
				doc := found[entry.Key()]
				doc.name, doc.slug = nameOf(entry), entry.Key()
				doc.texts = append([][]byte{entry.Value()}, doc.texts...)
				found[entry.Key()] = doc
			default:
				delete(found, entry.Key())
			}
		}
	}
}

func nameOf(entry jetstream.KeyValueEntry) string { return wandnats.BucketStores + "/" + entry.Key() }
