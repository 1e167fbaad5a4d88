package gate

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/design"
)

// maxTokens of an HTML answer are read; the rest is more than a page can hold.
const maxTokens = 20_000

var htmlTag = regexp.MustCompile(`(?i)<(?:!doctype|html|body|main|section|article|header|div|h[1-6]|p|ul|ol|table|blockquote)[\s>]`)

func looksLikeHTML(answer []byte) bool { return htmlTag.Match(answer) }

// opensHTML reports whether the answer is HTML from its first character on.
func opensHTML(answer []byte) bool {
	at := htmlTag.FindIndex(answer[:min(len(answer), 64)])
	return at != nil && at[0] == 0
}

// block is a piece of an HTML answer that a reader would see as one.
type block struct {
	kind string // heading, text, item, quote or product
	text string
}

// group is a heading with what stands under it.
type group struct {
	headline string
	body     []string
	items    []catalogue.Item
	quotes   []string
	products []string
}

// designFromHTML makes a design out of the words of an HTML answer, in the shop's
// own look. It reads tokens, not a tree: no nesting can cost it more than the
// answer's length.
func designFromHTML(answer []byte, shop *catalogue.Shop, rep *design.Report) design.Design {
	d := design.Design{Theme: shop.Theme}
	opened := false
	for _, g := range groupBlocks(readBlocks(answer, shop), shop) {
		s := g.section(rep)
		if !opened && s.Headline != "" {
			opened = true
			d.Sections = append(d.Sections, design.Section{Type: "hero", Headline: s.Headline, Body: s.Body, ProductIDs: s.ProductIDs[:min(1, len(s.ProductIDs))]})
			// The hero has taken the words; what else there is follows it.
			s.Headline, s.Body = "", ""
			if len(s.ProductIDs) < 2 && len(s.Items) < 2 {
				continue
			}
		}
		if s.Type != "" {
			d.Sections = append(d.Sections, s)
		}
	}
	return d
}

// readBlocks is the answer's visible text in blocks, and among them, as blocks of
// kind product, the ids that attributes name.
func readBlocks(answer []byte, shop *catalogue.Shop) []block {
	var blocks []block
	var words strings.Builder
	kind, hidden := "text", ""
	flush := func() {
		if t := strings.Join(strings.Fields(words.String()), " "); t != "" {
			blocks = append(blocks, block{kind, t})
		}
		words.Reset()
		kind = "text"
	}
	z := html.NewTokenizer(bytes.NewReader(answer))
	for range maxTokens {
		switch z.Next() {
		case html.ErrorToken:
			flush()
			return blocks
		case html.TextToken:
			if hidden == "" {
				words.Write(z.Text())
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			tok := z.Token()
			switch {
			case hidden != "":
			case unread(tok.Data) && tok.Type == html.StartTagToken:
				hidden = tok.Data
			default:
				if k := blockKind(tok.Data); k != "" {
					flush()
					kind = k
				} else {
					words.WriteByte(' ')
				}
				for _, id := range namedProducts(tok.Attr, shop) {
					blocks = append(blocks, block{"product", id})
				}
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			tag := string(name)
			switch {
			case tag == hidden:
				hidden = ""
			case blockKind(tag) != "":
				flush()
			}
		}
	}
	flush()
	return blocks
}

// blockKind is what the element's text is to a reader; "" for one inside a line.
func blockKind(element string) string {
	switch element {
	case "h1", "h2", "h3", "h4", "h5", "h6":
		return "heading"
	case "li", "dd", "dt":
		return "item"
	case "blockquote":
		return "quote"
	case "a", "abbr", "b", "bdi", "bdo", "cite", "code", "em", "font", "i", "mark", "q", "s", "small", "span", "strong", "sub", "sup", "u", "wbr":
		return ""
	}
	return "text"
}

// namedProducts are the products whose id is a whole attribute value, or its last
// part after a slash, a hash or an equals sign.
func namedProducts(attrs []html.Attribute, shop *catalogue.Shop) []string {
	var ids []string
	for _, a := range attrs {
		id := a.Val[strings.LastIndexAny(a.Val, "/#=")+1:]
		if p, ok := shop.Product(id); ok && !slices.Contains(ids, p.ID) {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

// groupBlocks puts blocks under their headings. A heading that is a product's name
// is that product, and what stands under it is not kept: the catalogue says it.
func groupBlocks(blocks []block, shop *catalogue.Shop) []group {
	groups := []group{{}}
	skipping := false
	for _, b := range blocks {
		g := &groups[len(groups)-1]
		if b.kind == "product" {
			g.add(b.text)
			continue
		}
		named, whole := productsIn(b.text, shop)
		for _, id := range named {
			g.add(id)
		}
		switch {
		case whole:
			skipping = b.kind == "heading"
		case b.kind == "heading":
			skipping = false
			groups = append(groups, group{headline: b.text})
			for _, id := range named {
				groups[len(groups)-1].add(id)
			}
		case skipping || len(named) > 0 && b.kind == "item":
		case b.kind == "item":
			g.items = append(g.items, catalogue.Item{Title: b.text})
		case b.kind == "quote":
			g.quotes = append(g.quotes, b.text)
		default:
			g.body = append(g.body, b.text)
		}
	}
	return groups
}

func (g *group) add(id string) {
	if len(g.products) < design.MaxProducts && !slices.Contains(g.products, id) {
		g.products = append(g.products, id)
	}
}

// productsIn are the products that the text names; whole if it is nothing but one
// product's name.
func productsIn(s string, shop *catalogue.Shop) (ids []string, whole bool) {
	lower := strings.ToLower(s)
	for i := range shop.Products {
		p := &shop.Products[i]
		if name := strings.ToLower(p.Name); strings.Contains(lower, name) {
			ids = append(ids, p.ID)
			whole = whole || strings.TrimSpace(lower) == name
		}
	}
	return ids, whole
}

// section is the group as the section that fits what it holds; the zero Section
// if it holds nothing.
func (g *group) section(rep *design.Report) design.Section {
	s := design.Section{
		Headline:   line(g.headline, design.MaxHeadline, rep),
		Body:       paragraphs(strings.Join(slices.Concat(g.body, g.quotes), "\n\n"), design.MaxBody, rep),
		ProductIDs: g.products,
	}
	for _, it := range g.items {
		if it.Title = line(it.Title, design.MaxHeadline, rep); it.Title != "" && len(s.Items) < design.MaxItems {
			s.Items = append(s.Items, it)
		}
	}
	switch {
	case len(g.products) > 0:
		s.Type = "product-grid"
	case len(s.Items) > 1:
		s.Type = "guide"
	case len(g.quotes) > 0 && len(g.body) == 0:
		s.Type = "quote"
	case s.Headline != "" && s.Body != "":
		s.Type = "story"
	}
	return s
}
