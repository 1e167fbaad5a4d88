package edge

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/storefront"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

func inScope(s Scope) func(*Config) { return func(c *Config) { c.Scope = s } }

// hasCohort puts a page of the model for a cohort into memory.
func (d *desk) hasCohort(name string, change ...func(*wandstorev1.Page)) {
	d.t.Helper()
	kept := d.hit
	kind, _, _ := strings.Cut(strings.TrimPrefix(name, "cohort="), "=")
	html, err := shared(d.t).renderer.Page(storefront.PageInput{
		Shop: d.shop, Design: design.Template(d.shop, kind, design.Interests{}), Persona: kind, Shared: true,
	})
	if err != nil {
		d.t.Fatal(err)
	}
	d.has(pagestore.TierMemory, append([]func(*wandstorev1.Page){func(p *wandstorev1.Page) {
		p.ShopperId, p.Persona, p.Html = name, kind, string(html)
	}}, change...)...)
	if d.others == nil {
		d.others = map[string]*pagestore.Hit{}
	}
	d.others[name], d.hit = d.hit, kept
}

// wants is the names of the cohorts whose pages the edge wants, and what they replace.
func (d *desk) wants() string {
	var names []string
	for {
		select {
		case w := <-d.edge.wanted:
			names = append(names, strings.TrimSpace(w.key.Shopper()+" "+w.replaces))
		default:
			return strings.Join(names, ", ")
		}
	}
}

// cameBack gives ada a session of an hour ago.
func (d *desk) cameBack(signals *wandstorev1.StoreSignals) {
	d.remembers(signals)
	d.sessions["ada"].CreatedAt = timestamppb.New(time.Now().Add(-time.Hour))
	d.sessions["ada"].UpdatedAt = timestamppb.Now()
}

// Who gets which page, and whether one of their own is made.
func TestLadder(t *testing.T) {
	t.Parallel()
	deals := &wandstorev1.StoreSignals{SaleFilters: 9, LastEventAt: timestamppb.Now()}
	old := func(p *wandstorev1.Page) { p.GeneratedAt, p.RequestedAt = hoursAgo(25), hoursAgo(26) }
	template := func(p *wandstorev1.Page) { p.Source = pagestore.SourceTemplate }
	for name, tt := range map[string]struct {
		scope                            Scope
		desk                             func(*desk)
		target                           string // front, unless it is set
		headers                          []string
		cache, rung, generation, persona string
		wants                            string
		own                              bool   // a page of ada's own is asked for
		shows, hides                     string // what is on the page of some, not of nobody in particular, and what is not
	}{
		"first visit": {
			scope: ScopeAuto, desk: func(d *desk) { d.hasCohort("cohort=explorer") },
			cache: "MISS", rung: "cohort", generation: "off", persona: "explorer",
		},
		"first visit, nobody's": {
			scope: ScopeAuto, desk: func(d *desk) { d.hasCohort("cohort=explorer") }, target: "/s/magic-wands",
			cache: "MISS", rung: "cohort", generation: "off", persona: "explorer",
		},
		"first visit to a cold shop": {
			scope: ScopeAuto, cache: "MISS", rung: "fallback", generation: "off", wants: "cohort=explorer",
		},
		"first visit, every shopper": {
			scope: ScopeShopper, desk: func(d *desk) { d.hasCohort("cohort=explorer") },
			cache: "MISS", rung: "fallback", generation: "triggered", own: true,
		},
		"the cohort's page is old": {
			scope: ScopeAuto, desk: func(d *desk) { d.hasCohort("cohort=explorer", old) },
			cache: "MISS", rung: "cohort", generation: "off", persona: "explorer", wants: "cohort=explorer job-1",
		},
		"the cohort's page is a template": {
			scope: ScopeAuto, desk: func(d *desk) { d.hasCohort("cohort=explorer", template) },
			cache: "MISS", rung: "fallback", generation: "off", wants: "cohort=explorer job-1",
		},
		"known persona, cold shop": {
			scope: ScopeCohort, desk: func(d *desk) { d.remembers(deals); d.hasCohort("cohort=explorer") },
			cache: "MISS", rung: "persona", generation: "off", persona: "dealhunter", wants: "cohort=dealhunter", shows: `id="live"`,
		},
		"known persona, cold shop, switched off": {
			scope: ScopeCohort, desk: func(d *desk) { d.remembers(deals); d.off = true },
			cache: "MISS", rung: "persona", generation: "off", persona: "dealhunter", wants: "cohort=dealhunter", hides: `id="live"`,
		},
		"known persona, warm shop": {
			scope: ScopeCohort, desk: func(d *desk) { d.remembers(deals); d.hasCohort("cohort=dealhunter") },
			cache: "MISS", rung: "cohort", generation: "off", persona: "dealhunter", hides: `id="live"`,
		},
		"known persona, every shopper": {
			scope: ScopeShopper, desk: func(d *desk) { d.remembers(deals) },
			cache: "MISS", rung: "persona", generation: "triggered", persona: "dealhunter", own: true,
		},
		"known interest": {
			scope: ScopeAuto, desk: func(d *desk) { d.remembers(looked()); d.hasCohort("cohort=explorer=moonlit") },
			cache: "MISS", rung: "cohort", generation: "off", persona: "explorer", shows: "Close at hand",
		},
		"known interest, its page is not made": {
			scope: ScopeAuto, desk: func(d *desk) { d.remembers(looked()); d.hasCohort("cohort=explorer") },
			cache: "MISS", rung: "cohort", generation: "off", persona: "explorer", wants: "cohort=explorer=moonlit", shows: "Close at hand",
		},
		"came back": {
			scope: ScopeAuto, desk: func(d *desk) { d.cameBack(looked()); d.hasCohort("cohort=explorer") },
			cache: "MISS", rung: "cohort", generation: "triggered", persona: "explorer", wants: "cohort=explorer=moonlit", own: true, shows: `id="live"`,
		},
		"came back, did nothing": {
			scope: ScopeAuto, desk: func(d *desk) { d.cameBack(&wandstorev1.StoreSignals{}); d.hasCohort("cohort=explorer") },
			cache: "MISS", rung: "cohort", generation: "off", persona: "explorer",
		},
		"came back, the budget is scarce": {
			scope: ScopeAuto, desk: func(d *desk) { d.cameBack(deals); d.hasCohort("cohort=dealhunter"); d.scarce = true },
			cache: "MISS", rung: "cohort", generation: "off", persona: "dealhunter",
		},
		"came back, only cohorts": {
			scope: ScopeCohort, desk: func(d *desk) { d.cameBack(deals); d.hasCohort("cohort=dealhunter") },
			cache: "MISS", rung: "cohort", generation: "off", persona: "dealhunter",
		},
		"their own page": {
			scope: ScopeCohort, desk: func(d *desk) { d.has(pagestore.TierMinIO); d.hasCohort("cohort=explorer") },
			cache: "HIT", rung: "minio", generation: "ready", persona: "explorer",
		},
		"their own page is old": {
			scope: ScopeAuto, desk: func(d *desk) { d.cameBack(looked()); d.has(pagestore.TierMinIO, old); d.hasCohort("cohort=explorer") },
			cache: "HIT", rung: "minio", generation: "triggered", persona: "explorer", own: true,
		},
		"their own page is old, only cohorts": {
			scope: ScopeCohort, desk: func(d *desk) { d.has(pagestore.TierMinIO, old); d.hasCohort("cohort=explorer") },
			cache: "MISS", rung: "cohort", generation: "off", persona: "explorer",
		},
		"not to be tracked": {
			scope: ScopeAuto, desk: func(d *desk) { d.cameBack(looked()) }, headers: []string{"DNT", "1"},
			cache: "MISS", rung: "fallback", generation: "off", wants: "cohort=explorer",
		},
		"fetched ahead": {
			scope: ScopeAuto, headers: []string{"Sec-Purpose", "prefetch"},
			cache: "MISS", rung: "fallback", generation: "off",
		},
		"NATS is away": {
			scope: ScopeAuto, desk: func(d *desk) { d.offline = true; d.hasCohort("cohort=explorer") },
			cache: "MISS", rung: "cohort", generation: "off", persona: "explorer",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, inScope(tt.scope))
			if tt.desk != nil {
				tt.desk(d)
			}
			target := front
			if tt.target != "" {
				target = tt.target
			}
			a := d.ask(http.MethodGet, target, "", tt.headers...)
			if a.StatusCode != http.StatusOK || a.Header.Get("X-Cache") != tt.cache || a.Header.Get("X-Generation") != tt.generation ||
				a.Header.Get("X-Persona") != tt.persona || !strings.HasSuffix(a.Header.Get("Cache-Status"), "; detail="+tt.rung) {
				t.Errorf("%d, X-Cache %s, Cache-Status %s, X-Generation %s, X-Persona %s", a.StatusCode,
					a.Header.Get("X-Cache"), a.Header.Get("Cache-Status"), a.Header.Get("X-Generation"), a.Header.Get("X-Persona"))
			}
			if !strings.HasPrefix(a.Header.Get("Cache-Control"), "private, no-") || a.Header.Get("Content-Security-Policy") != shared(t).renderer.CSP(d.shop) {
				t.Errorf("Cache-Control %s, policy %s", a.Header.Get("Cache-Control"), a.Header.Get("Content-Security-Policy"))
			}
			if wants := d.wants(); wants != tt.wants {
				t.Errorf("wants pages of %q, want %q", wants, tt.wants)
			}
			if own := len(d.triggered) > 0; own != tt.own {
				t.Errorf("asked for %v", d.triggered)
			}
			if tt.persona != "" && (!strings.Contains(a.body, `data-persona="`+tt.persona+`"`) || !strings.Contains(a.body, tt.shows)) {
				t.Errorf("the page does not show %q", tt.shows)
			}
			if tt.hides != "" && strings.Contains(a.body, tt.hides) {
				t.Errorf("the page shows %q", tt.hides)
			}
		})
	}
}

func hoursAgo(n int) *timestamppb.Timestamp {
	return timestamppb.New(time.Now().Add(-time.Duration(n) * time.Hour))
}

// A cohort's page is the same for all who have nothing of their own on it, and a browser that
// has it gets 304.
func TestCohortPageIsShared(t *testing.T) {
	t.Parallel()
	d := newDesk(t, inScope(ScopeAuto))
	d.hasCohort("cohort=explorer")
	first, second := d.ask(http.MethodGet, front, ""), d.ask(http.MethodGet, "/s/magic-wands?shopper=bob", "")
	if first.body != second.body || strings.Contains(first.body, `id="live"`) || !strings.Contains(first.body, "it holds nothing of what you did") {
		t.Error("two first visits differ, or wait for a page")
	}
	again := d.ask(http.MethodGet, front, "", "If-None-Match", first.Header.Get("ETag"))
	if again.StatusCode != http.StatusNotModified || again.Header.Get("X-Cache") != "MISS" {
		t.Errorf("with its ETag: %d, %v", again.StatusCode, again.Header)
	}
	d.remembers(&wandstorev1.StoreSignals{Cart: []string{"nightjar"}})
	d.edge.invalidateVisitor("ada", slug)
	if mine := d.ask(http.MethodGet, front, ""); !strings.Contains(mine.body, "Set aside for you") || strings.Contains(mine.body, "it holds nothing of what you did") {
		t.Error("the cart is not on the page")
	}
	if other := d.ask(http.MethodGet, "/s/magic-wands?shopper=bob", ""); other.body != second.body {
		t.Error("the cart is on another shopper's page")
	}
}

// Where ids are signed, a first visit is served the cohort's page too, and whoever listens
// for a page of their own gets none made on a first visit.
func TestSignedFirstVisitGetsTheCohortPage(t *testing.T) {
	t.Parallel()
	d := newDesk(t, signed, inScope(ScopeAuto))
	d.hasCohort("cohort=explorer")
	a := d.ask(http.MethodGet, "/s/magic-wands", "")
	if a.Header.Get("Cache-Status") != "wandstore; fwd=miss; detail=cohort" || len(a.Cookies()) != 1 || len(d.triggered) != 0 {
		t.Errorf("%v, %v", a.Header, d.triggered)
	}
	robot := d.ask(http.MethodGet, "/s/magic-wands", "", "User-Agent", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)")
	if robot.Header.Get("Cache-Status") != a.Header.Get("Cache-Status") || d.wants() != "" {
		t.Errorf("a robot: %v", robot.Header)
	}
}

// A shop's small collections are no interests of their own.
func TestInterestsAreBounded(t *testing.T) {
	t.Parallel()
	shop := cataloguetest.Edited(t, slug, func(document map[string]any) {
		var collections []any
		for id := range strings.SplitSeq("abcdefghij", "") {
			collections = append(collections, map[string]any{"id": id, "name": id, "blurb": "A collection."})
		}
		document["collections"] = collections
		// Two for each, and what is left for the last.
		products, _ := document["products"].([]any)
		for i := range products {
			cataloguetest.Product(document, i)["collection"] = string("abcdefghij"[min(i/2, 9)])
		}
	})
	var got strings.Builder
	for id := range strings.SplitSeq("abcdefghijk", "") {
		got.WriteString(interestOf(shop, []string{id, "a"}))
	}
	if got.String() != "abcdefgj" {
		t.Errorf("the interests are %q", got.String())
	}
}

// newStillCohorts is who asks for the pages of cohorts while the time stands at now.
func newStillCohorts(d *desk) (c *cohorts, now time.Time) {
	c, now = newCohorts(d.edge), time.Now()
	c.clock = func() time.Time { return now }
	return c, now
}

// Shops get the pages of their most common cohorts ahead, one after the other, and again
// when their catalogue changes.
func TestShopsAreWarmedOneByOne(t *testing.T) {
	t.Parallel()
	d := newDesk(t, inScope(ScopeAuto))
	c, _ := newStillCohorts(d)
	asked := func() string {
		d.triggered = nil
		c.warmShops(t.Context())
		var names []string
		for _, r := range d.triggered {
			if r.Origin != "cohort" || r.HasRoom == nil {
				t.Errorf("request %+v", r)
			}
			names = append(names, r.Key.Shopper())
		}
		return strings.Join(names, ", ")
	}
	for _, kind := range []string{"explorer", "minimalist", "dealhunter", "loyalist"} {
		if got := asked(); got != "cohort="+kind {
			t.Fatalf("asked for %q, want the %s's", got, kind)
		}
		if got := asked(); kind == "loyalist" && got != "" {
			t.Errorf("asked for %q at once again", got)
		}
		d.hasCohort("cohort=" + kind)
		clear(c.paused)
	}
	if got := asked(); got != "" || c.warm[slug] != d.shop.Version {
		t.Errorf("warm, and asked for %q", got)
	}
	delete(d.others, "cohort=loyalist")
	if got := asked(); got != "" {
		t.Errorf("nothing changed, and asked for %q", got)
	}
}

// A page that was asked for is not asked for again at once, whatever became of it.
func TestCohortsAreAskedForOnce(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		trigger func(jobqueue.Request) (jobqueue.Ticket, error)
		pause   time.Duration
	}{
		"queued": {nil, askedPause},
		"full":   {refusal(jobqueue.ErrPoolFull), refusedPause},
	} {
		d := newDesk(t, inScope(ScopeCohort))
		d.trigger = tt.trigger
		c, now := newStillCohorts(d)
		key := cohortsOf(d.shop, nil)[0]
		if !c.ask(t.Context(), wantedPage{key: key}, nil) || c.ask(t.Context(), wantedPage{key: key}, nil) || len(d.triggered) != 1 {
			t.Errorf("%s: asked for %v", name, d.triggered)
		}
		if pause := c.paused[key].Sub(now); pause != tt.pause {
			t.Errorf("%s: paused for %s", name, pause)
		}
	}
}
