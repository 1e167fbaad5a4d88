package catalogue_test

import (
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/catalogue"
)

// written is markup as HTML without escapes, for comparison.
func written(all []catalogue.Markup) string {
	var b strings.Builder
	for _, m := range all {
		if m.Element == "" {
			b.WriteString(m.Text)
			continue
		}
		b.WriteString("<" + m.Element + ">" + written(m.Inside) + "</" + m.Element + ">")
	}
	return b.String()
}

func TestMarkup(t *testing.T) {
	for source, want := range map[string]string{
		"Plain words.":                               "<p>Plain words.</p>",
		"<p>One</p><p>Two <b>bold</b></p>":           "<p>One</p><p>Two <strong>bold</strong></p>",
		"<h1>Big</h1>words<br>more":                  "<h3>Big</h3><p>words<br></br>more</p>",
		"<ul><li>A<li>B</ul>":                        "<ul><li>A</li><li>B</li></ul>",
		"<div><div><p>Deep</p></div></div>":          "<p>Deep</p>",
		"<div>Loose <p>Deep</p> end</div>":           "<p>Loose </p><p>Deep</p><p> end</p>",
		`<p onclick="x()" style="a:b">Quiet</p>`:     "<p>Quiet</p>",
		"<script>alert(1)</script><p>Left</p>":       "<p>Left</p>",
		"<style>p{}</style><!-- no --><p>Left":       "<p>Left</p>",
		`<a href="javascript:x">Link</a>`:            "<p>Link</p>",
		`<img src=x onerror=y><iframe src=z>`:        "",
		"<table><tr><th>W</th><td>2 cm</td></table>": "<table><tr><th>W</th><td>2 cm</td></tr></table>",
		"Fish &amp; chips &lt;b&gt;":                 "<p>Fish & chips <b></p>",
		"<p>pay\u202eload</p>":                       "<p>payload</p>",
		"<p>&nbsp;</p><p></p><p>Left</p>":            "<p>Left</p>",
		strings.Repeat("<div>", 3000) + "Deep":       "<p>Deep</p>",
		"word<span class=x>s</span> and <u>more</u>": "<p>words and more</p>",
		"<article>One</article>two":                  "<p> One two</p>",
	} {
		p := &catalogue.Product{DescriptionHTML: source}
		if got := written(p.Markup()); got != want {
			t.Errorf("%.60s\ngot  %s\nwant %s", source, got, want)
		}
	}
}

// No element other than those that a page knows, and no attribute, comes out of any HTML.
func FuzzMarkup(f *testing.F) {
	f.Add("<p>One</p><ul><li>Two</ul>")
	f.Add("<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>")
	f.Add("<svg></p><style><a id=\"</style><img src=1 onerror=alert(1)>\">")
	known := map[string]bool{"": true, "p": true, "h3": true, "ul": true, "ol": true, "li": true, "strong": true, "em": true, "br": true, "table": true, "tr": true, "th": true, "td": true}
	f.Fuzz(func(t *testing.T, source string) {
		var check func([]catalogue.Markup, int)
		check = func(all []catalogue.Markup, depth int) {
			for _, m := range all {
				if !known[m.Element] || depth > 101 || m.Element == "" && catalogue.CleanText(m.Text) != strings.TrimSpace(m.Text) {
					t.Errorf("%q at depth %d: %q", m.Element, depth, m.Text)
				}
				check(m.Inside, depth+1)
			}
		}
		check((&catalogue.Product{DescriptionHTML: source}).Markup(), 0)
	})
}
