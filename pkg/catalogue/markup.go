package catalogue

import (
	"slices"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Markup is a part of a description: a text, or an element with what is in it. The
// elements are p, h3, ul, ol, li, strong, em, br, table, tr, th and td, and none has
// attributes.
type Markup struct {
	Element string // "" for a text
	Text    string // of a text
	Inside  []Markup
}

// policy keeps the elements of Markup, without attributes, and the text of all others.
// What is in script and style is dropped.
var policy = func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "div", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "strong", "b", "em", "i", "br",
		"table", "thead", "tbody", "tfoot", "tr", "th", "td")
	// These give only their text: without them, a word that one of them ends in would be
	// joined by a space or to the next word.
	p.AllowNoAttrs().OnElements("span", "a", "font", "u", "s", "sup", "sub", "small", "mark", "abbr", "code")
	p.AddSpaceWhenStrippingTag(true)
	return p
}()

// element is what an element of a description becomes in its markup. An element that is
// not here gives its content only.
var element = map[atom.Atom]string{
	atom.P: "p", atom.Div: "p", atom.Ul: "ul", atom.Ol: "ol", atom.Li: "li", atom.Br: "br",
	atom.H1: "h3", atom.H2: "h3", atom.H3: "h3", atom.H4: "h3", atom.H5: "h3", atom.H6: "h3",
	atom.Strong: "strong", atom.B: "strong", atom.Em: "em", atom.I: "em",
	atom.Table: "table", atom.Tr: "tr", atom.Th: "th", atom.Td: "td",
}

// Limits of a description's markup. What goes beyond is left out.
const (
	maxMarkupDepth = 100
	maxMarkupNodes = 2000
)

// Markup is the product's description as a page may show it. Without DescriptionHTML it
// is a paragraph of Description. It takes about a millisecond for 64 KiB.
func (p *Product) Markup() []Markup {
	if p.DescriptionHTML == "" {
		if p.Description == "" {
			return nil
		}
		return []Markup{{Element: "p", Inside: []Markup{{Text: p.Description}}}}
	}
	body := &html.Node{Type: html.ElementNode, DataAtom: atom.Body, Data: "body"}
	nodes, err := html.ParseFragment(strings.NewReader(policy.Sanitize(p.DescriptionHTML)), body)
	if err != nil { // it is nested too deep to be a text that somebody wrote
		return paragraphs([]Markup{{Text: PlainText(p.DescriptionHTML, MaxDescriptionHTML)}})
	}
	for _, n := range nodes {
		body.AppendChild(n)
	}
	left := maxMarkupNodes
	return paragraphs(markupIn(body, 0, &left))
}

// markupIn is the markup in a node, of at most left parts.
func markupIn(parent *html.Node, depth int, left *int) []Markup {
	var all []Markup
	for n := range parent.ChildNodes() {
		if *left--; *left < 0 || depth > maxMarkupDepth {
			break
		}
		switch n.Type {
		case html.TextNode:
			if text := visible(n.Data); text != "" {
				all = append(all, Markup{Text: text})
			}
		case html.ElementNode:
			inside := markupIn(n, depth+1, left)
			name := element[n.DataAtom]
			switch {
			case name == "":
				all = append(all, inside...)
			case name == "p" && slices.ContainsFunc(inside, Markup.block):
				all = append(all, paragraphs(inside)...)
			case name == "br":
				all = append(all, Markup{Element: name})
			case len(inside) > 0 && strings.TrimSpace(textOf(inside)) != "":
				all = append(all, Markup{Element: name, Inside: inside})
			}
		}
	}
	return all
}

func (m Markup) block() bool {
	switch m.Element {
	case "", "br", "strong", "em":
		return false
	}
	return true
}

// paragraphs puts what stands outside of every block into paragraphs, if there are blocks.
func paragraphs(all []Markup) []Markup {
	var out, line []Markup
	flush := func() {
		if strings.TrimSpace(textOf(line)) != "" {
			out = append(out, Markup{Element: "p", Inside: line})
		}
		line = nil
	}
	for _, m := range all {
		if !m.block() {
			line = append(line, m)
			continue
		}
		flush()
		out = append(out, m)
	}
	flush()
	return out
}

// textOf is the text of markup, on one line.
func textOf(all []Markup) string {
	var b strings.Builder
	var write func([]Markup)
	write = func(all []Markup) {
		for _, m := range all {
			b.WriteString(m.Text)
			write(m.Inside)
			if m.Element != "" && m.Element != "strong" && m.Element != "em" {
				b.WriteByte(' ')
			}
		}
	}
	write(all)
	return strings.Join(strings.Fields(b.String()), " ")
}

// visible is a text without what shows nothing; its spaces are single.
func visible(s string) string {
	clean := CleanText(s)
	if clean == "" {
		if s != "" {
			return " "
		}
		return ""
	}
	if r := s[0]; r == ' ' || r == '\n' || r == '\t' || r == '\r' {
		clean = " " + clean
	}
	if r := s[len(s)-1]; r == ' ' || r == '\n' || r == '\t' || r == '\r' {
		clean += " "
	}
	return clean
}

// PlainText is the text of HTML, on one line and of at most about most bytes. It is many
// times faster than Markup, and only for what is never shown as markup.
func PlainText(source string, most int) string {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(source))
	skip := 0
	for b.Len() < most {
		switch z.Next() {
		case html.ErrorToken:
			return CleanText(b.String())
		case html.TextToken:
			if skip == 0 {
				b.Write(z.Text())
			}
		case html.StartTagToken:
			name, _ := z.TagName()
			if a := atom.Lookup(name); a == atom.Script || a == atom.Style {
				skip++
			} else if !inline(a) {
				b.WriteByte(' ')
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			if a := atom.Lookup(name); a == atom.Script || a == atom.Style {
				skip = max(0, skip-1)
			} else if !inline(a) {
				b.WriteByte(' ')
			}
		case html.SelfClosingTagToken:
			b.WriteByte(' ')
		}
	}
	return CleanText(b.String())
}

// inline reports whether words go on across the element's borders.
func inline(a atom.Atom) bool {
	switch a {
	case atom.B, atom.I, atom.Em, atom.Strong, atom.Span, atom.A, atom.Font, atom.U, atom.Sup, atom.Sub, atom.Small:
		return true
	}
	return false
}
