package pagemaker_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wandstore/wandstore/pkg/pagestore"
)

// An order that may wait for the stores keeps a page that was paid for until it is stored,
// and has none made while it is not certain that there is none.
func TestMakeWaitsForStores(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		// fail has something fail, heal ends it.
		fail, heal func(*workshop)
		// designed says that it fails once the page is designed, not at the beginning.
		designed bool
		calls    int // of the designer when the order waits
	}{
		"MinIO is away when it is stored": {
			fail: func(w *workshop) { w.permanent.err = errBroken }, heal: func(w *workshop) { w.permanent.err = nil }, designed: true, calls: 1,
		},
		"KV is away when it is stored": {
			fail: func(w *workshop) { w.cache.err = errBroken }, heal: func(w *workshop) { w.cache.err = nil }, designed: true, calls: 1,
		},
		"all are away when it is stored": {
			fail: func(w *workshop) { w.permanent.err, w.cache.err, w.graves.err = errBroken, errBroken, errBroken },
			heal: func(w *workshop) { w.permanent.err, w.cache.err, w.graves.err = nil, nil, nil }, designed: true, calls: 1,
		},
		"MinIO is away before": {
			fail: func(w *workshop) { w.permanent.err = errBroken }, heal: func(w *workshop) { w.permanent.err = nil },
		},
		"KV is away before": {
			fail: func(w *workshop) { w.cache.err = errBroken }, heal: func(w *workshop) { w.cache.err = nil },
		},
		"tombstones are away before": {
			fail: func(w *workshop) { w.graves.err = errBroken }, heal: func(w *workshop) { w.graves.err = nil },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, by := newWorkshop(t), &designer{design: quietShelf()}
				o := order(t, by)
				if tt.designed {
					o.Confirm = func(context.Context) error {
						w.mu.Lock()
						defer w.mu.Unlock()
						tt.fail(w)
						return nil
					}
				} else {
					tt.fail(w)
				}
				begun, waits := time.Now(), 0
				w.hook = func(string) {
					if time.Since(begun) > time.Hour {
						tt.heal(w)
					}
				}
				o.Wait = func() func() {
					waits++
					if by.calls != tt.calls {
						t.Errorf("the designer was asked %d times before the wait, want %d", by.calls, tt.calls)
					}
					return func() { waits-- }
				}
				made, err := w.Make(t.Context(), o)
				if err != nil || by.calls != 1 || w.permanent.pages[o.Key] != made.Page || w.cache.pages[o.Key] != made.Page {
					t.Errorf("asked %d times, stored %v, cached %v, error %v", by.calls, w.permanent.pages[o.Key], w.cache.pages[o.Key], err)
				}
				if waits != 0 || time.Since(begun) < time.Hour {
					t.Errorf("%d waits go on after %s", waits, time.Since(begun))
				}
			})
		})
	}
}

// What an earlier delivery stored is found in the one store while the other is away.
func TestMakeFindsAPageInEitherStore(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]func(*workshop) *store{
		"MinIO": func(w *workshop) *store { return &w.permanent }, "KV": func(w *workshop) *store { return &w.cache },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, by := newWorkshop(t), &designer{design: quietShelf()}
				o := order(t, by)
				if _, err := w.Make(t.Context(), o); err != nil {
					t.Fatal(err)
				}
				s := away(w)
				delete(s.pages, o.Key)
				s.err = errBroken
				o.Wait = func() func() { s.err = nil; return func() {} }
				if made, err := w.Make(t.Context(), o); err != nil || by.calls != 1 || s.pages[o.Key] != made.Page {
					t.Errorf("asked %d times, stored %v, error %v", by.calls, s.pages[o.Key], err)
				}
			})
		})
	}
}

// The wait ends with the worker, and for what no store would take.
func TestMakeDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorkshop(t)
		ctx, cancel := context.WithCancel(t.Context())
		o := order(t, &designer{design: quietShelf()})
		w.permanent.err = errBroken
		o.Wait = func() func() { cancel(); return func() {} }
		if _, err := w.Make(ctx, o); !errors.Is(err, errBroken) {
			t.Errorf("stopped: %v", err)
		}
		w.permanent.err = nil
		o.Confirm = func(context.Context) error { w.permanent.err = pagestore.ErrTooLarge; return nil }
		o.Wait = func() func() { t.Error("it waits for a store that refuses the page"); return func() {} }
		if _, err := w.Make(t.Context(), o); !errors.Is(err, pagestore.ErrTooLarge) {
			t.Errorf("too large: %v", err)
		}
	})
}
