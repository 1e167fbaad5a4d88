package catalogue

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/pagekey"
)

// Config says which folder the shops come from, besides the program and the bucket.
type Config struct {
	// Dir is the folder of shop documents. Without one it is empty.
	Dir string `env:"STORES_DIR"`
	// ReadInterval is the time between two reads of the folder; 0 is one second.
	ReadInterval time.Duration
	// Now tells the time, by which merchants' rules begin and end; nil is time.Now.
	Now func() time.Time
}

// Validate returns an error that names STORES_DIR if the folder cannot be listed.
func (c Config) Validate() error {
	if c.Dir == "" {
		return nil
	}
	if _, err := readFolder(c.Dir); err != nil {
		return fmt.Errorf("STORES_DIR cannot be read: %w", err)
	}
	return nil
}

// Directory gives the shops as they are now. It is safe for concurrent use.
type Directory struct {
	dir string
	log *slog.Logger

	readInterval time.Duration
	clock        func() time.Time

	now atomic.Pointer[Shops]
	// until is when a rule of a shop begins or ends next, in nanoseconds since 1970.
	until atomic.Int64

	mu      sync.Mutex
	builtin *Shops
	folder  source
	bucket  source
	shelves map[string]*shelf // the products of the bucket, by shop
	// joined is the shops as they were published last, by slug, without rules in effect.
	joined map[string]*Shop
	// publishing is true while products wait to be published.
	publishing bool
}

// New reads the built-in shops and those of the folder. It returns an error if the
// folder cannot be listed. A refused document is no error; Faults reports it.
func New(cfg Config, log *slog.Logger) (*Directory, error) {
	builtin, err := BuiltIn()
	if err != nil {
		return nil, err
	}
	d := &Directory{dir: cfg.Dir, log: log, builtin: builtin, folder: source{name: "STORES_DIR"}, bucket: source{name: wandnats.BucketStores}}
	d.readInterval = cmp.Or(cfg.ReadInterval, defaultReadInterval)
	if d.clock = cfg.Now; d.clock == nil {
		d.clock = time.Now
	}
	d.now.Store(builtin)
	if cfg.Dir == "" {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.publish()
		return d, nil
	}
	found, err := readFolder(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("STORES_DIR: %w", err)
	}
	d.replaceAll(&d.folder, found)
	return d, nil
}

// Shop finds a shop by its slug. Two calls may return different states of the shop, so
// render one response from the result of one call.
func (d *Directory) Shop(slug string) (*Shop, bool) { return d.today().Shop(slug) }

// Label is the shop's name in metrics; see [Shops.Label].
func (d *Directory) Label(slug string) string { return d.now.Load().Label(slug) }

// All is the current shops, sorted by slug.
func (d *Directory) All() []*Shop { return d.today().All() }

// today is the current shops, as their rules have them now.
func (d *Directory) today() *Shops {
	if until := d.until.Load(); until != 0 && d.clock().UnixNano() >= until {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.publish()
	}
	return d.now.Load()
}

// Faults is the fault of each refused document and of each source that cannot be read,
// by the name of the document or source. A fault is one line of file, JSON path and
// rule. If a document has several faults, it is the first, with the number of the rest.
func (d *Directory) Faults() map[string]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := map[string]string{}
	for _, s := range []*source{&d.folder, &d.bucket} {
		for _, state := range s.documents {
			if state.fault != nil {
				all[state.name] = firstLine(state.fault)
			}
		}
		if s.readError != nil {
			all[s.name] = firstLine(s.readError)
		}
	}
	d.productFaults(all)
	return all
}

func firstLine(err error) string {
	line, rest, more := strings.Cut(err.Error(), "\n")
	if more {
		line += fmt.Sprintf(" (and %d more)", 1+strings.Count(rest, "\n"))
	}
	return line
}

// source is the folder or the bucket, and the state of its documents.
type source struct {
	name      string
	documents map[string]documentState // by slug
	readError error                    // of the last try to read the source
}

// documentState is the result of reading one document.
type documentState struct {
	name  string            // of the document, in errors
	sum   [sha256.Size]byte // of the text that was read last, or of its read error
	shop  *Shop             // the last valid one; nil if there was none
	fault error             // of the text that was read last
}

// document is one shop's document as its source returned it.
type document struct {
	name  string // in errors
	slug  string
	texts [][]byte // the current text, then earlier ones, newest first
	err   error    // why the document cannot be read
}

// replaceAll makes found the documents of the source.
func (d *Directory) replaceAll(s *source, found []document) {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := s.documents
	s.documents = make(map[string]documentState, len(found))
	s.readError = nil
	for _, doc := range found {
		s.documents[doc.slug] = d.read(doc, before[doc.slug])
	}
	for slug := range before {
		if _, still := s.documents[slug]; !still {
			d.log.Info("store taken out", "source", s.name, "store", slug)
		}
	}
	d.publish()
}

// put adds or replaces one document of the source.
func (d *Directory) put(s *source, doc document) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s.documents == nil {
		s.documents = map[string]documentState{}
	}
	s.documents[doc.slug] = d.read(doc, s.documents[doc.slug])
	d.publish()
}

// remove deletes one document of the source.
func (d *Directory) remove(s *source, slug string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, had := s.documents[slug]; had {
		delete(s.documents, slug)
		d.log.Info("store taken out", "source", s.name, "store", slug)
		d.publish()
	}
}

// markUnreadable records that the source cannot be read. Its documents stay. A repeated
// error is logged once.
func (d *Directory) markUnreadable(s *source, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s.readError == nil || s.readError.Error() != err.Error() {
		d.log.Warn("stores cannot be read", "source", s.name, "error", err)
	}
	s.readError = err
}

// read returns the state of a document, given its state before. An unchanged text is
// not read again.
func (d *Directory) read(doc document, before documentState) documentState {
	if doc.err != nil {
		return d.refused(doc, before, sha256.Sum256([]byte(doc.err.Error())), doc.err)
	}
	sum := sha256.Sum256(doc.texts[0])
	if before.sum == sum {
		return before
	}
	shop, err := parse(doc, doc.texts[0])
	if err == nil {
		if before.shop != nil && before.shop.Version == shop.Version {
			shop = before.shop // keeps Since, when this process first had the version
		}
		fault := shop.LeftOut.Err()
		d.log.Info("store read", "document", doc.name, "store", doc.slug, "version", string(shop.Version), "products left out", shop.LeftOut.Products)
		return documentState{name: doc.name, sum: sum, shop: shop, fault: fault}
	}
	for _, text := range doc.texts[1:] {
		if before.shop != nil {
			break
		}
		if older, err := parse(doc, text); err == nil {
			before.shop = older
		}
	}
	return d.refused(doc, before, sum, err)
}

func (d *Directory) refused(doc document, before documentState, sum [sha256.Size]byte, err error) documentState {
	if before.sum != sum {
		d.log.Error("store refused", "document", doc.name, "store", doc.slug, "serving before", before.shop != nil, "error", err)
	}
	return documentState{name: doc.name, sum: sum, shop: before.shop, fault: err}
}

func parse(doc document, text []byte) (*Shop, error) {
	if !pagekey.ValidShop(doc.slug) {
		return nil, fmt.Errorf("%w: %s: a store is named by lower-case letters, digits and dashes, at most 63", ErrDocument, doc.name)
	}
	return ReadShop(doc.name, doc.slug, text)
}

// publish makes the valid shops of all sources, with their products and as their rules have
// them now, the current shops. A shop without products is not among them. The caller holds
// mu.
func (d *Directory) publish() {
	documents := map[string]*Shop{}
	for _, shop := range d.builtin.All() {
		documents[shop.Slug] = shop
	}
	for _, s := range []*source{&d.folder, &d.bucket} {
		for slug, state := range s.documents {
			if state.shop != nil {
				documents[slug] = state.shop
			}
		}
	}
	joined := make(map[string]*Shop, len(documents))
	all := make([]*Shop, 0, len(documents))
	now := d.clock()
	var until time.Time
	for slug, document := range documents {
		shop := d.shelves[slug].join(document.unruled(), d.joined[slug])
		joined[slug] = shop
		if len(shop.Products) == 0 {
			continue
		}
		until = earlier(until, shop.Rules.nextChange(now))
		if published, ok := d.now.Load().Shop(slug); ok && published.unruled() == shop {
			shop = published // the same as long as its rules have it so
		}
		all = append(all, shop.On(now))
	}
	d.joined = joined
	next := int64(0)
	if !until.IsZero() {
		next = until.UnixNano()
	}
	d.until.Store(next)
	shops := NewShops(all...)
	if !slices.Equal(shops.All(), d.now.Load().All()) {
		d.now.Store(shops)
	}
}
