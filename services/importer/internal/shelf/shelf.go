package shelf

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/catalogue"
)

// Outcome is what became of a product.
type Outcome int

// Outcomes.
const (
	Unchanged Outcome = iota
	Added
	Changed
	Newer // the bucket has a newer one
	Removed
)

// Shelf is the products of one shop in the bucket.
type Shelf struct {
	js     jetstream.JetStream
	kv     jetstream.KeyValue
	store  string
	dryRun bool
	known  map[string]known
	size   int
	// inFlight bounds the writes that are not acknowledged yet.
	inFlight chan struct{}
	writes   sync.WaitGroup
	mu       sync.Mutex
	failed   error
	stayed   []string
}

// known is what the bucket has of a key.
type known struct {
	revision uint64
	exists   bool
	sum      [sha256.Size]byte
}

// maxInFlight is how many writes are on their way at a time. The server stores one after
// the other, so more would only wait there.
const maxInFlight = 256

// Open reads what the bucket holds of a shop. With dryRun nothing is ever written.
func Open(ctx context.Context, js jetstream.JetStream, store string, dryRun bool) (*Shelf, error) {
	kv, err := js.KeyValue(ctx, wandnats.BucketCatalogue)
	if err != nil {
		return nil, fmt.Errorf("open the bucket %s: %w", wandnats.BucketCatalogue, err)
	}
	s := &Shelf{js: js, kv: kv, store: store, dryRun: dryRun, known: map[string]known{}, inFlight: make(chan struct{}, maxInFlight)}
	err = wandnats.Watch{Bucket: kv, Keys: wandnats.ProductsOf(store), Entry: func(e jetstream.KeyValueEntry) {
		_, product, ok := wandnats.SplitProductKey(e.Key())
		if !ok {
			return
		}
		s.known[product] = known{
			revision: e.Revision(), exists: e.Operation() == jetstream.KeyValuePut, sum: sha256.Sum256(e.Value()),
		}
	}}.Read(ctx)
	for _, k := range s.known {
		if k.exists {
			s.size++
		}
	}
	return s, err
}

// Size is how many products the bucket held when the shelf was opened.
func (s *Shelf) Size() int { return s.size }

// Has reports whether the bucket held the product.
func (s *Shelf) Has(product string) bool { return s.known[product].exists }

// Products calls yield with the id of each product that the bucket held.
func (s *Shelf) Products(yield func(product string) bool) {
	for product, k := range s.known {
		if k.exists && !yield(product) {
			return
		}
	}
}

// Put writes a product if it differs from what the bucket holds; encoded is its encoding.
// changes names what differs. The write may still be on its way: see Flush. An error is
// ctx's, the client's, or that of an earlier write.
func (s *Shelf) Put(ctx context.Context, p *catalogue.Product, encoded []byte) (outcome Outcome, changes []string, err error) {
	k := s.known[p.ID]
	if k.exists && k.sum == sha256.Sum256(encoded) {
		return Unchanged, nil, nil
	}
	if !k.exists {
		return Added, nil, s.write(ctx, p.ID, k.revision, encoded)
	}
	old, err := s.read(ctx, p.ID)
	if err != nil {
		return 0, nil, err
	}
	if old == nil {
		return Changed, nil, s.write(ctx, p.ID, k.revision, encoded)
	}
	if !Merge(old, p) {
		return Newer, nil, nil
	}
	if encoded, err = p.Encode(); err != nil {
		return 0, nil, err
	}
	if k.sum == sha256.Sum256(encoded) {
		return Unchanged, nil, nil
	}
	return Changed, Changes(old, p), s.write(ctx, p.ID, k.revision, encoded)
}

// read is what the bucket holds of a product; nil if that is no product.
func (s *Shelf) read(ctx context.Context, product string) (*catalogue.Product, error) {
	entry, err := s.kv.Get(ctx, wandnats.ProductKey(s.store, product))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, nil //nolint:nilnil // it was removed meanwhile
	}
	if err != nil {
		return nil, fmt.Errorf("read from %s: %w", wandnats.BucketCatalogue, err)
	}
	old, err := catalogue.ReadProduct(entry.Key(), product, entry.Value())
	if err != nil {
		return nil, nil //nolint:nilnil,nilerr // a faulty product is replaced
	}
	return old, nil
}

// Remove removes a product that the bucket held, unless somebody else has written it since
// the shelf was opened: see Stayed.
func (s *Shelf) Remove(ctx context.Context, product string) error {
	return s.write(ctx, product, s.known[product].revision, nil)
}

// write puts a product, or removes it if value is nil, and lets the acknowledgement come
// later. That needs a message of one's own: the client's Put and Delete wait.
func (s *Shelf) write(ctx context.Context, product string, revision uint64, value []byte) error {
	if s.dryRun {
		return nil
	}
	if err := s.err(); err != nil {
		return err
	}
	key := wandnats.ProductKey(s.store, product)
	msg := &nats.Msg{Subject: "$KV." + wandnats.BucketCatalogue + "." + key, Data: value, Header: nats.Header{}}
	if value == nil {
		msg.Header.Set("KV-Operation", "DEL") // ADR-8 of nats-architecture-and-design
	}
	msg.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(revision, 10))
	select {
	case s.inFlight <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	future, err := s.js.PublishMsgAsync(msg)
	if err != nil {
		<-s.inFlight
		return fmt.Errorf("write to %s: %w", wandnats.BucketCatalogue, err)
	}
	s.writes.Go(func() {
		defer func() { <-s.inFlight }()
		select {
		case <-future.Ok():
			return
		case err = <-future.Err():
		case <-ctx.Done():
			err = ctx.Err()
		}
		if wandnats.IsConflict(err) {
			err = s.force(ctx, product, value)
		}
		if err != nil {
			s.fail(fmt.Errorf("write to %s: %w", wandnats.BucketCatalogue, err))
		}
	})
	return nil
}

// force writes a product that somebody else has written since the shelf was opened. It
// removes none: who wrote it knows more than a source that was read before.
func (s *Shelf) force(ctx context.Context, product string, value []byte) error {
	key := wandnats.ProductKey(s.store, product)
	if value == nil {
		_, err := s.kv.Get(ctx, key)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			return nil
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.stayed = append(s.stayed, product)
		return err
	}
	_, err := wandnats.Update(ctx, s.kv, key, func(current jetstream.KeyValueEntry) ([]byte, error) {
		if current == nil {
			return value, nil
		}
		next, err := catalogue.ReadProduct(key, product, value)
		if err != nil {
			return nil, err
		}
		old, err := catalogue.ReadProduct(key, product, current.Value())
		if err != nil {
			return value, nil //nolint:nilerr // a faulty product is replaced
		}
		if !Merge(old, next) {
			return bytes.Clone(current.Value()), nil
		}
		return next.Encode()
	})
	return err
}

// Flush waits for all writes. The error is that of the first that failed.
func (s *Shelf) Flush() error {
	s.writes.Wait()
	return s.err()
}

// Stayed is the products that were to be removed and that somebody else has written
// meanwhile. It is known after Flush.
func (s *Shelf) Stayed() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.stayed)
}

func (s *Shelf) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

func (s *Shelf) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		s.failed = err
	}
}
