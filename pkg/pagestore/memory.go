package pagestore

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/wandstore/wandstore/pkg/pagekey"
)

// MemoryConfig bounds a Memory. A zero field takes its default.
type MemoryConfig struct {
	// MaxBytes bounds what is held: compressed documents and an estimate of the rest, in
	// bytes.
	// The default is 64 MiB.
	MaxBytes uint64
	// TemplateTTL is the age at which a template page is dropped. It should be the TTL of
	// UI_CACHE. The default is 1 h. Other pages stay until the room is needed.
	TemplateTTL time.Duration
	// MaxAge is how long a page counts as verified while changes are not watched, or
	// after a lookup in which a tier was unavailable. The default is 5 s.
	MaxAge time.Duration
	// Now is the clock that MaxAge is measured by. The default is time.Now.
	Now func() time.Time
	// PageClock is the clock that pages are dated by. The default is Now.
	PageClock func() time.Time
}

// Validate returns an error if a duration is negative.
func (c MemoryConfig) Validate() error {
	if c.TemplateTTL < 0 || c.MaxAge < 0 {
		return errors.New("page memory: a duration is negative")
	}
	return nil
}

// entryOverhead is a high estimate of what a page takes beside its document, in bytes:
// its metadata and the cache's nodes.
const entryOverhead = 2 << 10

// Memory keeps pages in this process, in bounded bytes. It is safe for concurrent use and
// has no goroutine of its own.
//
// A page in Memory is a copy of what the tiers below hold. It counts as verified while a
// watch reports changes (SetWatched, Invalidate), or for MaxAge without a watch.
// Afterwards Get returns the page together with ErrUnverified.
type Memory struct {
	pages       *otter.Cache[pagekey.Key, *entry]
	templateTTL time.Duration
	maxAge      time.Duration
	now         func() time.Time
	pageClock   func() time.Time

	watched atomic.Bool
	// epoch rises with InvalidateAll. Pages of an earlier epoch are unverified.
	epoch atomic.Uint64
	// changes rise with Invalidate. A lookup reads its key's count before it asks the
	// tiers, so that an answer from before a change does not count as one from after it.
	// Several keys share a count: a change of another key may cost one more lookup.
	changes [1024]atomic.Uint64
	// drops rise with Drop, in the same way.
	drops [1024]atomic.Uint64
	seed  maphash.Seed
}

// entry is a page and when it was last verified. It is replaced, never changed.
type entry struct {
	page    *Page
	epoch   uint64
	checked time.Time
	partial bool // a tier was unavailable when it was looked up
	dirty   bool // a change was reported since it was looked up
}

// snapshot is what Memory had been told when a lookup began.
type snapshot struct {
	epoch  uint64
	change uint64
	drop   uint64
	at     time.Time
}

// NewMemory returns an empty Memory that is not watched yet. The error is Validate's.
func NewMemory(cfg MemoryConfig) (*Memory, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = 64 << 20
	}
	if cfg.TemplateTTL == 0 {
		cfg.TemplateTTL = time.Hour
	}
	if cfg.MaxAge == 0 {
		cfg.MaxAge = 5 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.PageClock == nil {
		cfg.PageClock = cfg.Now
	}
	pages, err := otter.New(&otter.Options[pagekey.Key, *entry]{
		MaximumWeight: cfg.MaxBytes,
		Weigher: func(_ pagekey.Key, e *entry) uint32 {
			return uint32(e.page.held() + entryOverhead)
		},
	})
	if err != nil {
		return nil, fmt.Errorf("page memory: %w", err)
	}
	return &Memory{
		pages:       pages,
		templateTTL: cfg.TemplateTTL,
		maxAge:      cfg.MaxAge,
		now:         cfg.Now,
		pageClock:   cfg.PageClock,
		seed:        maphash.MakeSeed(),
	}, nil
}

// Get returns the page, or ErrMiss. A page that must be looked up again comes together
// with ErrUnverified: it may still be served if the tiers below are unavailable.
func (m *Memory) Get(_ context.Context, key pagekey.Key) (*Page, error) {
	e, ok := m.pages.GetIfPresent(key)
	if !ok {
		return nil, ErrMiss
	}
	if m.expired(e) {
		return nil, ErrMiss
	}
	if !m.verified(e) {
		return e.page, ErrUnverified
	}
	return e.page, nil
}

// Put stores page as verified now. If the page of the same job is stored already, Put
// keeps it and marks it verified. Error: ErrSuperseded if a page of a later request is
// stored.
func (m *Memory) Put(_ context.Context, page *Page) error {
	if m.fill(m.snapshot(page.Key()), page, true).compare(page) > 0 {
		return ErrSuperseded
	}
	return nil
}

// Delete is Drop for callers of any store. It succeeds if there is no page.
func (m *Memory) Delete(_ context.Context, key pagekey.Key) error {
	m.Drop(key)
	return nil
}

// Drop drops the page. Lookups that have begun already do not bring it back.
func (m *Memory) Drop(key pagekey.Key) {
	m.change(key).Add(1)
	m.drop(key).Add(1)
	m.pages.Invalidate(key)
}

// Rerendered replaces page by rerendered, the same page rendered again, if Memory still
// holds page. rerendered counts as verified for as long as page would have.
func (m *Memory) Rerendered(page, rerendered *Page) {
	rerendered.pack()
	m.pages.ComputeIfPresent(page.Key(), func(e *entry) (*entry, otter.ComputeOp) {
		if e.page != page {
			return nil, otter.CancelOp
		}
		fresh := *e
		fresh.page = rerendered
		return &fresh, otter.WriteOp
	})
}

// Invalidate reports that the key's page has changed in a tier below. The page must be
// looked up again. The results of lookups that have begun already do not count as
// verified.
func (m *Memory) Invalidate(key pagekey.Key) {
	m.change(key).Add(1)
	m.pages.ComputeIfPresent(key, func(e *entry) (*entry, otter.ComputeOp) {
		marked := *e
		marked.dirty = true
		return &marked, otter.WriteOp
	})
}

// InvalidateAll reports that changes may have been missed. Every page must be looked up
// again.
func (m *Memory) InvalidateAll() { m.epoch.Add(1) }

// SetWatched sets whether changes are reported to Invalidate. When a watch begins, it
// invalidates all pages once, since earlier changes were not reported. It must be called
// after the watch has begun.
func (m *Memory) SetWatched(watched bool) {
	if m.watched.Swap(watched) != watched && watched {
		m.InvalidateAll()
	}
}

// Watched reports whether changes are watched, as SetWatched last set it.
func (m *Memory) Watched() bool { return m.watched.Load() }

// Len is the number of pages held.
func (m *Memory) Len() int {
	m.pages.CleanUp()
	return m.pages.EstimatedSize()
}

// Bytes is what is held, in bytes as MaxBytes counts them, after pending evictions.
// Between two evictions writers may exceed MaxBytes for a moment.
func (m *Memory) Bytes() uint64 {
	m.pages.CleanUp()
	return m.pages.WeightedSize()
}

// snapshot must be called before the tiers below are asked.
func (m *Memory) snapshot(key pagekey.Key) snapshot {
	return snapshot{epoch: m.epoch.Load(), change: m.change(key).Load(), drop: m.drop(key).Load(), at: m.now()}
}

// fill stores the page that a lookup has found, unless Memory has a newer one, and
// returns the page that is stored then. t was taken before the lookup. complete says that
// every tier answered.
func (m *Memory) fill(t snapshot, page *Page, complete bool) *Page {
	// Browsers get it compressed, so that is what is kept.
	page.pack()
	change, drop := m.change(page.Key()), m.drop(page.Key())
	kept := page
	m.pages.Compute(page.Key(), func(old *entry, found bool) (*entry, otter.ComputeOp) {
		fresh := &entry{
			page:    page,
			epoch:   t.epoch,
			checked: t.at,
			partial: !complete,
			// Invalidate counts first and takes the entry's lock afterwards. The count is
			// read under that lock, so either this read or Invalidate marks the entry.
			dirty: change.Load() != t.change,
		}
		if !found && drop.Load() != t.drop {
			// The lookup may have found what was dropped meanwhile.
			return nil, otter.CancelOp
		}
		if !found || m.expired(old) || old.page.compare(page) < 0 {
			return fresh, otter.WriteOp
		}
		kept = old.page
		if fresh.dirty || old.epoch > fresh.epoch || (old.checked.After(t.at) && !old.dirty) {
			return nil, otter.CancelOp
		}
		fresh.page = old.page
		return fresh, otter.WriteOp
	})
	return kept
}

// forget drops a page that a complete lookup did not find, unless the page was verified
// meanwhile.
func (m *Memory) forget(key pagekey.Key) {
	m.pages.ComputeIfPresent(key, func(e *entry) (*entry, otter.ComputeOp) {
		if m.verified(e) {
			return nil, otter.CancelOp
		}
		return nil, otter.InvalidateOp
	})
}

func (m *Memory) expired(e *entry) bool {
	return e.page.Makeshift() && !m.pageClock().Before(e.page.GeneratedAt().Add(m.templateTTL))
}

func (m *Memory) verified(e *entry) bool {
	if e.dirty || e.epoch != m.epoch.Load() {
		return false
	}
	return (m.watched.Load() && !e.partial) || m.now().Sub(e.checked) < m.maxAge
}

func (m *Memory) change(key pagekey.Key) *atomic.Uint64 {
	return &m.changes[maphash.Comparable(m.seed, key)%uint64(len(m.changes))]
}

func (m *Memory) drop(key pagekey.Key) *atomic.Uint64 {
	return &m.drops[maphash.Comparable(m.seed, key)%uint64(len(m.drops))]
}
