package pagestore_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/pagestore/pagestoretest"
)

func TestTieredFindsTheNewest(t *testing.T) {
	older, newer := pagestoretest.Page(t, "older", 0), pagestoretest.Page(t, "newer", 1)
	for name, test := range map[string]struct {
		minio, kv *pagestore.Page
		want      *pagestore.Page
		tier      string
	}{
		"only in minio":    {minio: older, want: older, tier: pagestore.TierMinIO},
		"only in kv":       {kv: older, want: older, tier: pagestore.TierKV},
		"in both":          {minio: newer, kv: pagestoretest.Page(t, "newer", 1), want: newer, tier: pagestore.TierMinIO},
		"newer in minio":   {minio: newer, kv: older, want: newer, tier: pagestore.TierMinIO},
		"newer in kv only": {minio: older, kv: newer, want: newer, tier: pagestore.TierKV},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLookup(t, pagestore.MemoryConfig{})
				l.minio.has(test.minio)
				l.kv.has(test.kv)
				l.want(t, test.want, test.tier, false)
				l.want(t, test.want, pagestore.TierMemory, false)
				l.minio.wantCalls(t, 1)
				l.kv.wantCalls(t, 1)
			})
		})
	}
}

func TestTieredTellsMissFromUnavailable(t *testing.T) {
	key := pagestoretest.Page(t, "job", 0).Key()
	for name, test := range map[string]struct {
		minio, kv   error
		unavailable bool
	}{
		"both miss":                   {},
		"minio broken":                {minio: errBroken, unavailable: true},
		"kv broken":                   {kv: errBroken, unavailable: true},
		"both broken":                 {minio: errBroken, kv: errBroken, unavailable: true},
		"corrupt is an answer":        {minio: pagestore.ErrCorrupt, kv: pagestore.ErrCorrupt},
		"corrupt does not heal it":    {minio: pagestore.ErrCorrupt, kv: errBroken, unavailable: true},
		"an error beyond a deadline":  {minio: context.DeadlineExceeded, unavailable: true},
		"kv does not know every page": {kv: errUnsure, unavailable: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLookup(t, pagestore.MemoryConfig{})
				l.minio.set(func(f *tier) { f.err = test.minio })
				l.kv.set(func(f *tier) { f.err = test.kv })
				l.wantMiss(t, key, test.unavailable)
			})
		})
	}
}

// A mirror whose source is away answers: it is asked each time, and no miss of it is certain.
func TestTieredAsksATierThatKnowsNotAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		page := pagestoretest.Page(t, "job", 0)
		l := newLookup(t, pagestore.MemoryConfig{})
		l.kv.set(func(f *tier) { f.err = errUnsure })
		for range 10 {
			l.wantMiss(t, page.Key(), true)
		}
		l.kv.wantCalls(t, 10)
		if got := l.Breakers()[pagestore.TierKV]; got != "closed" {
			t.Errorf("breaker: %s, but the tier answers", got)
		}
		l.kv.set(func(f *tier) { f.err = nil })
		l.wantMiss(t, page.Key(), false)
	})
}

func TestTieredServesAroundACorruptTier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		page := pagestoretest.Page(t, "job", 0)
		l := newLookup(t, pagestore.MemoryConfig{})
		l.minio.set(func(f *tier) { f.err = pagestore.ErrCorrupt })
		l.kv.has(page)
		l.want(t, page, pagestore.TierKV, false)
		for range 10 {
			l.memory.Invalidate(page.Key())
			l.want(t, page, pagestore.TierKV, false)
		}
		if got := l.Breakers()[pagestore.TierMinIO]; got != "closed" {
			t.Errorf("breaker: %s, a corrupt page is no reason to open it", got)
		}
	})
}

func TestTieredVerifiesWhatMemoryClaims(t *testing.T) {
	older, newer := pagestoretest.Page(t, "older", 0), pagestoretest.Page(t, "newer", 1)
	for name, test := range map[string]struct {
		memory    *pagestore.Page
		lower     func(*lookup)
		want      *pagestore.Page // nil: a miss
		tier      string
		stale     bool
		unchecked bool // the page is still to be verified
	}{
		"same below":              {memory: newer, lower: func(l *lookup) { l.minio.has(pagestoretest.Page(t, "newer", 1)) }, want: newer, tier: pagestore.TierMinIO},
		"newer below":             {memory: older, lower: func(l *lookup) { l.kv.has(newer) }, want: newer, tier: pagestore.TierKV},
		"older below":             {memory: newer, lower: func(l *lookup) { l.minio.has(older) }, want: newer, tier: pagestore.TierMemory},
		"gone below":              {memory: newer, lower: func(*lookup) {}},
		"no tier answers":         {memory: newer, lower: func(l *lookup) { l.minio.breaks(); l.kv.breaks() }, want: newer, tier: pagestore.TierMemory, stale: true, unchecked: true},
		"a miss and a failure":    {memory: newer, lower: func(l *lookup) { l.minio.breaks() }, want: newer, tier: pagestore.TierMemory, stale: true, unchecked: true},
		"older, and a failure":    {memory: newer, lower: func(l *lookup) { l.minio.has(older); l.kv.breaks() }, want: newer, tier: pagestore.TierMemory, stale: true},
		"the same, and a failure": {memory: newer, lower: func(l *lookup) { l.kv.has(newer); l.minio.breaks() }, want: newer, tier: pagestore.TierKV},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLookup(t, pagestore.MemoryConfig{})
				l.memory.SetWatched(true)
				put(t, l.memory, test.memory)
				l.memory.InvalidateAll()
				test.lower(l)
				if test.want == nil {
					l.wantMiss(t, newer.Key(), false)
					wantMemory(t, l.memory, newer, pagestore.ErrMiss)
					return
				}
				l.want(t, test.want, test.tier, test.stale)
				_, err := l.memory.Get(t.Context(), newer.Key())
				if test.unchecked != errors.Is(err, pagestore.ErrUnverified) {
					t.Errorf("memory: got %v, want it unverified: %t", err, test.unchecked)
				}
			})
		})
	}
}

func TestTieredTrustsAHalfLookUpForMaxAgeOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const maxAge = 5 * time.Second
		clock := newClock()
		older, newer := pagestoretest.Page(t, "older", 0), pagestoretest.Page(t, "newer", 1)
		l := newLookup(t, pagestore.MemoryConfig{MaxAge: maxAge, Now: clock.Now})
		l.memory.SetWatched(true)
		l.minio.has(older)
		l.kv.breaks()
		l.want(t, older, pagestore.TierMinIO, false)

		l.kv.has(newer) // since before the outage
		clock.Advance(maxAge - 1)
		l.want(t, older, pagestore.TierMemory, false)
		clock.Advance(1)
		l.want(t, newer, pagestore.TierKV, false)
		clock.Advance(time.Hour)
		l.want(t, newer, pagestore.TierMemory, false)
	})
}

func TestTieredCoalesces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const shoppers = 200
		page := pagestoretest.Page(t, "job", 0)
		l := newLookup(t, pagestore.MemoryConfig{})
		entered, release := make(chan struct{}), make(chan struct{})
		l.minio.set(func(f *tier) { f.page, f.entered, f.release = page, entered, release })

		var group sync.WaitGroup
		get := func() {
			if hit, err := l.Get(t.Context(), page.Key()); err != nil || hit.Page != page {
				t.Errorf("Get: %v, %v", hit, err)
			}
		}
		group.Go(get)
		<-entered
		for range shoppers - 1 {
			group.Go(get)
		}
		synctest.Wait() // until all of them wait for the one lookup
		close(release)
		group.Wait()
		l.minio.wantCalls(t, 1)
		l.kv.wantCalls(t, 1)
	})
}

func TestTieredOutlivesTheCallerWhoLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		page := pagestoretest.Page(t, "job", 0)
		l := newLookup(t, pagestore.MemoryConfig{})
		entered, release := make(chan struct{}), make(chan struct{})
		l.minio.set(func(f *tier) { f.page, f.entered, f.release = page, entered, release })
		ctx, leave := context.WithCancel(t.Context())
		left, stayed := make(chan error), make(chan error)
		go func() {
			_, err := l.Get(ctx, page.Key())
			left <- err
		}()
		<-entered
		go func() {
			_, err := l.Get(t.Context(), page.Key())
			stayed <- err
		}()
		synctest.Wait()
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) || errors.Is(err, pagestore.ErrMiss) {
			t.Errorf("who left: got %v, want Canceled", err)
		}
		close(release)
		if err := <-stayed; err != nil {
			t.Errorf("who stayed: %v", err)
		}
		l.minio.wantCalls(t, 1)
		l.want(t, page, pagestore.TierMemory, false)
	})
}

func TestTieredHungTierCostsThreeDeadlinesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const deadline, probe = 70 * time.Millisecond, 2 * time.Second
		page := pagestoretest.Page(t, "job", 0)
		l := newLookup(t, pagestore.MemoryConfig{},
			pagestore.WithDeadline(pagestore.TierMinIO, deadline), pagestore.WithProbeInterval(probe))
		l.minio.hangs()
		l.kv.has(page)
		for i := range 6 {
			begun := time.Now()
			l.memory.Invalidate(page.Key())
			l.want(t, page, pagestore.TierKV, false)
			want := deadline
			if i >= 3 {
				want = 0
			}
			if took := time.Since(begun); took != want {
				t.Errorf("get %d took %v, want %v", i, took, want)
			}
		}
		l.minio.wantCalls(t, 3)
		if got := l.Breakers(); got[pagestore.TierMinIO] != "open" || got[pagestore.TierKV] != "closed" {
			t.Errorf("breakers: %v", got)
		}

		// Only the probe asks, even when the half-open breaker would let a call through.
		pass(probe - time.Millisecond)
		l.memory.Invalidate(page.Key())
		l.want(t, page, pagestore.TierKV, false)
		l.minio.wantCalls(t, 3)
		pass(2 * time.Millisecond)
		synctest.Wait()
		l.minio.wantCalls(t, 4)

		l.minio.has(page)
		pass(2 * probe)
		synctest.Wait()
		if got := l.Breakers()[pagestore.TierMinIO]; got != "closed" {
			t.Fatalf("breaker after the tier came back: %s", got)
		}
		l.memory.Invalidate(page.Key())
		l.want(t, page, pagestore.TierMinIO, false)

		// A second outage is handled like the first.
		l.minio.breaks()
		for range 4 {
			l.memory.Invalidate(page.Key())
			l.want(t, page, pagestore.TierKV, false)
		}
		if got := l.Breakers()[pagestore.TierMinIO]; got != "open" {
			t.Fatalf("breaker in the second outage: %s", got)
		}
		l.minio.has(page)
		pass(2 * probe)
		synctest.Wait()
		if got := l.Breakers()[pagestore.TierMinIO]; got != "closed" {
			t.Fatalf("breaker after the second outage: %s", got)
		}
	})
}

// A tier that is too far away is told from one that is away, and its pages are served.
func TestTieredWaitsForALateTier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		page := pagestoretest.Page(t, "job", 0)
		l := newLookup(t, pagestore.MemoryConfig{}, pagestore.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		l.minio.has(page)
		l.minio.set(func(f *tier) { f.late = 120 * time.Millisecond })
		for range 3 {
			l.wantMiss(t, page.Key(), true)
		}
		pass(5 * time.Second)
		synctest.Wait()
		if n := strings.Count(log.String(), "Raise STORE_TIMEOUT"); n != 1 || !strings.Contains(log.String(), "took=120ms") {
			t.Errorf("told %d times: %s", n, &log)
		}
		// Slower still, but not by twice.
		l.minio.set(func(f *tier) { f.late = 200 * time.Millisecond })
		again := func() (took time.Duration) {
			t.Helper()
			begun := time.Now()
			l.memory.Invalidate(page.Key())
			l.want(t, page, pagestore.TierMinIO, false)
			return time.Since(begun)
		}
		if took := again(); took != 200*time.Millisecond || l.Breakers()[pagestore.TierMinIO] != "closed" {
			t.Errorf("a late page took %s; breakers: %v", took, l.Breakers())
		}
		// Once it is prompt again, nobody waits for longer than the deadline.
		l.minio.set(func(f *tier) { f.late = 0 })
		for range 20 {
			again()
		}
		l.minio.set(func(f *tier) { f.late = time.Second / 2 })
		begun := time.Now()
		l.memory.Invalidate(page.Key())
		if _, err := l.Get(t.Context(), page.Key()); err != nil || time.Since(begun) != 100*time.Millisecond {
			t.Errorf("a lookup of a tier that was late before took %s: %v", time.Since(begun), err)
		}
		// Later than the bound is away.
		l.minio.set(func(f *tier) { f.late = 2 * time.Second })
		for range 3 {
			l.memory.Invalidate(page.Key())
			_, _ = l.Get(t.Context(), page.Key()) // memory has the page
		}
		pass(5 * time.Second)
		synctest.Wait()
		if got := l.Breakers()[pagestore.TierMinIO]; got != "open" {
			t.Errorf("the breaker of a tier that takes two seconds is %s", got)
		}
	})
}

func TestTieredOptionsAreValidated(t *testing.T) {
	for name, opt := range map[string]pagestore.Option{
		"no deadline":   pagestore.WithDeadline(pagestore.TierKV, 0),
		"no such tier":  pagestore.WithDeadline("memory", time.Second),
		"no probe time": pagestore.WithProbeInterval(0),
	} {
		if _, err := pagestore.NewTiered(newMemory(t, pagestore.MemoryConfig{}), &tier{}, &tier{}, opt); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
