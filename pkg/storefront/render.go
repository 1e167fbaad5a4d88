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
	// csp is the policy but for a store's images.
	csp string
}

// PageInput is what a page is drawn from.
type PageInput struct {
	Store  *Store
	Design Design
	// Persona is whom the design is for; "" for everybody. The page of somebody holds
	// its design, for ReadDesign.
	Persona string
	// Live is for a page that a better one is on its way for: it holds the script
	// that waits for it. A page that was made for its shopper has no script.
	Live bool
}

// ErrorInput is what an error page is drawn from.
type ErrorInput struct {
	Status  int    // HTTP status code
	Title   string // "" for the usual words of the status
	Message string // "" for the usual words of the status
	Store   *Store // whose look to wear; nil if it is not known
	// Stores are the ways out where Store is not known.
	Stores []*Store
}

// NewRenderer reads the templates and works out the policy from what they emit.
// An error is a fault of this package, not of the machine.
func NewRenderer() (*Renderer, error) {
	pages := template.New("storefront")
	for _, name := range []string{"page.tmpl", "product.tmpl", "search.tmpl", "cart.tmpl", "sections.tmpl", "products.tmpl", "pictures.tmpl", "error.tmpl", "shop.css", "live.js"} {
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
func (r *Renderer) CSP(st *Store) string { return r.policy(st) + "; frame-ancestors 'none'" }

// policy is what a document says of itself.
func (r *Renderer) policy(st *Store) string {
	if st == nil {
		return r.csp
	}
	return strings.Join(append([]string{r.csp}, st.imageHosts...), " https://")
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
	if in.Store == nil {
		return nil, errors.New("draw a page: no store")
	}
	v := newPageView(in)
	v.CSP = r.policy(in.Store)
	return r.execute("page.tmpl", v)
}

// Error draws an error page as a whole document.
func (r *Renderer) Error(in ErrorInput) ([]byte, error) {
	v := newErrorView(in)
	v.CSP = r.policy(in.Store)
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
