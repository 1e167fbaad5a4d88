package pagemaker_test

import (
	"slices"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/wandstore/wandstore/pkg/pagestore"
)

// A full bucket costs what it would hold, not the page.
func TestFullBucketsCostNoPage(t *testing.T) {
	full := &jetstream.APIError{ErrorCode: 10077, Description: "maximum bytes exceeded"}
	for name, tt := range map[string]struct {
		fill     func(*workshop)
		designed error
		fails    bool
		trail    string
	}{
		"cache":                        {fill: func(w *workshop) { w.cache.err = full }, trail: "not cached"},
		"sessions":                     {fill: func(w *workshop) { w.sessions.err = full }, trail: "not noted in the session"},
		"cache, and the model is away": {fill: func(w *workshop) { w.cache.err = full }, designed: errBroken, fails: true, trail: "not stored"},
		"cache, and the store is away": {fill: func(w *workshop) { w.cache.err, w.permanent.err = full, pagestore.ErrTooLarge }, fails: true, trail: "not stored"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorkshop(t)
			tt.fill(w)
			o := order(t, &designer{design: quietShelf(), err: tt.designed})
			made, err := w.Make(t.Context(), o)
			if tt.fails != (err != nil) {
				t.Fatalf("Make: %v", err)
			}
			if !tt.fails && w.permanent.pages[o.Key] != made.Page {
				t.Error("the page is not stored")
			}
			if !slices.Contains(w.trail.problems, tt.trail) {
				t.Errorf("the trail tells %v, want %q", w.trail.problems, tt.trail)
			}
		})
	}
}
