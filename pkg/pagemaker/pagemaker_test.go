package pagemaker_test

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/design/gate"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagemaker"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/persona"
	"github.com/wandstore/wandstore/pkg/storefront"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

var errBroken = errors.New("broken")

// workshop is a Maker whose stores are maps.
type workshop struct {
	*pagemaker.Maker

	permanent, cache store
	sessions         sessions
	trail            trail
	graves           graves
	// mu is of the stores and the hook, because a maker does some things at the same time.
	mu   sync.Mutex
	hook func(step string)
}

// step tells of each thing that a maker does, before and after it.
func (w *workshop) step(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hook != nil {
		w.hook(name)
	}
}

func newWorkshop(t *testing.T) *workshop {
	t.Helper()
	renderer, err := storefront.NewRenderer()
	if err != nil {
		t.Fatal(err)
	}
	w := &workshop{}
	w.permanent = store{mu: &w.mu, step: w.step, name: "permanent", pages: map[pagekey.Key]*pagestore.Page{}}
	w.cache = store{mu: &w.mu, step: w.step, name: "cache", pages: map[pagekey.Key]*pagestore.Page{}}
	w.sessions = sessions{step: w.step, of: map[string]*wandstorev1.ShopperSession{}}
	w.trail.step, w.graves.w = w.step, w
	w.Maker = &pagemaker.Maker{
		Shops: cataloguetest.BuiltIn(t), Renderer: renderer, Permanent: &w.permanent, Cache: &w.cache, Sessions: &w.sessions,
		Trail: &w.trail, Forgotten: &w.graves, Log: slog.New(slog.DiscardHandler), Metrics: pagemaker.NewMetrics(),
	}
	return w
}

type store struct {
	mu    *sync.Mutex
	step  func(string)
	name  string
	pages map[pagekey.Key]*pagestore.Page
	err   error
}

func (s *store) Get(_ context.Context, key pagekey.Key) (*pagestore.Page, error) {
	s.step(s.name + " get")
	defer s.step(s.name + " got")
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, s.err
	}
	if p, ok := s.pages[key]; ok {
		return p, nil
	}
	return nil, pagestore.ErrMiss
}

func (s *store) Put(_ context.Context, page *pagestore.Page) error {
	s.step(s.name + " put")
	defer s.step(s.name + " has")
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.pages[page.Key()] = page
	}
	return s.err
}

type sessions struct {
	step    func(string)
	of      map[string]*wandstorev1.ShopperSession
	readErr error
	err     error // of updates
}

func (s *sessions) Get(_ context.Context, shopper string) (*wandstorev1.ShopperSession, error) {
	s.step("session get")
	defer s.step("session got")
	if found, ok := s.of[shopper]; ok {
		return found, s.readErr
	}
	return &wandstorev1.ShopperSession{}, s.readErr
}

func (s *sessions) Update(_ context.Context, shopper string, change func(*wandstorev1.ShopperSession)) error {
	s.step("session update")
	defer s.step("session updated")
	if s.err != nil {
		return s.err
	}
	if s.of[shopper] == nil {
		s.of[shopper] = &wandstorev1.ShopperSession{}
	}
	change(s.of[shopper])
	return nil
}

type trail struct {
	step            func(string)
	steps, problems []string
}

func (t *trail) Debug(_ context.Context, _ pagekey.Key, c jobqueue.Breadcrumb) {
	t.step("breadcrumb")
	defer t.step("breadcrumb written")
	t.steps = append(t.steps, c.Step)
}
func (t *trail) Error(_ context.Context, _ pagekey.Key, c jobqueue.Breadcrumb) {
	t.step("problem")
	defer t.step("problem written")
	t.problems = append(t.problems, c.Step)
}

// designer returns a design or an error.
type designer struct {
	design design.Design
	err    error
	brief  pagemaker.Brief
	calls  int
}

func (d *designer) Design(_ context.Context, b pagemaker.Brief) (pagemaker.Designed, error) {
	d.brief, d.calls = b, d.calls+1
	return pagemaker.Designed{Design: d.design, Model: "kimi-test", PromptVersion: "7", Cost: 5000}, d.err
}

func quietShelf() design.Design {
	return design.Design{Sections: []design.Section{{Type: "hero", Headline: "A quiet shelf"}}}
}

func order(t *testing.T, by pagemaker.Designer) pagemaker.Order {
	t.Helper()
	key, err := pagekey.New("magic-wands", "ada")
	if err != nil {
		t.Fatal(err)
	}
	return pagemaker.Order{Key: key, JobID: "job-1", RequestedAt: time.Now(), Designer: by, Source: pagestore.SourceLLM, Template: true}
}

func TestMake(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		by                      *designer
		change                  func(*workshop, *pagemaker.Order)
		source                  string // of the stored page; "" if there is none
		permanent               bool   // it is stored permanently too
		reason, steps, problems string
		err                     error
		persona                 string
	}{
		"designed": {
			by: &designer{design: quietShelf()}, source: pagestore.SourceLLM, permanent: true, persona: persona.Explorer, steps: "stored",
		},
		"the designer fails": {
			by: &designer{err: errBroken}, source: pagestore.SourceTemplate, reason: "broken", persona: persona.Explorer, steps: "stored", problems: "template",
		},
		"the designer fails, without Template": {
			by: &designer{err: errBroken}, change: func(_ *workshop, o *pagemaker.Order) { o.Template = false }, err: errBroken,
		},
		"for a persona": {
			by:     &designer{design: quietShelf()},
			change: func(_ *workshop, o *pagemaker.Order) { o.Persona = persona.Loyalist },
			source: pagestore.SourceLLM, permanent: true, persona: persona.Loyalist, steps: "stored",
		},
		"for no persona that there is": {
			by:     &designer{design: quietShelf()},
			change: func(_ *workshop, o *pagemaker.Order) { o.Persona = "wizard" },
			source: pagestore.SourceLLM, permanent: true, persona: persona.Explorer, steps: "stored",
		},
		"the session cannot be read": {
			by:     &designer{design: quietShelf()},
			change: func(w *workshop, _ *pagemaker.Order) { w.sessions.readErr = errBroken },
			source: pagestore.SourceLLM, permanent: true, persona: persona.Explorer, steps: "stored", problems: "session not read",
		},
		"unknown shop": {
			by:     &designer{design: quietShelf()},
			change: func(_ *workshop, o *pagemaker.Order) { o.Key, _ = pagekey.New("no-such-shop", "ada") },
			err:    pagemaker.ErrUnknownShop,
		},
		"nobody wants it any more": {
			by:     &designer{design: quietShelf()},
			change: func(_ *workshop, o *pagemaker.Order) { o.Confirm = func(context.Context) error { return errBroken } },
			err:    errBroken,
		},
		"too large for the permanent store": {
			by:     &designer{design: quietShelf()},
			change: func(w *workshop, _ *pagemaker.Order) { w.permanent.err = pagestore.ErrTooLarge },
			source: pagestore.SourceLLM, persona: persona.Explorer, err: pagestore.ErrTooLarge, problems: "not stored",
		},
		"a newer page is in the permanent store": {
			by:     &designer{design: quietShelf()},
			change: func(w *workshop, _ *pagemaker.Order) { w.permanent.err = pagestore.ErrSuperseded },
			source: pagestore.SourceLLM, persona: persona.Explorer, steps: "stored",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, o := newWorkshop(t), order(t, tt.by)
			if tt.change != nil {
				tt.change(w, &o)
			}
			made, err := w.Make(t.Context(), o)
			if !errors.Is(err, tt.err) || (err != nil) != (tt.err != nil) {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			stored := w.cache.pages[o.Key]
			if (stored != nil) != (tt.source != "") || (w.permanent.pages[o.Key] != nil) != tt.permanent {
				t.Fatalf("cached %v, kept for good %v", stored, w.permanent.pages[o.Key])
			}
			if stored != nil && (stored.Source() != tt.source || stored.Persona() != tt.persona || stored.Model() != "kimi-test" || stored.PromptVersion() != "7") {
				t.Errorf("stored a %s page for %s by %s, prompt %s", stored.Source(), stored.Persona(), stored.Model(), stored.PromptVersion())
			}
			if made.Reason != tt.reason {
				t.Errorf("reason %q, want %q", made.Reason, tt.reason)
			}
			if got := strings.Join(w.trail.steps, " "); got != tt.steps {
				t.Errorf("breadcrumbs %q, want %q", got, tt.steps)
			}
			if got := strings.Join(w.trail.problems, " "); got != tt.problems {
				t.Errorf("problems %q, want %q", got, tt.problems)
			}
			if session := w.sessions.of["ada"]; err == nil && session.GetStores()["magic-wands"].GetLastJobId() != "job-1" {
				t.Errorf("the session does not know the page: %v", session)
			}
		})
	}
}

// A page newer than the request is not made again, but stored where it is missing.
func TestMakeFindsWhatIsMade(t *testing.T) {
	t.Parallel()
	w, by := newWorkshop(t), &designer{design: quietShelf()}
	o := order(t, by)
	if _, err := w.Make(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	delete(w.cache.pages, o.Key)
	made, err := w.Make(t.Context(), o)
	if err != nil || by.calls != 1 || w.cache.pages[o.Key] != made.Page {
		t.Errorf("designed %d times, cached %v, error %v", by.calls, w.cache.pages[o.Key], err)
	}
	// A later request gets a new page.
	o.JobID, o.RequestedAt = "job-2", time.Now()
	if made, err = w.Make(t.Context(), o); err != nil || by.calls != 2 || made.Page.JobID() != "job-2" {
		t.Errorf("designed %d times, page of %s, error %v", by.calls, made.Page.JobID(), err)
	}
}

// Wishes choose the theme, and the products that they name come first, even if the designer
// ignores the wishes.
func TestWishesSteerThePage(t *testing.T) {
	t.Parallel()
	w, by := newWorkshop(t), &designer{design: quietShelf()}
	o := order(t, by)
	o.Preferences = map[string]string{"palette": "ember", "wood": "holly"}
	made, err := w.Make(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	got, err := gate.ReadStored(made.Page.HTML(), cataloguetest.Shop(t, "magic-wands"))
	if err != nil {
		t.Fatal(err)
	}
	if got.Theme.Palette != "ember" {
		t.Errorf("palette %s", got.Theme.Palette)
	}
	shown := false
	for _, s := range got.Sections {
		shown = shown || s.Headline == "Picked for you" && len(s.ProductIDs) > 0
	}
	if !shown {
		t.Errorf("what was wished for is not shown: %+v", got.Sections)
	}
	if by.brief.Preferences["wood"] != "holly" {
		t.Errorf("the designer was told %v", by.brief.Preferences)
	}
}

// When its context ends, a maker stores nothing, not even a template page.
func TestMakeStops(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	ctx, cancel := context.WithCancel(t.Context())
	stopped := stopper{cancel}
	if _, err := w.Make(ctx, order(t, stopped)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if len(w.cache.pages)+len(w.permanent.pages) != 0 {
		t.Error("a page is stored")
	}
}

// stopper is a designer whose context ends while it designs.
type stopper struct{ cancel context.CancelFunc }

func (s stopper) Design(context.Context, pagemaker.Brief) (pagemaker.Designed, error) {
	s.cancel()
	return pagemaker.Designed{}, errBroken
}

// A page knows what it cost, and what it cost with the pages before it, also with those
// that the template made after a model that failed.
func TestPagesKnowTheirCost(t *testing.T) {
	t.Parallel()
	w, by := newWorkshop(t), &designer{design: quietShelf()}
	for i, want := range []int64{5000, 10_000, 15_000} {
		by.err = nil
		if i == 1 {
			by.err = errBroken
		}
		o := order(t, by)
		o.JobID = "job-" + strconv.Itoa(i)
		made, err := w.Make(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if made.Page.Cost() != 5000 || made.Page.CostSoFar() != want {
			t.Errorf("page %d cost %d, %d so far, want 5000 and %d", i, made.Page.Cost(), made.Page.CostSoFar(), want)
		}
	}
}
