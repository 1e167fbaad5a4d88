package storefront

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"strings"
	"sync"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/storefront/picture"
)

//go:embed templates
var templates embed.FS

// StoredCSP is the Content-Security-Policy header for a document that was drawn
// earlier and stored. Such a document carries its own policy, with the hashes of
// the release that drew it; this adds what a document cannot say of itself.
const StoredCSP = "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// Renderer draws documents. Any number of goroutines may use one.
type Renderer struct {
	pages *template.Template
	// csp is the policy without the hosts of a shop's images.
	csp string
	// shops holds the *shopView of each shop rendered so far, by slug: one a shop, as
	// new states replace old ones.
	shops sync.Map
}

// shopView is a shop with the drawings of its products.
type shopView struct {
	*catalogue.Shop

	pictures map[string]picture.Picture // by product id
}

// shop gives the shop with its drawings, which are made once for each of its states.
func (r *Renderer) shop(s *catalogue.Shop) *shopView {
	if known, ok := r.shops.Load(s.Slug); ok {
		if v, ok := known.(*shopView); ok && v.Shop == s {
			return v
		}
	}
	v := &shopView{Shop: s, pictures: make(map[string]picture.Picture, len(s.Products))}
	for i := range s.Products {
		if p := &s.Products[i]; p.Image == "" {
			v.pictures[p.ID] = picture.Draw(&s.Picture, p)
		}
	}
	r.shops.Store(s.Slug, v)
	return v
}

// PageInput is what a page is drawn from.
type PageInput struct {
	Shop   *catalogue.Shop
	Design design.Design
	// Persona is whom the design is for; "" for everybody. The page of somebody holds
	// its design, for ReadDesign.
	Persona string
	// Live is for a page that a better one is on its way for: it holds the script
	// that waits for it. A page that was made for its shopper has no script.
	Live bool
}

// ErrorInput is what an error page is drawn from.
type ErrorInput struct {
	Status  int             // HTTP status code
	Title   string          // "" for the usual words of the status
	Message string          // "" for the usual words of the status
	Shop    *catalogue.Shop // whose look to wear; nil if it is not known
	// Stores are the ways out where Store is not known.
	Shops []*catalogue.Shop
}

// NewRenderer reads the templates and works out the policy from what they emit.
// An error is a fault of this package, not of the machine.
func NewRenderer() (*Renderer, error) {
	pages := template.New("storefront")
	for _, name := range []string{"page.tmpl", "product.tmpl", "search.tmpl", "cart.tmpl", "index.tmpl", "sections.tmpl", "products.tmpl", "pictures.tmpl", "error.tmpl", "shop.css", "live.js"} {
		b, err := templates.ReadFile("templates/" + name)
		if err != nil {
			return nil, fmt.Errorf("read template %s: %w", name, err)
		}
		// The stylesheet and the script are template text too: so they are emitted
		// without a conversion that would also let other text through.
		if _, err := pages.New(name).Parse(string(b)); err != nil {
			return nil, fmt.Errorf("parse template %s: %w", name, err)
		}
	}
	r := &Renderer{pages: pages}
	// html/template may rewrite what it emits (it drops comments), so the hashes
	// are of its output and not of the files.
	style, err := r.emitted("style")
	if err != nil {
		return nil, err
	}
	script, err := r.emitted("script")
	if err != nil {
		return nil, err
	}
	r.csp = "default-src 'none'; style-src '" + hash(style) + "'; script-src '" + hash(script) + "'; " +
		"connect-src 'self'; form-action 'self'; base-uri 'none'; img-src 'self' data:"
	return r, nil
}

// CSP is the Content-Security-Policy header for documents of the store, nil for no
// store's, that this renderer draws now. For stored ones see StoredCSP.
func (r *Renderer) CSP(shop *catalogue.Shop) string {
	return r.policy(shop) + "; frame-ancestors 'none'"
}

// policy is what a document says of itself.
func (r *Renderer) policy(shop *catalogue.Shop) string {
	if shop == nil {
		return r.csp
	}
	return strings.Join(append([]string{r.csp}, shop.ImageHosts()...), " https://")
}

// emitted is what the template of that name puts inside the element of that name.
func (r *Renderer) emitted(element string) (string, error) {
	var b strings.Builder
	if err := r.pages.ExecuteTemplate(&b, element, nil); err != nil {
		return "", fmt.Errorf("draw the %s element: %w", element, err)
	}
	_, rest, opened := strings.Cut(b.String(), "<"+element+">")
	content, _, closed := strings.Cut(rest, "</"+element+">")
	if !opened || !closed {
		return "", fmt.Errorf("draw the %s element: it is not there", element)
	}
	return content, nil
}

// hash is a source expression of CSP level 3, section 2.3.1.
func hash(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// Page draws a whole document. Any Design can be drawn: what the store or this
// package does not know is left out. The error is about the templates, or a
// missing store; never about the design.
func (r *Renderer) Page(in PageInput) ([]byte, error) {
	if in.Shop == nil {
		return nil, errors.New("draw a page: no store")
	}
	v := newPageView(in, r.shop(in.Shop))
	v.CSP = r.policy(in.Shop)
	return r.execute("page.tmpl", v)
}

// Error draws an error page as a whole document.
func (r *Renderer) Error(in ErrorInput) ([]byte, error) {
	v := newErrorView(in)
	v.CSP = r.policy(in.Shop)
	return r.execute("error.tmpl", v)
}

func (r *Renderer) execute(name string, view any) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(96 << 10)
	if err := r.pages.ExecuteTemplate(&b, name, view); err != nil {
		return nil, fmt.Errorf("draw %s: %w", name, err)
	}
	return b.Bytes(), nil
}
