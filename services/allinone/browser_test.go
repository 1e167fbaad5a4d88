package allinone_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	browserdomain "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/faulttest"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
	"github.com/wandstore/wandstore/services/edge"
)

// What can be asked of a page.
const (
	isPersonal  = `!!document.documentElement.dataset.persona`
	isPreparing = `!live.hidden && live.textContent.includes("Preparing your shop")`
	isOffered   = `!live.hidden && live.querySelector("p").textContent === "Your shop is ready" && !live.querySelector("button").hidden`
	isSilent    = `live.hidden`
	firstWords  = `document.querySelector("main section").textContent`
)

var widths = []int64{1280, 390}

// A new shopper sees the fallback, watches it become their page, and comes back
// to a hit.
func TestBrowserWatchesThePageUpgrade(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.startEdge()
	w.startGenerator()
	b := startBrowser(t)
	for _, width := range widths {
		t.Run(fmt.Sprint(width, "px"), func(t *testing.T) {
			gate := w.sim.Gate()
			shopper := fmt.Sprint("watcher-", width)
			address := e.base + "/s/magic-wands?shopper=" + shopper
			page := b.open(t, width)
			first := page.visit(address)
			if first.status != http.StatusOK || first.get("X-Cache") != "MISS" || first.get("X-Generation") != "triggered" {
				t.Fatalf("first visit: %d %v", first.status, first.header)
			}
			page.until("the page says that a better one is made", isPreparing)
			if eval[bool](page, isPersonal) {
				t.Fatal("the fallback has a persona")
			}
			fallback := eval[string](page, firstWords)
			page.do(chromedp.Evaluate[chromedp.Void](`window.marker = "the same document"; scrollTo({top: 120, behavior: "instant"}); void 0`))
			gate.Open()
			page.until("the page becomes the shopper's", isPersonal)
			if got := eval[string](page, `window.marker ?? "another document"`); got != "the same document" {
				t.Error("the page was reloaded")
			}
			if got := eval[float64](page, `scrollY`); got != 120 {
				t.Errorf("scrolled to %v after the upgrade, from 120", got)
			}
			personal := eval[string](page, firstWords)
			if personal == fallback {
				t.Errorf("the page still begins %q", personal)
			}
			if eval[bool](page, `!!document.querySelector("#live")`) {
				t.Error("the personal page still waits for one")
			}
			if n := len(page.visits()); n != 1 {
				t.Errorf("%d documents were opened, want one", n)
			}

			back := page.visit(address)
			if back.get("X-Cache") != "HIT" || back.get("X-Generation") != "ready" || back.get("X-Persona") != eval[string](page, `document.documentElement.dataset.persona`) {
				t.Errorf("coming back: %v", back.header)
			}
			if got := eval[string](page, firstWords); got != personal {
				t.Errorf("the page that was watched begins %q, the page of the next visit %q", personal, got)
			}
		})
	}
}

// Who reads or writes is asked before the page changes.
func TestBrowserOffersThePageToABusyShopper(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.startEdge()
	w.startGenerator()
	b := startBrowser(t)
	// The fallback has no field to write into; one is put there.
	field := chromedp.Evaluate[chromedp.Void](`main.insertAdjacentHTML("afterbegin", "<input id=field aria-label=Search>"); void 0`)
	for _, busy := range []struct {
		name  string
		width int64
		by    func(page *tab)
	}{
		{"scrolled", 1280, func(page *tab) {
			page.do(chromedp.Evaluate[chromedp.Void](`scrollTo({top: 900, behavior: "instant"}); void 0`))
		}},
		{"scrolled-phone", 390, func(page *tab) {
			page.do(chromedp.Evaluate[chromedp.Void](`scrollTo({top: 900, behavior: "instant"}); void 0`))
		}},
		{"on-a-link", 1280, func(page *tab) {
			page.do(chromedp.KeyEvent("\t"), chromedp.KeyEvent("\t"))
			if !eval[bool](page, `document.activeElement.matches("a")`) {
				page.t.Fatal("two tabs do not lead to a link")
			}
		}},
		{"in-a-field", 1280, func(page *tab) { page.do(field, chromedp.Focus(chromedp.CSS("#field"))) }},
		{"typed", 390, func(page *tab) {
			page.do(field, chromedp.SendKeys(chromedp.CSS("#field"), "owl"), chromedp.Blur(chromedp.CSS("#field")))
		}},
	} {
		t.Run(busy.name, func(t *testing.T) {
			gate := w.sim.Gate()
			page := b.open(t, busy.width)
			page.visit(e.base + "/s/magic-wands?shopper=busy-" + busy.name)
			page.until("the page says that a better one is made", isPreparing)
			busy.by(page)
			before := eval[string](page, firstWords)
			focus := eval[string](page, `document.activeElement.outerHTML.slice(0, 80)`)
			scrolled := eval[float64](page, `scrollY`)
			page.do(chromedp.Evaluate[chromedp.Void](`window.marker = "the same document"; void 0`))
			gate.Open()
			page.until("the page is offered", isOffered)
			if eval[bool](page, isPersonal) || eval[string](page, firstWords) != before {
				t.Error("the page changed under a busy shopper")
			}
			if eval[string](page, `document.activeElement.outerHTML.slice(0, 80)`) != focus || eval[float64](page, `scrollY`) != scrolled {
				t.Error("the offer took the focus or scrolled")
			}
			// A double click is a click.
			page.do(chromedp.DoubleClick(chromedp.CSS("#live button")))
			page.until("the page becomes the shopper's", isPersonal)
			if got := eval[string](page, `window.marker ?? "another document"`); got != "the same document" {
				t.Error("the page was reloaded")
			}
			if eval[float64](page, `scrollY`) != 0 || eval[string](page, `document.activeElement.id`) != "main" {
				t.Error("the shopper is not at the top of their page")
			}
			if eval[string](page, firstWords) == before {
				t.Errorf("the page still begins %q", before)
			}
		})
	}
}

// No upgrade is lost where there is no transition: with a shopper who wants less
// motion, or looks at something else meanwhile.
func TestBrowserUpgradesWithoutTransition(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.startEdge()
	w.startGenerator()
	b := startBrowser(t)
	for name, meanwhile := range map[string]func(page *tab){
		"less-motion": func(page *tab) {
			page.prefers(&emulation.MediaFeature{Name: "prefers-reduced-motion", Value: "reduce"})
		},
		"out-of-sight": func(page *tab) {
			call(page, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: false})
			window := call(page, browserdomain.GetWindowForTarget, browserdomain.GetWindowForTargetParams{})
			call(page, browserdomain.SetWindowBounds, browserdomain.SetWindowBoundsParams{
				WindowID: window.WindowID, Bounds: &browserdomain.Bounds{WindowState: browserdomain.WindowStateMinimized},
			})
			page.until("nobody sees the page", `document.visibilityState === "hidden"`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			gate := w.sim.Gate()
			page := b.open(t, 1280)
			page.visit(e.base + "/s/whitby-tea?shopper=" + name)
			page.until("the page says that a better one is made", isPreparing)
			meanwhile(page)
			gate.Open()
			page.until("the page becomes the shopper's", isPersonal)
		})
	}
}

// Who leaves the fallback and goes back finds their page, or waits on.
func TestBrowserGoesBackToThePage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.startEdge()
	w.startGenerator()
	b := startBrowser(t)
	for _, readyMeanwhile := range []bool{true, false} {
		gate := w.sim.Gate()
		shopper := fmt.Sprint("back-", readyMeanwhile)
		page := b.open(t, 390)
		page.visit(e.base + "/s/magic-wands?shopper=" + shopper)
		page.until("the page says that a better one is made", isPreparing)
		page.visit(e.base + "/s/whitby-tea")
		if readyMeanwhile {
			gate.Open()
			becomesHit(t, e, "magic-wands", shopper)
		}
		page.do(chromedp.NavigateBack())
		if !readyMeanwhile {
			page.until("the page waits on", isPreparing)
			gate.Open()
		}
		page.until("the page becomes the shopper's", isPersonal)
	}
}

// Without JavaScript the fallback is a whole page, and a reload shows the
// personal one.
func TestBrowserWithoutJavaScript(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.startEdge()
	b := startBrowser(t)
	for _, width := range widths {
		page := b.open(t, width)
		call(page, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		page.visit(fmt.Sprint(e.base, "/s/magic-wands?shopper=plain-", width))
		whole := eval[map[string]float64](page, `({
			h1: document.querySelectorAll("h1").length,
			sections: document.querySelectorAll("main > section").length,
			prices: document.querySelectorAll(".price").length,
			waiting: document.getElementById("live").offsetHeight,
		})`)
		if whole["h1"] != 1 || whole["sections"] < 4 || whole["prices"] < 10 || whole["waiting"] != 0 {
			t.Errorf("at %d px the fallback is not whole: %v", width, whole)
		}
	}
	w.startGenerator()
	for _, width := range widths {
		shopper := fmt.Sprint("plain-", width)
		becomesHit(t, e, "magic-wands", shopper)
		page := b.open(t, width)
		call(page, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		page.visit(e.base + "/s/magic-wands?shopper=" + shopper)
		page.do(chromedp.Reload())
		visits := page.visits()
		if got := visits[len(visits)-1]; got.get("X-Cache") != "HIT" || !eval[bool](page, isPersonal) {
			t.Errorf("at %d px the reload shows no personal page: %v", width, got.header)
		}
	}
}

// sources keeps the page's event sources, and what the last of them said, where a
// test can look at them.
const sources = `window.sources = []; window.EventSource = class extends EventSource {
	constructor(...args) {
		super(...args);
		window.sources.push(this);
		this.addEventListener("status", e => { window.said = JSON.parse(e.data).state; });
	}
}`

// How the page's last event source stands.
const (
	isConnecting = `window.sources.at(-1).readyState === 0`
	isClosed     = `window.sources.at(-1).readyState === 2`
)

// Whatever is between the browser and the edge may go away for a while, and the
// edge with it.
func TestBrowserConnectsAgain(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	type parts struct {
		w     *world
		addr  string
		edge  *process
		proxy *faulttest.Proxy
	}
	restart := func(p *parts) { p.edge = p.w.startEdgeUnready(func(c *edge.Config) { c.Addr = p.addr }) }
	for _, gone := range []struct {
		name    string
		gateway bool // a gateway that answers 502 for an edge that does not
		away    func(p *parts)
		noticed string // by the browser, meanwhile
		back    func(p *parts)
	}{
		{"connection", false, func(p *parts) { p.proxy.Cut() }, isConnecting, func(p *parts) { p.proxy.Restore() }},
		{"edge", false, func(p *parts) { p.edge.stop() }, isConnecting, restart},
		{"edge-behind-a-gateway", true, func(p *parts) { p.edge.stop() }, isClosed, restart},
		// The edge is back before what it could know of the job.
		{"edge-and-NATS", false, func(p *parts) {
			p.edge.stop()
			p.w.nats.Stop()
			restart(p)
		}, `window.said === "none"`, func(p *parts) { p.w.nats.Restart() }},
	} {
		t.Run(gone.name, func(t *testing.T) {
			w := newWorld(t)
			p := &parts{w: w, addr: freeAddr(t)}
			restart(p)
			w.ready(p.edge)
			p.proxy = faulttest.NewProxy(t, p.addr)
			base := "http://" + p.proxy.Addr()
			if gone.gateway {
				base = startGateway(t, base)
			}
			page := b.open(t, 1280, "net::ERR_", "502 (Bad Gateway)")
			page.onNewDocument(sources)
			page.visit(base + "/s/magic-wands?shopper=patient")
			page.until("the page says that a better one is made", isPreparing)
			gone.away(p)
			page.until("the browser has noticed", gone.noticed)
			gone.back(p)
			w.startGenerator()
			page.until("the page becomes the shopper's", isPersonal)
		})
	}
}

// startGateway starts a reverse proxy of the kind that stands before an edge.
func startGateway(t *testing.T, to string) string {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	gateway := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:  func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	})
	t.Cleanup(func() {
		gateway.CloseClientConnections()
		gateway.Close()
	})
	return gateway.URL
}

// A page that will not come is waited for no longer, without a word.
func TestBrowserGivesUpPolitely(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.startEdge()
	_, js := w.connect()
	b := startBrowser(t)
	for _, width := range widths {
		shopper := fmt.Sprint("hopeless-", width)
		page := b.open(t, width)
		page.onNewDocument(sources)
		page.visit(e.base + "/s/magic-wands?shopper=" + shopper)
		page.until("the page says that a better one is made", isPreparing)
		before := eval[string](page, `main.innerText`)
		failJob(t, js, "magic-wands", shopper)
		page.until("the page says nothing", isSilent)
		if !eval[bool](page, isClosed) || eval[float64](page, `window.sources.length`) != 1 {
			t.Error("the page still listens")
		}
		if eval[bool](page, isPersonal) || eval[string](page, `main.innerText`) != before {
			t.Error("the page is not the fallback any more")
		}
	}
	// Nothing was asked for, so nothing comes.
	page := b.open(t, 1280)
	page.onNewDocument(sources)
	if off := page.visit(e.base + "/s/magic-wands"); off.get("X-Generation") != "off" {
		t.Errorf("a visit without an id: X-Generation %q", off.get("X-Generation"))
	}
	page.until("the page stops listening", isClosed+" && "+isSilent)
}

// failJob ends a shopper's job the way a generator does that has given it up.
func failJob(t *testing.T, js jetstream.JetStream, store, shopper string) {
	t.Helper()
	jobs, err := js.KeyValue(t.Context(), wandnats.BucketJobs)
	if err != nil {
		t.Fatal(err)
	}
	key := wandnats.JobKey(store, shopper)
	rec := &wandstorev1.JobRecord{}
	eventually(t, "the job is queued", func() bool {
		entry, err := jobs.Get(t.Context(), key)
		if err != nil || wire.Unmarshal(entry.Value(), rec) != nil || rec.GetState() != wandstorev1.JobState_JOB_STATE_QUEUED {
			return false
		}
		rec.State, rec.Reason = wandstorev1.JobState_JOB_STATE_FAILED, "a test has given it up"
		value, err := wire.Marshal(rec)
		if err != nil {
			t.Fatal(err)
		}
		_, err = jobs.Update(t.Context(), key, value, entry.Revision())
		return err == nil
	})
}

// Every kind of page fits every screen, says nothing in the console, breaks no
// policy and asks nobody else for anything.
func TestBrowserFindsNothingWrongOnAnyPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withExampleStores()
	e := w.startEdge()
	b := startBrowser(t)
	for _, k := range kinds(t, w, e) {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			// Chromium itself notes the status of a document that is an error.
			page := b.open(t, 1280, "status of 404", "status of 400")
			page.visit(k.address)
			for _, width := range []int64{1280, 390, 320} {
				page.resize(width)
				if wide := eval[float64](page, `document.documentElement.scrollWidth`); wide > float64(width) {
					t.Errorf("%d px wide, the page takes %v: %s", width, wide, eval[string](page, tooWide))
				}
			}
			page.do(chromedp.Reload())
			basics := eval[map[string]any](page, `({
				titled: document.title.length > 3,
				described: !!document.querySelector("meta[name=description]"),
				main: document.querySelectorAll("main").length === 1,
				h1: document.querySelectorAll("h1").length === 1,
				headings: [...document.querySelectorAll("h1,h2,h3,h4")].every((h, i, all) => !i || h.tagName[1] - all[i-1].tagName[1] < 2),
				ids: new Set([...document.querySelectorAll("[id]")].map(e => e.id)).size === document.querySelectorAll("[id]").length,
				links: [...document.querySelectorAll("a[href^='#']")].every(a => document.getElementById(a.hash.slice(1))),
			})`)
			// Who goes by the keyboard sees where they are; the first stop is the skip link.
			page.do(chromedp.KeyEvent("\t"), chromedp.KeyEvent("\t"))
			basics["focus"] = eval[bool](page, `document.activeElement.matches("a,button,input,summary") && getComputedStyle(document.activeElement).outlineStyle === "solid" && parseFloat(getComputedStyle(document.activeElement).outlineWidth) >= 2`)
			for basic, holds := range basics {
				if holds != true {
					t.Errorf("%s: %v", basic, holds)
				}
			}
		})
	}
}

// tooWide names what sticks out of the page to the right, unless it scrolls by
// itself.
const tooWide = `[...document.querySelectorAll("body *")]
	.filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll"))
	.map(e => e.tagName + "." + e.className).slice(0, 6).join(", ")`
