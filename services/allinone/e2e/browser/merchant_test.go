package browser_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"

	"github.com/wandstore/wandstore/services/allinone/e2e/world"
)

// A shopper finds a product in a shop with photographs, page by page and by its properties,
// and buys the variant of it that they choose, with scripts and without.
func TestBrowserBuysAVariant(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.PhotoShops)
	e := w.StartEdge()
	shop := e.Base + "/s/" + world.PhotoShop
	for _, width := range widths {
		for _, script := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d px, JavaScript %t", width, script), func(t *testing.T) {
				page := world.OpenTab(t, width)
				page.ServePictures()
				world.Call(page, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !script})
				page.Visit(shop + "/c?shopper=" + fmt.Sprintf("chooser-%d-%t", width, script))
				page.Run(`document.querySelector(".pages [rel=next]").click()`)
				page.Until("the second page", `location.search === "?page=2" && document.querySelectorAll("main .card").length === 24`)
				page.Run(`document.querySelector("[name=vendor]").value = "Larch"; document.querySelector(".filters button").click()`)
				page.Until("one vendor's", `location.search.includes("vendor=Larch") && document.querySelectorAll("main .card").length === 20`)
				page.Run(`document.querySelector(".active a").click()`)
				page.Until("the filter is gone", `document.querySelectorAll("main .card").length === 24`)

				page.Visit(shop + "/p/thing-0")
				page.Until("the first picture is there", `document.querySelector(".gallery img").naturalWidth > 0`)
				choose := `document.querySelector("input[value=Rust]").click(); document.querySelector("input[value=M]").click(); `
				if script {
					page.Run(choose)
					page.Until("its price, picture and address are there", `document.querySelector("#offer s") && document.querySelector(".gallery li").dataset.picture === "2" && location.search === "?variant=v11"`)
				} else {
					page.Run(choose + `document.querySelector(".show button").click()`)
					page.Until("its price and picture are there", `document.querySelector("#offer s") && document.querySelector(".gallery li").dataset.picture === "2"`)
				}
				page.Run(`document.querySelector("input[value=S]").click(); document.querySelector("input[value=Chalk]").click(); document.querySelector(".put").click()`)
				page.Until("what was chosen is in the cart", `document.querySelector(".choice")?.textContent === "Chalk / S"`)
				if got := world.Eval[string](page, `document.querySelector("#checkout").href`); got != "https://linen-and-larch.example/cart/400000:1" {
					t.Errorf("the checkout is %q", got)
				}
			})
		}
	}
}

// Pictures come in the size of their place, those below the fold later, and move nothing.
func TestBrowserLoadsPicturesOfTheRightSize(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.PhotoShops)
	e := w.StartEdge()
	page := world.OpenTab(t, 390)
	page.ServePictures()
	page.OnNewDocument(`window.shift = 0; new PerformanceObserver(l => { for (const s of l.getEntries()) window.shift += s.value; }).observe({type: "layout-shift", buffered: true})`)
	page.Visit(e.Base + "/s/" + world.PhotoShop + "/p/thing-0")
	page.Until("the first picture is there", `document.querySelector(".gallery img").naturalWidth > 0`)
	for _, address := range page.Requested() {
		if strings.Contains(address, "width=1600") {
			t.Errorf("a phone asked for %s", address)
		}
	}
	if shift := world.Eval[float64](page, `window.shift`); shift > 0.02 {
		t.Errorf("the page moved by %v", shift)
	}
}

// A shop whose language is written from right to left is laid out so, and its names keep
// their brackets and numbers.
func TestBrowserReadsFromRightToLeft(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.PhotoShops)
	e := w.StartEdge()
	for _, width := range widths {
		page := world.OpenTab(t, width)
		page.ServePictures()
		page.Visit(e.Base + "/s/" + world.RightToLeftOne + "/c")
		if !world.Eval[bool](page, `document.querySelector(".brand").getBoundingClientRect().left > innerWidth / 2 - 200 && document.querySelector(".cart-link").getBoundingClientRect().left < innerWidth / 2`) {
			t.Errorf("%d px: the header is not from right to left", width)
		}
		if !world.Eval[bool](page, `[...document.querySelectorAll(".card h3 bdi")].every(e => e.lang === "ar" && getComputedStyle(e).direction === "rtl")`) {
			t.Errorf("%d px: the names are not Arabic", width)
		}
		if wide := world.Eval[float64](page, `document.documentElement.scrollWidth`); wide > float64(width) {
			t.Errorf("%d px: the page takes %v", width, wide)
		}
	}
}
