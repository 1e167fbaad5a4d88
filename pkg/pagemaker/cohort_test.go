package pagemaker_test

import (
	"errors"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagemaker"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/persona"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

func cohortOrder(t *testing.T, kind, interest string, by pagemaker.Designer) pagemaker.Order {
	t.Helper()
	key, err := pagekey.Cohort("magic-wands", kind, interest)
	if err != nil {
		t.Fatal(err)
	}
	o := order(t, by)
	o.Key = key
	return o
}

// What a designer is told of a cohort is its persona and interest, whatever an order or a
// session by its name says. Its page leaves no session behind.
func TestCohortIsNobody(t *testing.T) {
	t.Parallel()
	for interest, known := range map[string]bool{"first": true, "no-such-shelf": false, "": false} {
		w, by := newWorkshop(t), &designer{design: quietShelf()}
		o := cohortOrder(t, persona.Dealhunter, interest, by)
		o.Persona, o.Preferences = persona.Loyalist, map[string]string{"name": "Ada"}
		w.sessions.of[o.Key.Shopper()] = &wandstorev1.ShopperSession{Stores: map[string]*wandstorev1.StoreSignals{
			"magic-wands": {Visits: 3, Cart: []string{"nightjar"}, RecentQueries: []string{"oak for ada"}},
		}}
		w.graves.at = time.Now().Add(time.Hour)
		made, err := w.Make(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if _, interested := by.brief.Signals.GetCategories()[interest]; interested != known || len(by.brief.Signals.GetCategories()) > 1 {
			t.Errorf("%q: interests %v", interest, by.brief.Signals.GetCategories())
		}
		by.brief.Signals.Categories = nil
		if by.brief.Signals.String() != "" || len(by.brief.Preferences) > 0 || by.brief.Visitor.Persona != persona.Dealhunter {
			t.Errorf("%q: told of %v, %v, %v", interest, by.brief.Signals, by.brief.Preferences, by.brief.Visitor)
		}
		if made.Page.Persona() != persona.Dealhunter || w.permanent.pages[o.Key] != made.Page || w.cache.pages[o.Key] != made.Page {
			t.Errorf("%q: a page for a %s, stored %v, %v", interest, made.Page.Persona(), w.permanent.pages, w.cache.pages)
		}
		if len(w.sessions.of) != 1 || w.sessions.of[o.Key.Shopper()].GetStores()["magic-wands"].GetLastJobId() != "" {
			t.Errorf("%q: sessions %v", interest, w.sessions.of)
		}
	}
}

// An outage of the model costs a cohort no page that was designed for it before.
func TestCohortKeepsItsDesignedPage(t *testing.T) {
	t.Parallel()
	w, by := newWorkshop(t), &designer{err: errBroken}
	o := cohortOrder(t, persona.Explorer, "", by)
	first, err := w.Make(t.Context(), o)
	if err != nil || first.Page.Source() != pagestore.SourceTemplate || w.cache.pages[o.Key] != first.Page || len(w.permanent.pages) != 0 {
		t.Fatalf("without a page of before: %v, %v", first, err)
	}
	o.JobID, o.RequestedAt, by.err, by.design = "job-2", time.Now(), nil, quietShelf()
	designed, err := w.Make(t.Context(), o)
	if err != nil || designed.Page.Source() != pagestore.SourceLLM {
		t.Fatalf("designed: %v, %v", designed, err)
	}
	o.JobID, o.RequestedAt, by.err = "job-3", time.Now(), errBroken
	kept, err := w.Make(t.Context(), o)
	if err != nil || kept.Page != designed.Page || kept.Reason == "" || w.cache.pages[o.Key] != designed.Page {
		t.Errorf("with a page of before: %v, %v", kept, err)
	}
	o.JobID, o.RequestedAt, o.Designer = "job-4", time.Now(), writer{says: "A B", err: errBroken}
	kept, err = w.Make(t.Context(), o)
	if err != nil || kept.Page != designed.Page || kept.Reason == "" || w.cache.pages[o.Key] != designed.Page {
		t.Errorf("with a page of before, and a failure midway: %v, %v", kept, err)
	}
}

// A job for a cohort that nobody can belong to is not tried again.
func TestCohortOfNoPersona(t *testing.T) {
	t.Parallel()
	w, by := newWorkshop(t), &designer{design: quietShelf()}
	if _, err := w.Make(t.Context(), cohortOrder(t, "wizard", "", by)); !errors.Is(err, jobqueue.ErrTerminal) || by.calls != 0 {
		t.Errorf("error %v, designed %d times", err, by.calls)
	}
}
