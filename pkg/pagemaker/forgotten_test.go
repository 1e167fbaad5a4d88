package pagemaker_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagemaker"
	"github.com/wandstore/wandstore/pkg/pagestore"
)

// graves is what forgets the shoppers of a workshop, as personal.Data does: the tombstone
// comes first.
type graves struct {
	w   *workshop
	at  time.Time
	err error
}

func (g *graves) forget() {
	g.at = time.Now()
	g.remove()
}

func (g *graves) remove() {
	clear(g.w.permanent.pages)
	clear(g.w.cache.pages)
	g.w.trail.steps, g.w.trail.problems = nil, nil
	clear(g.w.sessions.of)
}

func (g *graves) ForgottenSince(_ context.Context, _ pagekey.Key, t time.Time) (bool, error) {
	g.w.step("tombstone")
	defer g.w.step("tombstone read")
	g.w.mu.Lock()
	defer g.w.mu.Unlock()
	return !g.at.IsZero() && !g.at.Before(t), g.err
}

func (g *graves) RemoveAgain(context.Context, pagekey.Key, string) error {
	g.w.step("remove")
	defer g.w.step("removed")
	g.w.mu.Lock()
	defer g.w.mu.Unlock()
	if g.err == nil {
		g.remove()
	}
	return g.err
}

// left is what is kept of the shopper.
func (w *workshop) left() string {
	if n := len(w.permanent.pages) + len(w.cache.pages) + len(w.sessions.of) + len(w.trail.steps) + len(w.trail.problems); n == 0 {
		return ""
	}
	return fmt.Sprint(w.permanent.pages, w.cache.pages, w.sessions.of, w.trail.steps, w.trail.problems)
}

// Before and after each thing that a maker does the shopper is forgotten once. Nothing is
// left, whatever the order was.
func TestForgettingWinsAtEachStep(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*workshop, *pagemaker.Order){
		"designed":  func(*workshop, *pagemaker.Order) {},
		"template":  func(_ *workshop, o *pagemaker.Order) { o.Designer = &designer{err: errBroken} },
		"confirmed": func(_ *workshop, o *pagemaker.Order) { o.Confirm = func(context.Context) error { return nil } },
		"webhook":   func(_ *workshop, o *pagemaker.Order) { o.Begun, o.Template = time.Now().Add(-time.Hour), false },
		"found by a second delivery": func(w *workshop, o *pagemaker.Order) {
			if _, err := w.Make(context.Background(), *o); err != nil {
				panic(err)
			}
		},
		"half stored": func(w *workshop, _ *pagemaker.Order) { w.cache.err = pagestore.ErrTooLarge },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for at := 0; ; at++ {
				w, o := newWorkshop(t), order(t, &designer{design: quietShelf()})
				change(w, &o)
				var steps []string
				w.hook = func(step string) {
					if steps = append(steps, step); len(steps)-1 == at {
						w.graves.forget()
					}
				}
				_, err := w.Make(t.Context(), o)
				w.hook = nil
				if w.graves.at.IsZero() {
					if at < 12 {
						t.Errorf("only %d steps: %v", at, steps)
					}
					return
				}
				if left := w.left(); left != "" {
					t.Errorf("forgotten at %q: %s", steps[at], left)
				}
				// After the last look at the tombstones the page is made, and removed by who forgets.
				if late := at == len(steps)-1; errors.Is(err, jobqueue.ErrCancelled) == late && name != "half stored" {
					t.Errorf("forgotten at %q: error %v", steps[at], err)
				}
			}
		})
	}
}

// A shopper who comes back after having been forgotten gets pages.
func TestForgottenShopperComesBack(t *testing.T) {
	t.Parallel()
	w, by := newWorkshop(t), &designer{design: quietShelf()}
	w.graves.forget()
	if _, err := w.Make(t.Context(), order(t, by)); err != nil {
		t.Fatal(err)
	}
	// A page of the webhook may have been begun before.
	o := order(t, by)
	o.JobID, o.Begun = "job-2", time.Now().Add(-time.Hour)
	if _, err := w.Make(t.Context(), o); !errors.Is(err, jobqueue.ErrCancelled) || by.calls != 1 {
		t.Errorf("error %v, designed %d times", err, by.calls)
	}
}

// Who cannot look for tombstones makes no page, because nobody knows whether it may stay.
func TestTombstonesCannotBeRead(t *testing.T) {
	t.Parallel()
	w, by := newWorkshop(t), &designer{design: quietShelf()}
	w.graves.err = errBroken
	if _, err := w.Make(t.Context(), order(t, by)); !errors.Is(err, errBroken) || errors.Is(err, jobqueue.ErrCancelled) || by.calls != 0 {
		t.Errorf("error %v, designed %d times", err, by.calls)
	}
}
