package pagestore_test

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/pagestore/pagestoretest"
)

// A change is reported during a lookup. A Get that begins afterwards returns the new page,
// and memory does not keep the old answer, whichever lookup ends last.
func TestTieredChangeDuringLookUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		older, newer := pagestoretest.Page(t, "older", 0), pagestoretest.Page(t, "newer", 1)
		l := newLookup(t, pagestore.MemoryConfig{})
		l.memory.SetWatched(true)
		entered, release := make(chan struct{}), make(chan struct{})
		l.minio.set(func(f *tier) { f.page, f.entered, f.release = older, entered, release })

		first := make(chan pagestore.Hit)
		go func() {
			hit, err := l.Get(t.Context(), older.Key())
			if err != nil {
				t.Errorf("first Get: %v", err)
			}
			first <- hit
		}()
		<-entered
		l.minio.set(func(f *tier) { f.page, f.entered = newer, nil })
		l.memory.Invalidate(older.Key())
		l.want(t, newer, pagestore.TierMinIO, false)

		close(release)
		// The first lookup began before the change, so it may return the older page.
		if hit := <-first; hit.Page.JobID() != "newer" || hit.Tier != pagestore.TierMemory {
			t.Errorf("first Get: got %s from %s", hit.Page.JobID(), hit.Tier)
		}
		l.want(t, newer, pagestore.TierMemory, false)
	})
}

func TestTieredChangeDuringLookUpLeavesItUnverified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		older := pagestoretest.Page(t, "older", 0)
		for _, change := range []func(*lookup){
			func(l *lookup) { l.memory.Invalidate(older.Key()) },
			func(l *lookup) { l.memory.InvalidateAll() },
			func(l *lookup) { l.memory.SetWatched(true) },
		} {
			l := newLookup(t, pagestore.MemoryConfig{})
			entered, release := make(chan struct{}), make(chan struct{})
			l.minio.set(func(f *tier) { f.page, f.entered, f.release = older, entered, release })
			done := make(chan error)
			go func() {
				_, err := l.Get(t.Context(), older.Key())
				done <- err
			}()
			<-entered
			change(l)
			close(release)
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			wantMemory(t, l.memory, older, pagestore.ErrUnverified)
			l.Close()
		}
	})
}

// A lookup that begins earlier and ends later undoes no newer change of memory.
func TestTieredLateLookUpDoesNoHarm(t *testing.T) {
	old, page := pagestoretest.Page(t, "old", 0), pagestoretest.Page(t, "page", 1)
	for name, test := range map[string]struct {
		late *pagestore.Page // what the late lookup finds; nil is a miss
		news func(*lookup)
	}{
		"the same, before InvalidateAll": {late: page, news: func(l *lookup) { l.memory.InvalidateAll() }},
		"the same, before a change":      {late: page, news: func(l *lookup) { l.memory.Invalidate(page.Key()) }},
		"an older":                       {late: old, news: func(l *lookup) { l.memory.Invalidate(page.Key()) }},
		"nothing":                        {news: func(l *lookup) { l.memory.Invalidate(page.Key()) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLookup(t, pagestore.MemoryConfig{})
				l.memory.SetWatched(true)
				put(t, l.memory, old)
				l.memory.InvalidateAll()
				entered, release := make(chan struct{}), make(chan struct{})
				l.minio.set(func(f *tier) { f.page, f.entered, f.release = test.late, entered, release })
				landed := make(chan struct{})
				go func() {
					defer close(landed)
					_, _ = l.Get(t.Context(), page.Key()) // the test checks memory afterwards
				}()
				<-entered
				l.minio.set(func(f *tier) { f.page, f.entered = page, nil })
				test.news(l)
				l.want(t, page, pagestore.TierMinIO, false)
				close(release)
				<-landed
				l.want(t, page, pagestore.TierMemory, false)
			})
		})
	}
}

// A lookup that found a page before it was dropped does not bring it back.
func TestTieredDropDuringLookUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		page := pagestoretest.Page(t, "page", 0)
		l := newLookup(t, pagestore.MemoryConfig{})
		defer l.Close()
		entered, release := make(chan struct{}), make(chan struct{})
		l.minio.set(func(f *tier) { f.page, f.entered, f.release = page, entered, release })
		done := make(chan error)
		go func() {
			_, err := l.Get(t.Context(), page.Key())
			done <- err
		}()
		<-entered
		l.memory.Drop(page.Key())
		close(release)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if _, err := l.memory.Get(t.Context(), page.Key()); !errors.Is(err, pagestore.ErrMiss) {
			t.Errorf("memory: %v, want a miss", err)
		}
	})
}
