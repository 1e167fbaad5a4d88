package browser_test

import (
	"net/http"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/wandstore/wandstore/services/allinone/e2e/world"
)

// The pages of a merchant's shop violate no accessibility rule of axe-core and fit the
// screen, in either direction.
func TestBrowserFindsAMerchantsShopAccessible(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.PhotoShops)
	e := w.StartEdge()
	source := axe(t)
	for _, store := range []string{world.PhotoShop, world.RightToLeftOne} {
		shop := e.Base + "/s/" + store
		for _, line := range []string{"product=thing-0&option1=Chalk&option2=M", "product=thing-2"} {
			if a := world.Post(t, shop+"/cart?shopper=buyer", "action=add&"+line, "Content-Type", "application/x-www-form-urlencoded"); a.Status != http.StatusSeeOther {
				t.Fatalf("add %s: %d", line, a.Status)
			}
		}
		for _, path := range []string{"", "/p/thing-0", "/p/thing-1", "/p/thing-5", "/c", "/search?vendor=Larch&instock=1", "/cart?shopper=buyer"} {
			t.Run(store+path, func(t *testing.T) {
				t.Parallel()
				tb := world.OpenTab(t, 1280, "status of 400") // what a first visit reports is nobody's
				tb.ServePictures()
				// The page's own policy would block axe-core.
				world.Call(tb, page.SetBypassCSP, page.SetBypassCSPParams{Enabled: true})
				tb.Visit(shop + path)
				tb.Do(chromedp.Evaluate[chromedp.Void](source + "; void 0"))
				for _, width := range widths {
					tb.Resize(width)
					if wide := world.Eval[float64](tb, `document.documentElement.scrollWidth`); wide > float64(width) {
						t.Errorf("%d px wide, the page takes %v: %s", width, wide, world.Eval[string](tb, tooWide))
					}
					violatesNone(t, tb, width)
				}
			})
		}
	}
}
