package browser_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/wandstore/wandstore/pkg/checkout"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
)

// axe is the source of axe-core, which checks a page against the Web Content
// Accessibility Guidelines.
func axe(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(checkout.Root(t), ".bin", "axe", "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal("axe-core is missing: `task test` fetches it")
	}
	return string(b)
}

// violation is a rule that a page breaks, and the nodes that break it.
type violation struct {
	ID, Impact, Help string
	Nodes            []struct {
		Target         []any
		FailureSummary string
	}
}

// No kind of page violates an accessibility rule of axe-core, on a phone or a desktop, in
// light or dark colours.
func TestBrowserFindsEveryPageAccessible(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.ExampleShops)
	e := w.StartEdge(withPreviews)
	source := axe(t)
	for _, k := range kinds(t, w, e) {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			tb := world.OpenTab(t, 1280, "status of 404", "status of 400")
			// The page's own policy would block axe-core.
			world.Call(tb, page.SetBypassCSP, page.SetBypassCSPParams{Enabled: true})
			tb.Visit(k.address)
			tb.Do(chromedp.Evaluate[chromedp.Void](source + "; void 0"))
			for _, width := range widths {
				tb.Resize(width)
				violatesNone(t, tb, width)
			}
		})
	}
}

// schemes are colour schemes, and what axe-core looks at in each: by night only colours are others.
var schemes = []struct{ name, options string }{
	{"light", `{}`},
	{"dark", `{runOnly: {type: "rule", values: ["color-contrast", "link-in-text-block"]}}`},
}

// violatesNone reports every rule that the page breaks, in light or dark colours.
func violatesNone(t *testing.T, tb *world.Tab, width int64) {
	t.Helper()
	for _, scheme := range schemes {
		// Without animations: the contrast of an element that fades in cannot be judged.
		tb.Prefers(
			&emulation.MediaFeature{Name: "prefers-color-scheme", Value: scheme.name},
			&emulation.MediaFeature{Name: "prefers-reduced-motion", Value: "reduce"},
		)
		var found []violation
		if err := json.Unmarshal([]byte(world.Eval[string](tb, `axe.run(`+scheme.options+`).then(r => JSON.stringify(r.violations))`)), &found); err != nil {
			t.Fatal(err)
		}
		for _, v := range found {
			t.Errorf("%s at %d px: %s (%s): %s%s", scheme.name, width, v.ID, v.Impact, v.Help, where(v))
		}
	}
}

// where lists the first nodes of a violation.
func where(v violation) string {
	var s strings.Builder
	for _, n := range v.Nodes[:min(3, len(v.Nodes))] {
		fmt.Fprintf(&s, "\n\t%v: %s", n.Target, n.FailureSummary)
	}
	return s.String()
}
