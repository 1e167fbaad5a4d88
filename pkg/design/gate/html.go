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

// maxTokens is how many tokens of an HTML answer are read, which is more than a page has
// room for.
const maxTokens = 20_000

var htmlTag = regexp.MustCompile(`(?i)<(?:!doctype|html|body|main|section|article|header|div|h[1-6]|p|ul|ol|table|blockquote)[\s>]`)

func looksLikeHTML(answer []byte) bool { return htmlTag.Match(answer) }

// block is one heading, paragraph, list item or quote of an HTML answer, or a product
// that it names.
type block struct {
	kind string // heading, text, item, quote or product
	text string
}

// group is a heading with the blocks below it, up to the next heading.
type group struct {
	headline string
	body     []string
	items    []catalogue.Item
	quotes   []string
	products []string
}

// designFromHTML makes a design from the words of an HTML answer, with the shop's own
// theme. It reads tokens and builds no tree, so its cost does not depend on nesting.
func designFromHTML(answer []byte, shop *catalogue.Shop, rep *design.Report) design.Design {
	d := design.Design{Theme: shop.Theme}
	opened := false
	for _, g := range groupBlocks(readBlocks(answer, shop), shop) {
		s := g.section(rep)
		if !opened && s.Headline != "" {
			opened = true
			d.Sections = append(d.Sections, design.Section{Type: "hero", Headline: s.Headline, Body: s.Body, ProductIDs: s.ProductIDs[:min(1, len(s.ProductIDs))]})
			// The hero has the words. Products and items make a section after it.
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

// readBlocks splits the answer's visible text into blocks. Product ids in attributes
// become blocks of kind product.
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
			case hiddenContent(tok.Data) && tok.Type == html.StartTagToken:
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

// blockKind is the kind of block that the element begins; "" for an inline element.
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

// namedProducts is the ids of products that are an attribute's value, or its last part
// after a slash, a hash or an equals sign.
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

// groupBlocks groups blocks under their headings. A heading that is a product's name
// becomes that product. The blocks below it are dropped, because the catalogue describes
// the product.
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

// productsIn is the ids of products whose names are in the text. whole is true if the
// text is only a product's name.
func productsIn(s string, shop *catalogue.Shop) (ids []string, whole bool) {
	lower := strings.ToLower(s)
	for _, p := range shop.Products {
		if name := strings.ToLower(p.Name); strings.Contains(lower, name) {
			ids = append(ids, p.ID)
			whole = whole || strings.TrimSpace(lower) == name
		}
	}
	return ids, whole
}

// section makes the section whose type fits the group's content. A group without content
// gives a section without a type.
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
