package browser_test

import (
	"fmt"
	"net/http"
	"testing"

	browserdomain "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/kimisim"
)

// Expressions about a page.
const (
	isPersonal  = `!!document.documentElement.dataset.persona`
	isPreparing = `!live.hidden && live.textContent.includes("Preparing your shop")`
	isSilent    = `live.hidden`
	firstWords  = `document.querySelector("main section").textContent`
)

// offers is an expression about a page: whether it says that and has a button for it.
func offers(words string) string {
	return fmt.Sprintf(`!live.hidden && live.querySelector("p").textContent === %q && !live.querySelector("button").hidden`, words)
}

var isOffered = offers("Your shop is ready")

var widths = []int64{1280, 390}

// A new shopper sees the fallback, which becomes their page in place; their next visit is
// a hit.
func TestBrowserWatchesThePageUpgrade(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
	w.StartGenerator()
	for _, width := range widths {
		t.Run(fmt.Sprint(width, "px"), func(t *testing.T) {
			gate := w.Sim.Gate()
			shopper := fmt.Sprint("watcher-", width)
			address := e.Base + "/s/magic-wands?shopper=" + shopper
			page := world.OpenTab(t, width)
			first := page.Visit(address)
			if first.Status != http.StatusOK || first.Get("X-Cache") != "MISS" || first.Get("X-Generation") != "triggered" {
				t.Fatalf("first visit: %d %v", first.Status, first.Header)
			}
			page.Until("the page says that a better one is made", isPreparing)
			if world.Eval[bool](page, isPersonal) {
				t.Fatal("the fallback has a persona")
			}
			fallback := world.Eval[string](page, firstWords)
			page.Do(chromedp.Evaluate[chromedp.Void](`window.marker = "the same document"; scrollTo({top: 120, behavior: "instant"}); void 0`))
			gate.Open()
			page.Until("the page becomes the shopper's", isPersonal)
			if got := world.Eval[string](page, `window.marker ?? "another document"`); got != "the same document" {
				t.Error("the page was reloaded")
			}
			if got := world.Eval[float64](page, `scrollY`); got != 120 {
				t.Errorf("scrolled to %v after the upgrade, from 120", got)
			}
			personal := world.Eval[string](page, firstWords)
			if personal == fallback {
				t.Errorf("the page still begins %q", personal)
			}
			if world.Eval[bool](page, `!!document.querySelector("#live")`) {
				t.Error("the personal page still waits for one")
			}
			if n := len(page.Visits()); n != 1 {
				t.Errorf("%d documents were opened, want one", n)
			}

			back := page.Visit(address)
			if back.Get("X-Cache") != "HIT" || back.Get("X-Generation") != "ready" || back.Get("X-Persona") != world.Eval[string](page, `document.documentElement.dataset.persona`) {
				t.Errorf("coming back: %v", back.Header)
			}
			if got := world.Eval[string](page, firstWords); got != personal {
				t.Errorf("the page that was watched begins %q, the page of the next visit %q", personal, got)
			}
		})
	}
}

// The page of a shopper who scrolls, types or navigates is offered, not replaced.
func TestBrowserOffersThePageToABusyShopper(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
	w.StartGenerator()
	// The fallback has no input field, so one is added.
	field := chromedp.Evaluate[chromedp.Void](`main.insertAdjacentHTML("afterbegin", "<input id=field aria-label=Search>"); void 0`)
	for _, busy := range []struct {
		name  string
		width int64
		by    func(page *world.Tab)
	}{
		{"scrolled", 1280, func(page *world.Tab) {
			page.Do(chromedp.Evaluate[chromedp.Void](`scrollTo({top: 900, behavior: "instant"}); void 0`))
		}},
		{"scrolled-phone", 390, func(page *world.Tab) {
			page.Do(chromedp.Evaluate[chromedp.Void](`scrollTo({top: 900, behavior: "instant"}); void 0`))
		}},
		{"on-a-link", 1280, func(page *world.Tab) {
			page.Do(chromedp.KeyEvent("\t"), chromedp.KeyEvent("\t"))
			page.Until("two tabs lead to a link", `document.activeElement.matches("a")`)
		}},
		{"in-a-field", 1280, func(page *world.Tab) { page.Do(field, chromedp.Focus(chromedp.CSS("#field"))) }},
		{"typed", 390, func(page *world.Tab) {
			page.Do(field, chromedp.SendKeys(chromedp.CSS("#field"), "owl"), chromedp.Blur(chromedp.CSS("#field")))
		}},
	} {
		t.Run(busy.name, func(t *testing.T) {
			gate := w.Sim.Gate()
			page := world.OpenTab(t, busy.width)
			page.Visit(e.Base + "/s/magic-wands?shopper=busy-" + busy.name)
			page.Until("the page says that a better one is made", isPreparing)
			busy.by(page)
			before := world.Eval[string](page, firstWords)
			focus := world.Eval[string](page, `document.activeElement.outerHTML.slice(0, 80)`)
			scrolled := world.Eval[float64](page, `scrollY`)
			page.Do(chromedp.Evaluate[chromedp.Void](`window.marker = "the same document"; void 0`))
			gate.Open()
			page.Until("the page is offered", isOffered)
			if world.Eval[bool](page, isPersonal) || world.Eval[string](page, firstWords) != before {
				t.Error("the page changed under a busy shopper")
			}
			if world.Eval[string](page, `document.activeElement.outerHTML.slice(0, 80)`) != focus || world.Eval[float64](page, `scrollY`) != scrolled {
				t.Error("the offer took the focus or scrolled")
			}
			// A double click counts as one.
			page.Do(chromedp.DoubleClick(chromedp.CSS("#live button")))
			page.Until("the page becomes the shopper's", isPersonal)
			if got := world.Eval[string](page, `window.marker ?? "another document"`); got != "the same document" {
				t.Error("the page was reloaded")
			}
			if world.Eval[float64](page, `scrollY`) != 0 || world.Eval[string](page, `document.activeElement.id`) != "main" {
				t.Error("the shopper is not at the top of their page")
			}
			if world.Eval[string](page, firstWords) == before {
				t.Errorf("the page still begins %q", before)
			}
		})
	}
}

// takesFocus has the shopper focus a link in the last moment before the page is replaced: a
// transition was asked for, and begins some frames later.
// It takes the clicks until it has ended.
const takesFocus = `const begin = document.startViewTransition.bind(document);
	document.startViewTransition = (how) => {
		const transition = begin(() => { document.querySelector(".brand a").focus(); how(); });
		transition.finished.then(() => { window.ended = true; });
		return transition;
	};`

// Who gets busy in the last moment is offered the page too, and so its beginning.
func TestBrowserOffersThePageInTheLastMoment(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		offer, accepted string
		model           func(t *testing.T, sim *kimisim.Server) (goOn func())
	}{
		"whole": {"Your shop is ready", isPersonal, func(t *testing.T, sim *kimisim.Server) func() {
			t.Helper()
			if err := sim.SetFault(kimisim.Fault{Name: kimisim.InsufficientBalance}); err != nil {
				t.Fatal(err)
			}
			return func() {}
		}},
		"beginning": {"The first part of your shop is ready", isWriting, func(_ *testing.T, sim *kimisim.Server) func() {
			sim.SetAnswer(func(kimisim.Request) string { return written() })
			return sim.GateAfter(inTheFourth).Open
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, world.Paced(0, 200))
			goOn := c.model(t, w.Sim)
			e := w.StartEdge()
			page := world.OpenTab(t, 1280)
			page.OnNewDocument(takesFocus)
			page.Visit(e.Base + "/s/magic-wands?shopper=last-moment")
			before := world.Eval[string](page, firstWords)
			w.StartGenerator()
			page.Until("the page is offered", `window.ended && `+offers(c.offer))
			if got := world.Eval[string](page, firstWords); got != before {
				t.Errorf("the page changed under a busy shopper, to %q", got)
			}
			if !world.Eval[bool](page, `document.activeElement.matches(".brand a")`) {
				t.Error("the focus is gone")
			}
			page.Do(chromedp.Click(chromedp.CSS("#live button")))
			page.Until("what was offered is there", c.accepted)
			goOn()
			page.Until("the page becomes the shopper's", isPersonal)
		})
	}
}

// A page that a release with another stylesheet has made is not put into the old document.
func TestBrowserReloadsForAnotherStylesheet(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
	gate := w.Sim.Gate()
	w.StartGenerator()
	page := world.OpenTab(t, 1280)
	page.Visit(e.Base + "/s/magic-wands?shopper=other-sheet")
	page.Until("the page says that a better one is made", isPreparing)
	page.Run(`document.documentElement.dataset.sheet = "of an earlier release"; window.marker = "the same document"`)
	// What is written meanwhile would be shown in the old one.
	page.Run(`scrollTo({top: 900, behavior: "instant"})`)
	gate.Open()
	page.Until("the page is offered", isOffered)
	page.Do(chromedp.Click(chromedp.CSS("#live button")))
	page.Until("another document shows the page", isPersonal+` && !window.marker`)
}

// The page also upgrades without a view transition, for a shopper who prefers reduced motion.
func TestBrowserUpgradesWithoutTransition(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
	w.StartGenerator()
	gate := w.Sim.Gate()
	page := world.OpenTab(t, 1280)
	page.Visit(e.Base + "/s/whitby-tea?shopper=less-motion")
	page.Until("the page says that a better one is made", isPreparing)
	page.Prefers(&emulation.MediaFeature{Name: "prefers-reduced-motion", Value: "reduce"})
	gate.Open()
	page.Until("the page becomes the shopper's", isPersonal)
}

// A hidden tab lets go of its event stream, and upgrades when it is seen again.
func TestBrowserUpgradesWhenSeenAgain(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
	w.StartGenerator()
	gate := w.Sim.Gate()
	page := world.OpenTab(t, 1280)
	page.Visit(e.Base + "/s/whitby-tea?shopper=out-of-sight")
	page.Until("the page says that a better one is made", isPreparing)

	world.Call(page, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: false})
	window := world.Call(page, browserdomain.GetWindowForTarget, browserdomain.GetWindowForTargetParams{})
	show := func(state browserdomain.WindowState) {
		world.Call(page, browserdomain.SetWindowBounds, browserdomain.SetWindowBoundsParams{
			WindowID: window.WindowID, Bounds: &browserdomain.Bounds{WindowState: state},
		})
	}
	show(browserdomain.WindowStateMinimized)
	page.Until("nobody sees the page", `document.visibilityState === "hidden"`)
	gate.Open()
	e.BecomesHit(t, "whitby-tea", "out-of-sight")
	if world.Eval[bool](page, isPersonal) {
		t.Error("a hidden tab listened on")
	}
	show(browserdomain.WindowStateNormal)
	page.Until("the page becomes the shopper's", isPersonal)
}

// A shopper who leaves the fallback and goes back gets their page, or waits for it again.
func TestBrowserGoesBackToThePage(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
	w.StartGenerator()
	for _, readyMeanwhile := range []bool{true, false} {
		gate := w.Sim.Gate()
		shopper := fmt.Sprint("back-", readyMeanwhile)
		page := world.OpenTab(t, 390)
		page.Visit(e.Base + "/s/magic-wands?shopper=" + shopper)
		page.Until("the page says that a better one is made", isPreparing)
		page.Visit(e.Base + "/s/whitby-tea")
		if readyMeanwhile {
			gate.Open()
			e.BecomesHit(t, "magic-wands", shopper)
		}
		page.Do(chromedp.NavigateBack())
		if !readyMeanwhile {
			page.Until("the page waits on", isPreparing)
			gate.Open()
		}
		page.Until("the page becomes the shopper's", isPersonal)
	}
}

// Without JavaScript the fallback is complete, and a reload shows the personal page.
func TestBrowserWithoutJavaScript(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
	for _, width := range widths {
		page := world.OpenTab(t, width)
		world.Call(page, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		page.Visit(fmt.Sprint(e.Base, "/s/magic-wands?shopper=plain-", width))
		whole := world.Eval[map[string]float64](page, `({
			h1: document.querySelectorAll("h1").length,
			sections: document.querySelectorAll("main > section").length,
			prices: document.querySelectorAll(".price").length,
			waiting: document.getElementById("live").offsetHeight,
		})`)
		if whole["h1"] != 1 || whole["sections"] < 4 || whole["prices"] < 10 || whole["waiting"] != 0 {
			t.Errorf("at %d px the fallback is not whole: %v", width, whole)
		}
	}
	w.StartGenerator()
	for _, width := range widths {
		shopper := fmt.Sprint("plain-", width)
		e.BecomesHit(t, "magic-wands", shopper)
		page := world.OpenTab(t, width)
		world.Call(page, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		page.Visit(e.Base + "/s/magic-wands?shopper=" + shopper)
		page.Do(chromedp.Reload())
		visits := page.Visits()
		if got := visits[len(visits)-1]; got.Get("X-Cache") != "HIT" || !world.Eval[bool](page, isPersonal) {
			t.Errorf("at %d px the reload shows no personal page: %v", width, got.Header)
		}
	}
}
