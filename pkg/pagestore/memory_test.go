package pagestore_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/pagestore/pagestoretest"
)

// clock is a clock that the test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: pagestoretest.Epoch} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func wantMemory(t *testing.T, memory *pagestore.Memory, page *pagestore.Page, want error) {
	t.Helper()
	got, err := memory.Get(t.Context(), page.Key())
	if !errors.Is(err, want) {
		t.Fatalf("Get: got error %v, want %v", err, want)
	}
	if errors.Is(want, pagestore.ErrMiss) {
		page = nil
	}
	if got != page {
		t.Fatalf("Get: got %p, want %p", got, page)
	}
}

func put(t testing.TB, store pagestoretest.Store, page *pagestore.Page) {
	t.Helper()
	if err := store.Put(t.Context(), page); err != nil {
		t.Fatalf("Put: %v", err)
	}
}

func TestMemoryTrust(t *testing.T) {
	const maxAge = 5 * time.Second
	for name, test := range map[string]struct {
		before func(*pagestore.Memory)
		after  func(*pagestore.Memory, *clock, *pagestore.Page)
		want   error
	}{
		"young, not watched": {
			after: func(_ *pagestore.Memory, c *clock, _ *pagestore.Page) { c.Advance(maxAge - 1) },
		},
		"old, not watched": {
			after: func(_ *pagestore.Memory, c *clock, _ *pagestore.Page) { c.Advance(maxAge) },
			want:  pagestore.ErrUnverified,
		},
		"old, watched": {
			before: func(m *pagestore.Memory) { m.SetWatched(true) },
			after:  func(_ *pagestore.Memory, c *clock, _ *pagestore.Page) { c.Advance(24 * time.Hour) },
		},
		"old, the watch broke just now": {
			before: func(m *pagestore.Memory) { m.SetWatched(true) },
			after: func(m *pagestore.Memory, c *clock, _ *pagestore.Page) {
				c.Advance(24 * time.Hour)
				m.SetWatched(false)
			},
			want: pagestore.ErrUnverified,
		},
		"from before the watch": {
			after: func(m *pagestore.Memory, _ *clock, _ *pagestore.Page) { m.SetWatched(true) },
			want:  pagestore.ErrUnverified,
		},
		"the watch was on already": {
			before: func(m *pagestore.Memory) { m.SetWatched(true) },
			after:  func(m *pagestore.Memory, _ *clock, _ *pagestore.Page) { m.SetWatched(true) },
		},
		"invalidated": {
			before: func(m *pagestore.Memory) { m.SetWatched(true) },
			after:  func(m *pagestore.Memory, _ *clock, p *pagestore.Page) { m.Invalidate(p.Key()) },
			want:   pagestore.ErrUnverified,
		},
		"all invalidated": {
			before: func(m *pagestore.Memory) { m.SetWatched(true) },
			after:  func(m *pagestore.Memory, _ *clock, _ *pagestore.Page) { m.InvalidateAll() },
			want:   pagestore.ErrUnverified,
		},
	} {
		t.Run(name, func(t *testing.T) {
			clock := newClock()
			memory := newMemory(t, pagestore.MemoryConfig{MaxAge: maxAge, Now: clock.Now})
			if test.before != nil {
				test.before(memory)
			}
			page := pagestoretest.Page(t, "job", 0)
			put(t, memory, page)
			wantMemory(t, memory, page, nil)
			test.after(memory, clock, page)
			wantMemory(t, memory, page, test.want)

			put(t, memory, pagestoretest.Page(t, "job", 0))
			wantMemory(t, memory, page, nil) // the same page, verified again
		})
	}
}

func TestMemoryTemplateEndsWithItsTTL(t *testing.T) {
	clock := newClock()
	memory := newMemory(t, pagestore.MemoryConfig{TemplateTTL: time.Hour, Now: clock.Now})
	memory.SetWatched(true)
	msg := pagestoretest.Message("job-2", time.Second)
	msg.Source, msg.GeneratedAt = pagestore.SourceTemplate, timestamppb.New(clock.Now())
	template := pagestoretest.Make(t, msg)
	put(t, memory, template)

	clock.Advance(time.Hour - 1)
	wantMemory(t, memory, template, nil)
	clock.Advance(1)
	wantMemory(t, memory, template, pagestore.ErrMiss)

	// An expired template does not keep an older page out, as in KV.
	older := pagestoretest.Page(t, "job-1", 0)
	put(t, memory, older)
	wantMemory(t, memory, older, nil)
}

func TestMemoryIsBoundedInBytes(t *testing.T) {
	const maxBytes = 1 << 20
	memory := newMemory(t, pagestore.MemoryConfig{MaxBytes: maxBytes})
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := range 200 {
				msg := pagestoretest.Message("job", 0)
				msg.ShopperId = fmt.Sprintf("shopper-%d-%d", w, i)
				msg.Html = strings.Repeat(fmt.Sprintf("<p>%d</p>", i), 1000)
				put(t, memory, pagestoretest.Make(t, msg))
			}
		})
	}
	writers.Wait()
	if got := memory.Bytes(); got == 0 || got > maxBytes {
		t.Errorf("Bytes: got %d, want at most %d", got, maxBytes)
	}
	if got := memory.Len(); got == 0 || got >= 800 {
		t.Errorf("Len: got %d of 800, want some evicted", got)
	}
}

// A page is kept compressed, and is the same page.
func TestMemoryKeepsPagesCompressed(t *testing.T) {
	memory := newMemory(t, pagestore.MemoryConfig{})
	msg := pagestoretest.Message("job", 0)
	msg.Html = strings.Repeat("<p>wand</p>", 10_000)
	page := pagestoretest.Make(t, msg)
	put(t, memory, page)
	if got, least, most := memory.Bytes(), uint64(len(page.Gzip())), uint64(len(msg.GetHtml())/2); got < least || got > most {
		t.Errorf("Bytes: got %d, want from %d to %d", got, least, most)
	}
	if kept, err := memory.Get(t.Context(), page.Key()); err != nil || string(kept.HTML()) != msg.GetHtml() || kept.Message().GetHtml() != msg.GetHtml() {
		t.Errorf("another document comes out, %v", err)
	}
	for i, of := range []string{"a", "a", "b", "b"} {
		reads := 0
		if n := pagestore.Memo(page, of, func(html []byte) int { reads++; return len(html) }); n != len(msg.GetHtml()) || reads != 1-i%2 {
			t.Errorf("%s: read %d times, and found %d", of, reads, n)
		}
	}
	if err := memory.Delete(t.Context(), page.Key()); err != nil {
		t.Fatal(err)
	}
	if got := memory.Bytes(); got != 0 {
		t.Errorf("Bytes after Delete: got %d", got)
	}
}

func TestMemoryConfigIsValidated(t *testing.T) {
	for _, cfg := range []pagestore.MemoryConfig{{TemplateTTL: -1}, {MaxAge: -1}} {
		if _, err := pagestore.NewMemory(cfg); err == nil {
			t.Errorf("NewMemory(%+v): no error", cfg)
		}
	}
}

// A rerendered page replaces only the page that it was rendered from, and is verified for
// as long as that one.
func TestMemoryKeepsRerenderedPage(t *testing.T) {
	memory, err := pagestore.NewMemory(pagestore.MemoryConfig{Now: newClock().Now})
	if err != nil {
		t.Fatal(err)
	}
	page := pagestoretest.Page(t, "job-1", 0)
	rerendered, err := page.Rerendered([]byte("<p>today's prices</p>"), "c2")
	if err != nil {
		t.Fatal(err)
	}
	if rerendered.RenderedFrom() != "c2" || rerendered.CatalogueVersion() != page.CatalogueVersion() || rerendered.ETag() == page.ETag() ||
		rerendered.JobID() != page.JobID() || !rerendered.GeneratedAt().Equal(page.GeneratedAt()) {
		t.Errorf("rerendered: %+v of %+v", rerendered, page)
	}
	memory.Rerendered(page, rerendered)
	wantMemory(t, memory, page, pagestore.ErrMiss)
	put(t, memory, page)
	memory.Rerendered(page, rerendered)
	wantMemory(t, memory, rerendered, nil)
	memory.Invalidate(page.Key())
	wantMemory(t, memory, rerendered, pagestore.ErrUnverified)
	// A lookup that finds the page of the same job keeps the rerendered one.
	put(t, memory, page)
	wantMemory(t, memory, rerendered, nil)
	newer := pagestoretest.Page(t, "job-2", time.Minute)
	put(t, memory, newer)
	memory.Rerendered(rerendered, page)
	wantMemory(t, memory, newer, nil)
	if _, err := page.Rerendered(make([]byte, pagestore.MaxHTML+1), "c2"); !errors.Is(err, pagestore.ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
}
