package storefront

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/storefront/picture"
)

// AssetsPath is where the addresses of all assets begin. What is at one of these addresses
// never changes: an address holds a hash of the content, so browsers and proxies may keep it
// for good.
const AssetsPath = "/assets/"

// Stylesheet is the stylesheet that documents link, and its address. A document of another
// release links another address; this stylesheet is the best that there is for it.
func (r *Renderer) Stylesheet() (address string, css []byte) { return r.stylesheet, r.css }

// StylesheetPrefix is where the addresses of stylesheets begin, those of other releases too.
const StylesheetPrefix = AssetsPath + "shop."

// Drawing is the drawing of a product that has no photograph, as an SVG document, and its
// address. It is false if the shop's style does not draw the product. It fails only on a
// defect in a template.
func (r *Renderer) Drawing(shop *catalogue.Shop, p *catalogue.Product) (address string, svg []byte, ok bool, err error) {
	view := r.view(shop)
	if !view.drawable(p) {
		return "", nil, false, nil
	}
	svg, err = r.draw(picture.Draw(&shop.Picture, p))
	return view.drawing(p), svg, true, err
}

func (r *Renderer) draw(p picture.Picture) ([]byte, error) {
	var b bytes.Buffer
	if err := r.pages.ExecuteTemplate(&b, p.Kind, p); err != nil {
		return nil, fmt.Errorf("draw a %s: %w", p.Kind, err)
	}
	return b.Bytes(), nil
}

// specimens is a hash of one drawing of each kind. It changes with the code that draws.
func (r *Renderer) specimens() (string, error) {
	sum := fnv.New64a()
	for _, kind := range catalogue.PictureKinds {
		style := catalogue.PictureStyle{Kind: kind, Body: "body", Accent: "accent", Size: "size", Shades: map[string]map[string]catalogue.Shade{
			"body": {"dark": {Light: "#cccccc", Dark: "#333333"}}, "accent": {"light": {Light: "#eeeeee", Dark: "#777777"}},
		}}
		specimen := catalogue.Product{ID: "specimen", Attributes: []catalogue.Attribute{{Name: "body", Value: "dark"}, {Name: "accent", Value: "light"}, {Name: "size", Value: "11 in"}}}
		svg, err := r.draw(picture.Draw(&style, &specimen))
		if err != nil {
			return "", err
		}
		_, _ = sum.Write(svg)
	}
	return hexOf(sum.Sum64()), nil
}

// shopView is a shop as documents show it.
type shopView struct {
	*catalogue.Shop

	specimens string
}

func (r *Renderer) view(s *catalogue.Shop) *shopView { return &shopView{s, r.drawings} }

// drawing is the address of a product's drawing. Its hash is of all that the drawing is made
// from, so that a page can name it without drawing it.
func (s *shopView) drawing(p *catalogue.Product) string {
	style := &s.Picture
	body, accent := style.Shades[style.Body][p.Attribute(style.Body)], style.Shades[style.Accent][p.Attribute(style.Accent)]
	sum := fnv.New64a()
	for _, part := range []string{
		s.specimens, style.Kind, p.ID, p.Attribute(style.Size),
		body.Light, body.Dark, body.Form, accent.Light, accent.Dark, accent.Form,
	} {
		// The zero byte parts one from the next: no text of a shop holds one.
		_, _ = sum.Write([]byte(part + "\x00"))
	}
	return AssetsPath + s.Slug + "/" + p.ID + "." + hexOf(sum.Sum64()) + ".svg"
}

// ParseDrawing is the product that the last part of a drawing's address names, such as
// "rosewarden.0123456789abcdef.svg". It is "" if that is no drawing's.
func ParseDrawing(name string) (product string) {
	name, svg := strings.CutSuffix(name, ".svg")
	product, hash, parted := strings.Cut(name, ".")
	if _, err := strconv.ParseUint(hash, 16, 64); !svg || !parted || err != nil {
		return ""
	}
	return product
}

func hexOf(sum uint64) string { return fmt.Sprintf("%016x", sum) }
