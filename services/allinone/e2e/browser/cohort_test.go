package browser_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/edge"
	"github.com/wandstore/wandstore/services/kimisim"
)

// Where nobody gets a page of their own, a page that waits becomes that of its cohort once
// the model has designed it: for who is known to hunt deals in place of the persona's
// template, and on a first visit in place of the shop's default. It moves nothing, and is
// offered to who is busy.
func TestBrowserTakesTheCohortsPage(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Sim.SetAnswer(func(kimisim.Request) string { return written() })
	gate := w.Sim.Gate()
	e := w.StartEdge(func(c *edge.Config) { c.Scope = edge.ScopeCohort })
	w.StartGenerator()
	for _, event := range []string{`"sort","query":"price"`, `"filter","query":"sale"`, `"view","product":"nightjar"`} {
		for _, shopper := range []string{"saver", "busy-saver"} {
			world.Post(t, e.Base+"/api/shopper/track", `{"shopper":"`+shopper+`","store":"magic-wands","event":`+event+`}`)
		}
	}
	for _, shopper := range []string{"saver", "busy-saver"} {
		eventually.True(t, shopper+" is known", func() bool { return e.Visit(t, "magic-wands", shopper).Tier() == "persona" })
	}
	open := func(width int64, query string) *world.Tab {
		page := world.OpenTab(t, width)
		page.OnNewDocument(noting)
		first := page.Visit(e.Base + "/s/magic-wands" + query)
		if first.Status != http.StatusOK || first.Get("X-Cache") != "MISS" || first.Get("X-Generation") != "off" || strings.HasSuffix(first.Get("Cache-Status"), "cohort") {
			t.Fatalf("before the cohort has a page: %d %v", first.Status, first.Header)
		}
		page.Until("the page says that a better one is made", isPreparing)
		page.Run(`window.marker = "the same document"`)
		return page
	}
	saver, busy, newcomer := open(1280, "?shopper=saver"), open(390, "?shopper=busy-saver"), open(1280, "")
	saver.Run(`scrollTo({top: 120, behavior: "instant"})`)
	busy.Do(
		chromedp.Evaluate[chromedp.Void](`main.insertAdjacentHTML("afterbegin", "<input id=field aria-label=Search>"); void 0`),
		chromedp.SendKeys(chromedp.CSS("#field"), "owl"),
	)
	gate.Open()

	const isCohorts = `!document.querySelector("#live, .coming") && ` + firstWords + `.includes("A shelf of your own")`
	saver.Until("the page becomes the cohort's", isCohorts)
	newcomer.Until("the page of a first visit becomes the cohort's", isCohorts)
	if got := world.Eval[float64](saver, `scrollY`); got != 120 {
		t.Errorf("scrolled to %v after the upgrade, from 120", got)
	}
	busy.Until("the page is offered", isOffered)
	if got := world.Eval[string](busy, `document.activeElement.id + " " + field.value`); got != "field owl" {
		t.Errorf("what was typed is now %q", got)
	}
	busy.Do(chromedp.Click(chromedp.CSS("#live button")))
	busy.Until("the page that was offered is shown", isCohorts)
	for name, page := range map[string]*world.Tab{"saver": saver, "busy": busy, "newcomer": newcomer} {
		if got := world.Eval[string](page, `window.marker ?? "another document"`); got != "the same document" || len(page.Visits()) != 1 {
			t.Errorf("%s: the page was reloaded", name)
		}
		if moved := world.Eval[float64](page, `moved`); name != "busy" && moved >= 0.02 {
			t.Errorf("%s: layout shift %v", name, moved)
		}
	}
	if a := e.Visit(t, "magic-wands", "saver"); a.Tier() != "cohort" || a.Header.Get("X-Persona") != "dealhunter" || !strings.Contains(a.Body, "A shelf of your own") {
		t.Errorf("the next visit: %v", a.Header)
	}
}
