//go:build gallery

package allinone_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// The tag keeps the gallery out of the tests: its pictures are for people to
// look at, and nothing else can tell whether they are good.
var gallery = flag.String("gallery", "", "folder for the pictures")

func TestGallery(t *testing.T) {
	if *gallery == "" {
		t.Fatal("-gallery names no folder")
	}
	w := newWorld(t).withExampleStores()
	e := w.startEdge()
	b := startBrowser(t)

	// Those who wait, before there is a generator that could be too fast for them.
	waiting := map[int64]*tab{}
	for _, width := range widths {
		page := b.open(t, width)
		page.visit(fmt.Sprint(e.base, "/s/magic-wands?shopper=waiting-", width))
		page.until("the page says that a better one is made", isPreparing)
		page.draw("waiting", width, "light", chromedp.CaptureScreenshot())
		page.do(chromedp.Evaluate[chromedp.Void](`scrollTo({top: 900, behavior: "instant"}); void 0`))
		waiting[width] = page
	}
	all := kinds(t, w, e)
	for width, page := range waiting {
		page.until("the page is offered", isOffered)
		page.draw("offered", width, "light", chromedp.CaptureScreenshot())
	}

	for _, k := range all {
		for _, width := range widths {
			page := b.open(t, width, "status of 404", "status of 400")
			for _, scheme := range []string{"light", "dark"} {
				page.prefers(
					&emulation.MediaFeature{Name: "prefers-color-scheme", Value: scheme},
					&emulation.MediaFeature{Name: "prefers-reduced-motion", Value: "reduce"},
				)
				page.visit(k.address)
				page.draw(k.name, width, scheme, chromedp.FullScreenshot(100))
			}
		}
	}
}

func (b *tab) draw(name string, width int64, scheme string, shot chromedp.Action[[]byte]) {
	b.t.Helper()
	picture, err := chromedp.Run(b.ctx, shot)
	if err != nil {
		b.t.Fatal(err)
	}
	file := filepath.Join(*gallery, fmt.Sprintf("%s-%d-%s.png", name, width, scheme))
	if err := os.WriteFile(file, picture, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
