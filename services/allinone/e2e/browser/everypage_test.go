package browser_test

import (
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/wandstore/wandstore/services/allinone/e2e/world"
)

// Every kind of page fits every screen width, logs nothing to the console, violates no
// policy and sends no request to another origin.
func TestBrowserFindsNothingWrongOnAnyPage(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.ExampleShops)
	e := w.StartEdge(withPreviews)
	for _, k := range kinds(t, w, e) {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			// Chromium itself logs the status of an error page.
			page := world.OpenTab(t, 1280, "status of 404", "status of 400")
			page.Visit(k.address)
			for _, width := range []int64{1280, 390, 320} {
				page.Resize(width)
				if wide := world.Eval[float64](page, `document.documentElement.scrollWidth`); wide > float64(width) {
					t.Errorf("%d px wide, the page takes %v: %s", width, wide, world.Eval[string](page, tooWide))
				}
			}
			page.Do(chromedp.Reload())
			basics := world.Eval[map[string]any](page, `({
				titled: document.title.length > 3,
				described: !!document.querySelector("meta[name=description]"),
				main: document.querySelectorAll("main").length === 1,
				h1: document.querySelectorAll("h1").length === 1,
				headings: [...document.querySelectorAll("h1,h2,h3,h4")].every((h, i, all) => !i || h.tagName[1] - all[i-1].tagName[1] < 2),
				ids: new Set([...document.querySelectorAll("[id]")].map(e => e.id)).size === document.querySelectorAll("[id]").length,
				links: [...document.querySelectorAll("a[href^='#']")].every(a => document.getElementById(a.hash.slice(1))),
			})`)
			// The focus is visible; the first stop is the skip link.
			page.Do(chromedp.KeyEvent("\t"), chromedp.KeyEvent("\t"))
			page.Until("the focus is on an element", `document.activeElement.matches("a,button,input,summary")`)
			basics["focus"] = world.Eval[bool](page, `getComputedStyle(document.activeElement).outlineStyle === "solid" && parseFloat(getComputedStyle(document.activeElement).outlineWidth) >= 2`)
			for basic, holds := range basics {
				if holds != true {
					t.Errorf("%s: %v", basic, holds)
				}
			}
		})
	}
}

// tooWide names the elements beyond the right edge of the page, but for those in a
// scrolling container.
const tooWide = `[...document.querySelectorAll("body *")]
	.filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll"))
	.map(e => e.tagName + "." + e.className).slice(0, 6).join(", ")`
