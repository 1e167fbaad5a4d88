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
	// MaxBytes is how much it holds, in bytes of html, gzip and bookkeeping;
	// 64 MiB.
	MaxBytes uint64
	// TemplateTTL is how long after it was made a template page is kept, as in
	// UI_CACHE; 1 h. Other pages stay until the room is needed.
	TemplateTTL time.Duration
	// MaxAge is how long a page counts as true while nobody watches for
	// changes, or after a look-up in which a tier was unavailable; 5 s.
	MaxAge time.Duration
	// Now is the clock; time.Now.
	Now func() time.Time
}

// Validate says which field is out of range.
func (c MemoryConfig) Validate() error {
	if c.TemplateTTL < 0 || c.MaxAge < 0 {
		return errors.New("page memory: a duration is negative")
	}
	return nil
}

// entryOverhead is what a page costs beside html and gzip, in bytes: its
// metadata, and the cache's own nodes. An estimate, on the high side.
const entryOverhead = 2 << 10

// Memory keeps pages in this process, in bounded bytes. It is safe for
// concurrent use, and has no goroutine of its own.
//
// A page in it is a claim about the stores below. The claim holds while a watch
// reports changes (SetWatched, Invalidate), or for MaxAge without one; then Get
// still returns the page, with ErrUnverified.
type Memory struct {
	pages       *otter.Cache[pagekey.Key, *entry]
	templateTTL time.Duration
	maxAge      time.Duration
	now         func() time.Time

	watched atomic.Bool
	// epoch rises with Distrust: what was learnt in an earlier one is hearsay.
	epoch atomic.Uint64
	// changes rise with Invalidate. A look-up notes its key's count before it
	// asks, so that an answer from before a change cannot pass for one from
	// after it. Keys share counts: a stranger's change costs one more look-up.
	changes [1024]atomic.Uint64
	seed    maphash.Seed
}

// entry is a page with when it was last known true. It is replaced, not changed.
type entry struct {
	page    *Page
	epoch   uint64
	checked time.Time
	partial bool // a tier was unavailable when it was looked up
	dirty   bool // a change was reported since
}

// ticket is the state of the world before a look-up.
type ticket struct {
	epoch  uint64
	change uint64
	at     time.Time
}

// NewMemory makes an empty Memory that nobody watches yet.
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
	pages, err := otter.New(&otter.Options[pagekey.Key, *entry]{
		MaximumWeight: cfg.MaxBytes,
		Weigher: func(_ pagekey.Key, e *entry) uint32 {
			return uint32(len(e.page.HTML()) + len(e.page.Gzip()) + entryOverhead)
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
		seed:        maphash.MakeSeed(),
	}, nil
}

// Get returns the page, or ErrMiss. A page that must be looked up again comes
// with ErrUnverified: it may be served if nobody can be asked.
func (m *Memory) Get(_ context.Context, key pagekey.Key) (*Page, error) {
	e, ok := m.pages.GetIfPresent(key)
	if !ok {
		return nil, ErrMiss
	}
	now := m.now()
	if m.expired(e, now) {
		return nil, ErrMiss
	}
	if !m.verified(e, now) {
		return e.page, ErrUnverified
	}
	return e.page, nil
}

// Put stores page, as true now, unless one of a later request is stored
// (ErrSuperseded). A page of the same job is kept as it is, and is true again.
func (m *Memory) Put(_ context.Context, page *Page) error {
	if m.fill(m.ticket(page.Key()), page, true).compare(page) > 0 {
		return ErrSuperseded
	}
	return nil
}

// Delete drops the page. Nothing there is a success.
func (m *Memory) Delete(_ context.Context, key pagekey.Key) error {
	m.change(key).Add(1)
	m.pages.Invalidate(key)
	return nil
}

// Rerendered keeps rerendered in the place of page, of which it is drawn, if page still
// is what Memory has. What is known of page counts for rerendered.
func (m *Memory) Rerendered(page, rerendered *Page) {
	m.pages.ComputeIfPresent(page.Key(), func(e *entry) (*entry, otter.ComputeOp) {
		if e.page != page {
			return nil, otter.CancelOp
		}
		fresh := *e
		fresh.page = rerendered
		return &fresh, otter.WriteOp
	})
}

// Invalidate says that the key's page has changed below: it must be looked up
// again, also by look-ups already under way.
func (m *Memory) Invalidate(key pagekey.Key) {
	m.change(key).Add(1)
	m.pages.ComputeIfPresent(key, func(e *entry) (*entry, otter.ComputeOp) {
		marked := *e
		marked.dirty = true
		return &marked, otter.WriteOp
	})
}

// Distrust says that changes may have been missed: every page must be looked up
// again.
func (m *Memory) Distrust() { m.epoch.Add(1) }

// SetWatched says whether changes are being reported to Invalidate. When they
// begin to be, everything is distrusted once: the ones before went unheard. Call
// it after the watch is in place.
func (m *Memory) SetWatched(watched bool) {
	if m.watched.Swap(watched) != watched && watched {
		m.Distrust()
	}
}

// Watched tells what SetWatched was told last.
func (m *Memory) Watched() bool { return m.watched.Load() }

// Len is how many pages it holds.
func (m *Memory) Len() int {
	m.pages.CleanUp()
	return m.pages.EstimatedSize()
}

// Bytes is how much it holds, as MaxBytes counts it. Evictions are settled
// first: between two of them, writers may run ahead of the bound for a moment.
func (m *Memory) Bytes() uint64 {
	m.pages.CleanUp()
	return m.pages.WeightedSize()
}

// ticket notes the state of the world; take it before asking the tiers below.
func (m *Memory) ticket(key pagekey.Key) ticket {
	return ticket{epoch: m.epoch.Load(), change: m.change(key).Load(), at: m.now()}
}

// fill stores what a look-up that began with t has found, and returns the page
// that is then stored: the newest of the two.
func (m *Memory) fill(t ticket, page *Page, complete bool) *Page {
	// Compressed here, before the weigher needs it under the cache's lock.
	page.Gzip()
	change := m.change(page.Key())
	kept := page
	m.pages.Compute(page.Key(), func(old *entry, found bool) (*entry, otter.ComputeOp) {
		fresh := &entry{
			page:    page,
			epoch:   t.epoch,
			checked: t.at,
			partial: !complete,
			// Read under the entry's lock, which Invalidate takes after it has
			// counted: one of the two sees the other.
			dirty: change.Load() != t.change,
		}
		if !found || m.expired(old, t.at) || old.page.compare(page) < 0 {
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

// forget drops what a complete look-up has not found, unless it has been
// verified meanwhile.
func (m *Memory) forget(key pagekey.Key) {
	m.pages.ComputeIfPresent(key, func(e *entry) (*entry, otter.ComputeOp) {
		if m.verified(e, m.now()) {
			return nil, otter.CancelOp
		}
		return nil, otter.InvalidateOp
	})
}

func (m *Memory) expired(e *entry, now time.Time) bool {
	return e.page.Source() == SourceTemplate && !now.Before(e.page.GeneratedAt().Add(m.templateTTL))
}

func (m *Memory) verified(e *entry, now time.Time) bool {
	if e.dirty || e.epoch != m.epoch.Load() {
		return false
	}
	return (m.watched.Load() && !e.partial) || now.Sub(e.checked) < m.maxAge
}

func (m *Memory) change(key pagekey.Key) *atomic.Uint64 {
	return &m.changes[maphash.Comparable(m.seed, key)%uint64(len(m.changes))]
}
