package browser_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/edge"
)

// previewKeys is the setting LINK_KEYS of edges with previews of the example of
// deploy/stores, whose merchant has rules.
var previewKeys = "kiln-and-field:" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))

func withPreviews(c *edge.Config) { c.Identity.LinkKeys = previewKeys }

// previewLink is the path that `edge -preview.link` prints.
func previewLink(t testing.TB) string {
	t.Helper()
	var out, faults bytes.Buffer
	if status := edge.PreviewLink(previewKeys)("kiln-and-field", &out, &faults); status != 0 {
		t.Fatal(faults.String())
	}
	return strings.TrimSpace(out.String())
}

// A merchant goes from persona to persona by the bar of a preview, sees the campaigns of the
// day, and leaves nothing behind.
func TestBrowserPreviewsEveryPersona(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.ExampleShops)
	e := w.StartEdge(withPreviews)
	const campaigns = `[...document.querySelectorAll("[data-campaign]")].map(e => e.dataset.campaign).join()`
	for _, width := range widths {
		page := world.OpenTab(t, width)
		page.Visit(e.Base + previewLink(t) + "&on=2026-12-24")
		seen := map[string]bool{}
		for _, name := range []string{"Everybody", "Minimalist", "Explorer", "Dealhunter", "Loyalist"} {
			// The first page is everybody's already: which of the two is shown tells the mark.
			page.Run(fmt.Sprintf(`document.documentElement.dataset.left = ""; [...document.querySelectorAll(".preview a")].find(a => a.textContent === %q).click()`, name))
			page.Until("the page of "+name, fmt.Sprintf(`document.documentElement.dataset.left === undefined && document.querySelector(".preview [aria-current=page]")?.textContent === %q && document.readyState === "complete"`, name))
			if got := world.Eval[string](page, campaigns); got != "wood-kiln,advent" {
				t.Errorf("%d px, %s: the campaigns are %q", width, name, got)
			}
			if !world.Eval[bool](page, `document.querySelector(".preview").getBoundingClientRect().bottom < 160 && document.body.textContent.includes("Moon Jar") && !document.body.textContent.includes("Butter Jar")`) {
				t.Errorf("%d px, %s: the bar is large, the pinned jar is missing, or the excluded one is there", width, name)
			}
			if wide := world.Eval[float64](page, `document.documentElement.scrollWidth`); wide > float64(width) {
				t.Errorf("%d px, %s: the page takes %v", width, name, wide)
			}
			seen[world.Eval[string](page, `document.querySelector("h1").textContent + document.querySelector("main").textContent.length`)] = true
		}
		if len(seen) < 5 {
			t.Errorf("%d px: %d different pages", width, len(seen))
		}
		// Before advent there is none of it.
		page.Visit(e.Base + previewLink(t) + "&on=2026-11-28")
		if got := world.Eval[string](page, campaigns); got != "wood-kiln" {
			t.Errorf("%d px, before advent: the campaigns are %q", width, got)
		}
		if cookies := world.Call(page, network.GetCookies, network.GetCookiesParams{URLs: []string{e.Base}}); len(cookies.Cookies) > 0 {
			t.Errorf("%d px: a preview sets %s", width, cookies.Cookies[0].Name)
		}
	}
	_, js := w.Connect()
	for _, bucket := range []string{wandnats.BucketSessions, wandnats.BucketJobs, wandnats.BucketPages} {
		kv, err := js.KeyValue(t.Context(), bucket)
		if err != nil {
			t.Fatal(err)
		}
		if keys, err := kv.Keys(t.Context()); !errors.Is(err, jetstream.ErrNoKeysFound) {
			t.Errorf("%s has %v, %v", bucket, keys, err)
		}
	}
}
