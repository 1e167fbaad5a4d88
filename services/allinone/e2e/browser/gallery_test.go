//go:build gallery

package browser_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/wandstore/wandstore/services/allinone/e2e/world"
)

// The build tag keeps the gallery out of `task test`: its pictures are for people to
// judge.
var gallery = flag.String("gallery", "", "folder for the pictures")

func TestGallery(t *testing.T) {
	if *gallery == "" {
		t.Fatal("-gallery names no folder")
	}
	shops[world.PhotoShop] = examples{"thing-0", "thing-3", "table"}
	shops[world.RightToLeftOne] = examples{"thing-6", "thing-4", "bed"}
	w := world.New(t, world.PhotoShops)
	e := w.StartEdge(withPreviews)

	// The waiting pages come first, while there is no generator to finish them.
	waiting := map[int64]*world.Tab{}
	for _, width := range widths {
		page := world.OpenTab(t, width)
		page.ServePictures()
		page.Visit(fmt.Sprint(e.Base, "/s/magic-wands?shopper=waiting-", width))
		page.Until("the page says that a better one is made", isPreparing)
		draw(t, page, "waiting", width, "light", chromedp.CaptureScreenshot())
		page.Do(chromedp.Evaluate[chromedp.Void](`scrollTo({top: 900, behavior: "instant"}); void 0`))
		waiting[width] = page
	}
	all := kinds(t, w, e)
	for width, page := range waiting {
		page.Until("the page is offered", isOffered)
		draw(t, page, "offered", width, "light", chromedp.CaptureScreenshot())
	}

	for _, k := range all {
		for _, width := range widths {
			page := world.OpenTab(t, width, "status of 404", "status of 400")
			page.ServePictures()
			for _, scheme := range []string{"light", "dark"} {
				page.Prefers(
					&emulation.MediaFeature{Name: "prefers-color-scheme", Value: scheme},
					&emulation.MediaFeature{Name: "prefers-reduced-motion", Value: "reduce"},
				)
				page.Visit(k.address)
				// What is below the fold is in the picture too.
				world.Eval[bool](page, `for (const i of document.images) i.loading = "eager"; Promise.all([...document.images].map(i => i.decode().catch(() => 0))).then(() => true)`)
				draw(t, page, k.name, width, scheme, chromedp.FullScreenshot(100))
			}
		}
	}
}

// draw stores a picture of the tab.
func draw(t *testing.T, tab *world.Tab, name string, width int64, scheme string, shot chromedp.Action[[]byte]) {
	t.Helper()
	file := filepath.Join(*gallery, fmt.Sprintf("%s-%d-%s.png", name, width, scheme))
	if err := os.WriteFile(file, tab.Capture(shot), 0o644); err != nil {
		t.Fatal(err)
	}
}
