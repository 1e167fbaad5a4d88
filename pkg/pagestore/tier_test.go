package pagestore_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagestore"
)

var errBroken = errors.New("broken")

// errUnsure is the miss of a tier that does not know every page.
var errUnsure = errors.Join(pagestore.ErrMiss, pagestore.ErrUnavailable)

// tier is a fake lower tier.
type tier struct {
	calls atomic.Int64

	mu   sync.Mutex
	page *pagestore.Page
	err  error
	hang bool
	late time.Duration // it takes so long to answer
	// entered, if set, receives each call, which then waits for release.
	entered chan struct{}
	release chan struct{}
}

func (f *tier) Get(ctx context.Context, _ pagekey.Key) (*pagestore.Page, error) {
	f.calls.Add(1)
	f.mu.Lock()
	page, err, hang, late, entered, release := f.page, f.err, f.hang, f.late, f.entered, f.release
	f.mu.Unlock()
	if hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if late > 0 {
		select {
		case <-time.After(late):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if entered != nil {
		entered <- struct{}{}
		select {
		case <-release:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if err == nil && page == nil {
		err = pagestore.ErrMiss
	}
	return page, err
}

func (f *tier) set(change func(*tier)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

func (f *tier) has(page *pagestore.Page) {
	f.set(func(f *tier) { f.page, f.err, f.hang = page, nil, false })
}

func (f *tier) breaks() { f.set(func(f *tier) { f.err = errBroken }) }

func (f *tier) hangs() { f.set(func(f *tier) { f.hang = true }) }

func (f *tier) wantCalls(t *testing.T, want int64) {
	t.Helper()
	if got := f.calls.Load(); got != want {
		t.Errorf("tier was asked %d times, want %d", got, want)
	}
}

// lookup is a Tiered over fakes. It is made in a synctest bubble, where no tier misses its
// deadline because the machine is busy.
type lookup struct {
	*pagestore.Tiered
	memory    *pagestore.Memory
	minio, kv *tier
}

func newLookup(t *testing.T, cfg pagestore.MemoryConfig, opts ...pagestore.Option) *lookup {
	t.Helper()
	l := &lookup{memory: newMemory(t, cfg), minio: &tier{}, kv: &tier{}}
	l.Tiered = newTiered(t, l.memory, l.minio, l.kv, opts...)
	return l
}

func newTiered(t testing.TB, memory *pagestore.Memory, minio, kv pagestore.Getter, opts ...pagestore.Option) *pagestore.Tiered {
	t.Helper()
	tiered, err := pagestore.NewTiered(memory, minio, kv, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tiered.Close)
	return tiered
}

func (l *lookup) want(t *testing.T, page *pagestore.Page, tier string, stale bool) {
	t.Helper()
	hit, err := l.Get(t.Context(), page.Key())
	if err != nil {
		t.Fatalf("Get: %v", err)
	}
	if hit.Page.JobID() != page.JobID() || hit.Tier != tier || hit.Unverified != stale {
		t.Fatalf("Get: got %s from %s, stale %t; want %s from %s, stale %t",
			hit.Page.JobID(), hit.Tier, hit.Unverified, page.JobID(), tier, stale)
	}
}

func (l *lookup) wantMiss(t *testing.T, key pagekey.Key, unavailable bool) {
	t.Helper()
	hit, err := l.Get(t.Context(), key)
	if !errors.Is(err, pagestore.ErrMiss) || errors.Is(err, pagestore.ErrUnavailable) != unavailable || hit.Page != nil {
		t.Fatalf("Get: got %v, %v; want ErrMiss, with ErrUnavailable: %t", hit, err, unavailable)
	}
}

// pass lets time pass. In a synctest bubble that takes no real time.
func pass(d time.Duration) { <-time.After(d) }
