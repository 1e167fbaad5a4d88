package browser_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"

	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/kimisim"
)

// A bundle is put into the cart as a whole.
func TestBrowserBuysABundle(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
	g := w.StartGenerator()
	w.Sim.SetAnswer(func(kimisim.Request) string {
		return `{"sections":[{"type":"bundle","productIds":["nightjar","halcyon","rosewarden"]}]}`
	})
	if a := world.Post(t, g.Base+"/generate", `{"storeSlug":"magic-wands","shopperId":"collector"}`); a.Status != http.StatusOK {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	page := world.OpenTab(t, 390)
	page.Visit(e.Base + "/s/magic-wands?shopper=collector")
	sum := world.Eval[string](page, `document.querySelector(".bundle .together .price").textContent.trim()`)
	page.Run(`document.querySelector(".bundle .add button").click()`)
	page.Until("all three are in the cart", `document.querySelectorAll(".basket-lines li").length === 3`)
	if got := world.Eval[string](page, `document.querySelector(".checkout .price").textContent.trim()`); got != sum {
		t.Errorf("together %q in the cart, %q on the page", got, sum)
	}
}

// A shopper searches, filters, fills the cart and empties it, with JavaScript and without,
// on a desktop and on a phone.
func TestBrowserShops(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
	w.StartGenerator()
	for _, width := range widths {
		for _, script := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d px, JavaScript %t", width, script), func(t *testing.T) {
				shopper := fmt.Sprintf("buyer-%d-%t", width, script)
				page := world.OpenTab(t, width)
				world.Call(page, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !script})
				if first := page.Visit(e.Base + "/s/magic-wands?shopper=" + shopper); first.Get("X-Cache") != "MISS" {
					t.Fatalf("first visit: %v", first.Header)
				}
				// Clicks go by the DOM: with scripts off there is no other way.
				if script {
					page.Until("the page becomes the shopper's", isPersonal)
				}
				page.Run(`document.querySelector("input[type=search]").value = "owl"; document.querySelector(".search button").click()`)
				page.Until("the search answers", `document.documentElement.dataset.view === "search"`)

				page.Visit(e.Base + "/s/magic-wands/search")
				all := `[...document.querySelectorAll("main .card")]`
				if world.Eval[bool](page, all+`.every(card => card.querySelector("s"))`) {
					t.Fatal("everything is on sale")
				}
				page.Run(`document.querySelector("input[name=sale]").click(); document.querySelector(".filters button").click()`)
				page.Until("the filter narrows it", `location.search.includes("sale=1") && `+all+`.length > 3 && `+all+`.every(card => card.querySelector("s"))`)

				page.Visit(e.Base + "/s/magic-wands/search?q=nightjar")
				page.Run(`document.querySelector("main .card h3 a").click()`)
				page.Until("the product opens", `document.querySelector("h1")?.textContent === "Nightjar"`)
				page.Run(`document.querySelector(".buy button").click()`)
				page.Until("it is in the cart", `document.documentElement.dataset.view === "cart" && document.querySelectorAll(".basket-lines li").length === 1`)
				if got := world.Eval[string](page, `document.querySelector("#cart-count").textContent`); !strings.HasSuffix(got, "1") {
					t.Errorf("the header counts %q", got)
				}
				page.Run(`document.querySelector(".change input[name=quantity]").value = "3"; document.querySelector(".change button[value=set]").click()`)
				page.Until("there are three", `document.querySelector("#sum-h")?.textContent === "3 items" && document.querySelector(".together .price").textContent.includes("$567")`)
				if got := world.Eval[string](page, `document.querySelector("#checkout").href`); !strings.HasPrefix(got, "https://checkout.magic-wands.example/") || !strings.Contains(got, "nightjar%3A3") {
					t.Errorf("the checkout is %q", got)
				}
				page.Run(`document.querySelector(".change button[value=remove]").click()`)
				page.Until("the cart is empty", `document.querySelector("main").textContent.includes("There is nothing in it yet")`)

				e.BecomesHit(t, "magic-wands", shopper)
				page.Run(`document.querySelector(".brand a").click()`)
				page.Until("the shop knows them", isPersonal)
				visits := page.Visits()
				if back := visits[len(visits)-1]; back.Get("X-Cache") != "HIT" {
					t.Errorf("coming back: %v", back.Header)
				}
			})
		}
	}
}
