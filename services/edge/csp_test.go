package edge

import (
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/storefront"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// The header of a page names this release's scripts, whatever the page that is stored says.
func TestNoOtherScriptRuns(t *testing.T) {
	t.Parallel()
	parts := shared(t)
	ours := parts.renderer.CSP(parts.shop)
	const steals = "<script>steal()</script>"
	// As another release rendered it, or whoever writes to the store: the page allows its script.
	altered := func(html string) func(*wandstorev1.Page) {
		return func(p *wandstorev1.Page) {
			p.Html = strings.Replace(html, "script-src", "script-src 'unsafe-inline'", 1) + steals
		}
	}
	for name, tt := range map[string]struct {
		change func(*wandstorev1.Page)
		csp    string
		steals bool
	}{
		"a page of this release":    {change: func(*wandstorev1.Page) {}, csp: ours},
		"one that is rendered anew": {change: altered(parts.page), csp: ours},
		"one without a design":      {change: altered("<!doctype html><title>Old</title>"), csp: storefront.StoredCSP, steals: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.has(pagestore.TierMemory, tt.change)
			res := d.ask("GET", front, "")
			if got := res.Header.Get("Content-Security-Policy"); got != tt.csp || !strings.Contains(got, "script-src '") || strings.Contains(got, "unsafe") {
				t.Errorf("Content-Security-Policy: %q, want %q", got, tt.csp)
			}
			if got := strings.Contains(res.body, steals); got != tt.steals || res.Header.Get("X-Cache") != "HIT" {
				t.Errorf("X-Cache %q, with its script: %v", res.Header.Get("X-Cache"), got)
			}
		})
	}
}
