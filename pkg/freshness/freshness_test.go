package freshness_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/freshness"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/pagestore/pagestoretest"
	"github.com/wandstore/wandstore/pkg/persona"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// In the table the shop's catalogue has been known for an hour, the prompt's version is 3,
// and a page may be a day old.
var (
	now   = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	since = now.Add(-time.Hour)
	shop  = &catalogue.Shop{Version: "assortment11.facts1111111", Since: since}
)

func ago(d time.Duration) time.Time { return now.Add(-d) }

// page returns a page of the current shop that was made at that time and requested a minute
// earlier.
func page(made time.Time, change ...func(*wandstorev1.Page)) func(*testing.T) *pagestore.Page {
	return func(t *testing.T) *pagestore.Page {
		t.Helper()
		msg := pagestoretest.Message("job-1", 0)
		msg.RequestedAt, msg.GeneratedAt = timestamppb.New(made.Add(-time.Minute)), timestamppb.New(made)
		msg.CatalogueVersion, msg.PromptVersion, msg.Persona, msg.Source = string(shop.Version), "3", persona.Explorer, pagestore.SourceLLM
		for _, c := range change {
			c(msg)
		}
		return pagestoretest.Make(t, msg)
	}
}

func visitor(whom string, confidence float64, lastEvent time.Time) *freshness.Visitor {
	return &freshness.Visitor{Visitor: persona.Visitor{Persona: whom, Confidence: confidence}, LastEvent: lastEvent}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	prices := func(p *wandstorev1.Page) { p.CatalogueVersion = "assortment11.facts0000000" }
	assortment := func(p *wandstorev1.Page) { p.CatalogueVersion = "assortment00.facts0000000" }
	prompt := func(p *wandstorev1.Page) { p.PromptVersion = "2" }
	by := func(source string) func(*wandstorev1.Page) { return func(p *wandstorev1.Page) { p.Source = source } }

	for name, tt := range map[string]struct {
		page       func(*testing.T) *pagestore.Page
		unreadable bool // the page holds no design that the shop can render
		visitor    *freshness.Visitor
		want       freshness.Decision
	}{
		"made for the shop as it is":               {page: page(ago(time.Minute)), want: freshness.Serve},
		"made long ago":                            {page: page(ago(23 * time.Hour)), want: freshness.Serve},
		"past its age":                             {page: page(ago(25 * time.Hour)), want: freshness.Refresh},
		"made in the future, by a wrong clock":     {page: page(now.Add(time.Hour)), want: freshness.Serve},
		"prices have changed":                      {page: page(ago(2*time.Hour), prices), want: freshness.Rerender},
		"prices have changed, and past its age":    {page: page(ago(25*time.Hour), prices), want: freshness.Refresh},
		"the assortment has changed":               {page: page(ago(2*time.Hour), assortment), want: freshness.Refresh},
		"no design, prices have changed":           {page: page(ago(2*time.Hour), prices), unreadable: true, want: freshness.Replace},
		"no design, but of this catalogue":         {page: page(ago(2 * time.Hour)), unreadable: true, want: freshness.Serve},
		"another prompt":                           {page: page(ago(2*time.Hour), prompt), want: freshness.Refresh},
		"another prompt, by the template":          {page: page(ago(2*time.Hour), prompt, by(pagestore.SourceTemplate)), want: freshness.Serve},
		"no prompt, by the webhook":                {page: page(ago(2*time.Hour), by(pagestore.SourceWebhook), func(p *wandstorev1.Page) { p.PromptVersion = "" }), want: freshness.Serve},
		"another persona":                          {page: page(ago(2 * time.Hour)), visitor: visitor(persona.Loyalist, 0.5, ago(time.Minute)), want: freshness.Refresh},
		"another persona, low confidence":          {page: page(ago(2 * time.Hour)), visitor: visitor(persona.Loyalist, 0.3, ago(time.Minute)), want: freshness.Serve},
		"the same persona":                         {page: page(ago(2 * time.Hour)), visitor: visitor(persona.Explorer, 1, ago(time.Minute)), want: freshness.Serve},
		"another persona, prices changed":          {page: page(ago(2*time.Hour), prices), visitor: visitor(persona.Loyalist, 1, ago(time.Minute)), want: freshness.Refresh},
		"another persona, known when it was made":  {page: page(ago(5 * time.Minute)), visitor: visitor(persona.Loyalist, 1, ago(time.Hour)), want: freshness.Serve},
		"another persona, known for ten minutes":   {page: page(ago(10 * time.Minute)), visitor: visitor(persona.Loyalist, 1, ago(time.Hour)), want: freshness.Refresh},
		"rollout: asked for since, assortment":     {page: page(ago(5*time.Minute), assortment), want: freshness.Rerender},
		"rollout: asked for since, prompt":         {page: page(ago(5*time.Minute), prompt), want: freshness.Serve},
		"rollout: asked for since, no design":      {page: page(ago(5*time.Minute), prices), unreadable: true, want: freshness.Withhold},
		"rollout is over, assortment":              {page: page(ago(10*time.Minute), assortment), want: freshness.Refresh},
		"rollout is over, no design":               {page: page(ago(10*time.Minute), prices), unreadable: true, want: freshness.Replace},
		"asked for just before the shop was known": {page: page(since.Add(time.Minute-1), assortment), want: freshness.Refresh},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stored := tt.page(t)
			got := freshness.Decide(freshness.Input{
				Page: stored, Shown: shop.Shown(stored.HTML()), Renderable: !tt.unreadable, Shop: shop, Visitor: tt.visitor, PromptVersion: "3", MaxAge: 24 * time.Hour, Now: now,
			})
			if got != tt.want {
				t.Errorf("decision %d, want %d", got, tt.want)
			}
		})
	}
}

// Each decision says whether the page is served and whether a new one is requested.
func TestDecisions(t *testing.T) {
	t.Parallel()
	for decision, want := range map[freshness.Decision]struct{ servable, asks bool }{
		freshness.Serve: {true, false}, freshness.Rerender: {true, false}, freshness.Refresh: {true, true},
		freshness.Replace: {false, true}, freshness.Withhold: {false, false},
	} {
		if decision.Servable() != want.servable || decision.AsksForPage() != want.asks {
			t.Errorf("decision %d: servable %t, asks %t", decision, decision.Servable(), decision.AsksForPage())
		}
	}
}

// A page that was rendered again from the current catalogue is served as it is.
func TestRenderedAgainIsServed(t *testing.T) {
	t.Parallel()
	stored := page(ago(5*time.Minute), func(p *wandstorev1.Page) { p.CatalogueVersion = "assortment11.facts0000000" })(t)
	rendered, err := stored.Rerendered(stored.HTML(), string(shop.Version))
	if err != nil {
		t.Fatal(err)
	}
	in := freshness.Input{Page: rendered, Shown: shop.Shown(rendered.HTML()), Shop: shop, PromptVersion: "3", MaxAge: 24 * time.Hour, Now: now}
	if got := freshness.Decide(in); got != freshness.Serve {
		t.Errorf("decision %d", got)
	}
}

func TestSatisfies(t *testing.T) {
	t.Parallel()
	p := page(ago(time.Minute))(t)
	for requested, want := range map[time.Time]bool{ago(2 * time.Minute): true, ago(time.Minute): true, ago(59 * time.Second): false} {
		if got := freshness.Satisfies(p, requested); got != want {
			t.Errorf("a page of %s satisfies a request of %s: %t", p.GeneratedAt(), requested, got)
		}
	}
}
