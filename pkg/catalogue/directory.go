package catalogue

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/pagekey"
)

// Config is where the shops come from, besides the program and the bucket.
type Config struct {
	// Dir is the folder of store files; empty is none.
	Dir string `env:"STORES_DIR"`
	// LookEvery is how often the folder is read; 0 is every second.
	LookEvery time.Duration
}

// Validate names the variable that is wrong.
func (c Config) Validate() error {
	if c.Dir == "" {
		return nil
	}
	if _, err := readFolder(c.Dir); err != nil {
		return fmt.Errorf("STORES_DIR cannot be read: %w", err)
	}
	return nil
}

// Directory is the shops as they are now. It is safe for concurrent use.
type Directory struct {
	dir string
	log *slog.Logger

	lookEvery time.Duration

	now atomic.Pointer[Shops]

	mu      sync.Mutex
	builtin *Shops
	folder  source
	bucket  source
}

// New reads the shops that are built in and those of the folder. An error is a
// folder that cannot be read; a document that is not right is none.
func New(cfg Config, log *slog.Logger) (*Directory, error) {
	builtin, err := BuiltIn()
	if err != nil {
		return nil, err
	}
	d := &Directory{dir: cfg.Dir, log: log, builtin: builtin, folder: source{name: "STORES_DIR"}, bucket: source{name: wandnats.BucketStores}}
	d.lookEvery = cmp.Or(cfg.LookEvery, lookEvery)
	d.now.Store(builtin)
	if cfg.Dir == "" {
		return d, nil
	}
	found, err := readFolder(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("STORES_DIR: %w", err)
	}
	d.take(&d.folder, found)
	return d, nil
}

// Store finds the shop of that slug, as it is now. Asked twice it may give two: what
// belongs together is drawn from one.
func (d *Directory) Shop(slug string) (*Shop, bool) { return d.now.Load().Shop(slug) }

// All are the shops of this moment, sorted by slug.
func (d *Directory) All() []*Shop { return d.now.Load().All() }

// Faults are what is refused, and the sources that cannot be read: a line each of
// what, JSON path and rule, by the document or source. Of a document with several
// faults it is the first, with how many follow.
func (d *Directory) Faults() map[string]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := map[string]string{}
	for _, s := range []*source{&d.folder, &d.bucket} {
		for _, k := range s.kept {
			if k.fault != nil {
				all[k.name] = firstLine(k.fault)
			}
		}
		if s.unread != nil {
			all[s.name] = firstLine(s.unread)
		}
	}
	return all
}

func firstLine(err error) string {
	line, rest, more := strings.Cut(err.Error(), "\n")
	if more {
		line += fmt.Sprintf(" (and %d more)", 1+strings.Count(rest, "\n"))
	}
	return line
}

// source is what one source has.
type source struct {
	name string
	kept map[string]kept // by slug
	// unread is why the source could not be read when it was last tried.
	unread error
}

// kept is what is known of one document.
type kept struct {
	name  string            // the document's
	sum   [sha256.Size]byte // of what was read last, or of why it could not be
	shop  *Shop             // the last valid one; nil if there was none
	fault error             // of what was read last
}

// document is one shop as a source has it.
type document struct {
	name string // what errors call it by
	slug string
	// texts are what it says, the youngest first, and then what it said before.
	texts [][]byte
	err   error // why it cannot be read
}

// take notes all that the source has.
func (d *Directory) take(s *source, found []document) {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := s.kept
	s.kept = make(map[string]kept, len(found))
	s.unread = nil
	for _, doc := range found {
		s.kept[doc.slug] = d.read(doc, before[doc.slug])
	}
	for slug := range before {
		if _, still := s.kept[slug]; !still {
			d.log.Info("store taken out", "source", s.name, "store", slug)
		}
	}
	d.publish()
}

// change notes one document.
func (d *Directory) change(s *source, doc document) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s.kept == nil {
		s.kept = map[string]kept{}
	}
	s.kept[doc.slug] = d.read(doc, s.kept[doc.slug])
	d.publish()
}

// remove notes that a document is gone.
func (d *Directory) remove(s *source, slug string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, had := s.kept[slug]; had {
		delete(s.kept, slug)
		d.log.Info("store taken out", "source", s.name, "store", slug)
		d.publish()
	}
}

// lost notes that the source cannot be read.
func (d *Directory) lost(s *source, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s.unread == nil || s.unread.Error() != err.Error() {
		d.log.Warn("stores cannot be read", "source", s.name, "error", err)
	}
	s.unread = err
}

// read is what is known of a document once it has been looked at.
func (d *Directory) read(doc document, before kept) kept {
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
			shop = before.shop // it has been known for longer
		}
		d.log.Info("store read", "document", doc.name, "store", doc.slug, "version", string(shop.Version))
		return kept{name: doc.name, sum: sum, shop: shop}
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

func (d *Directory) refused(doc document, before kept, sum [sha256.Size]byte, err error) kept {
	if before.sum != sum {
		d.log.Error("store refused", "document", doc.name, "store", doc.slug, "serving before", before.shop != nil, "error", err)
	}
	return kept{name: doc.name, sum: sum, shop: before.shop, fault: err}
}

func parse(doc document, text []byte) (*Shop, error) {
	if !pagekey.ValidStore(doc.slug) {
		return nil, fmt.Errorf("%w: %s: a store is named by lower-case letters, digits and dashes, at most 63", ErrDocument, doc.name)
	}
	return ReadShop(doc.name, doc.slug, text)
}

// publish makes what the sources have now the shops of this moment.
func (d *Directory) publish() {
	all := d.builtin.All()
	for _, s := range []*source{&d.folder, &d.bucket} {
		for _, slug := range slices.Sorted(maps.Keys(s.kept)) {
			if shop := s.kept[slug].shop; shop != nil {
				all = append(all, shop)
			}
		}
	}
	next := NewShops(all...)
	if !slices.Equal(next.All(), d.now.Load().All()) {
		d.now.Store(next)
	}
}
