package storefront

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"html"
	"html/template"
	"runtime"
	"strings"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/design"
)

//go:embed templates
var templates embed.FS

// StoredCSP is the Content-Security-Policy header for a stored document that another release
// rendered: none of its scripts runs. The document carries a policy of its own, with the hash
// of its stylesheet.
const StoredCSP = "script-src 'none'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// Renderer renders documents. It is safe for concurrent use.
type Renderer struct {
	pages *template.Template
	// csp is the policy without the hosts of a shop's images.
	csp string
	// css is the stylesheet, and stylesheet its address.
	css        []byte
	stylesheet string
	// drawings is a hash that changes with the code that draws.
	drawings string
	// buffers has a buffer for each core. More documents at a time would not be rendered
	// sooner, and each takes memory until it is.
	buffers chan *bytes.Buffer
}

// PageInput is what a front page is rendered from.
type PageInput struct {
	Shop   *catalogue.Shop
	Design design.Design
	// Persona is the persona that the design is for; "" for a page that everybody gets.
	// The page of a persona contains its design, for gate.ReadStored.
	Persona string
	// Shared is true if the page is for a kind of visitor, with nothing of any shopper.
	Shared bool
	// Returning is true if the browser has been here before, so that it has the stylesheet
	// or loads it once. The document of a first visit contains it, so that it is seen at
	// once.
	Returning bool
	// Preview is set if a merchant looks at a page of others. It runs no script.
	Preview *Preview
	// Live is true if the shopper's own page is being generated. The page then waits for
	// it and replaces itself.
	Live bool
}

// Preview is the bar above a page that is previewed.
type Preview struct {
	Day   string // that the page is of, such as 2026-12-24
	Pages []PreviewPage
}

// PreviewPage is the way to the page of a persona, or to the one that everybody gets.
type PreviewPage struct {
	Label, Href string
	Current     bool
}

// ErrorInput is what an error page is rendered from.
type ErrorInput struct {
	Status  int               // HTTP status code
	Title   string            // "" for the default of the status
	Message string            // "" for the default of the status
	Shop    *catalogue.Shop   // gives theme and links; nil if it is unknown
	Shops   []*catalogue.Shop // linked from the page if Shop is nil
}

// NewRenderer parses the templates and computes the policy. It fails only on a defect in
// a template.
func NewRenderer() (*Renderer, error) {
	pages := template.New("storefront")
	for _, name := range []string{"page.tmpl", "product.tmpl", "search.tmpl", "cart.tmpl", "index.tmpl", "sections.tmpl", "products.tmpl", "pictures.tmpl", "error.tmpl", "shop.js", "live.js", "choice.js"} {
		b, err := templates.ReadFile("templates/" + name)
		if err != nil {
			return nil, fmt.Errorf("read template %s: %w", name, err)
		}
		// The stylesheet and the script are template text as well. So no value has to be
		// converted to a trusted type of html/template.
		if _, err := pages.New(name).Parse(string(b)); err != nil {
			return nil, fmt.Errorf("parse template %s: %w", name, err)
		}
	}
	stylesheet, err := readStylesheet()
	if err != nil {
		return nil, err
	}
	if _, err := pages.New("shop.css").Parse(stylesheet); err != nil {
		return nil, fmt.Errorf("parse the stylesheet: %w", err)
	}
	r := &Renderer{pages: pages, buffers: make(chan *bytes.Buffer, runtime.GOMAXPROCS(0))}
	for range cap(r.buffers) {
		r.buffers <- &bytes.Buffer{}
	}
	// The hashes are of the output, because html/template removes comments.
	hashes := map[string]string{}
	for name, element := range map[string]string{"style": "style", "script": "script", "choice-script": "script", "waiting-script": "script"} {
		content, err := r.emitted(name, element)
		if err != nil {
			return nil, err
		}
		hashes[name] = "'" + hash(content) + "'"
		if name == "style" {
			r.css = []byte(content)
		}
	}
	sum := sha256.Sum256(r.css)
	r.stylesheet = StylesheetPrefix + hex.EncodeToString(sum[:8]) + ".css"
	if r.drawings, err = r.specimens(); err != nil {
		return nil, err
	}
	// The drawings are part of no policy, but of what a release renders.
	r.csp = "default-src 'none'; style-src 'self' " + hashes["style"] + "; script-src " + hashes["script"] + " " + hashes["choice-script"] + " " + hashes["waiting-script"] + "; " +
		"connect-src 'self'; form-action 'self'; base-uri 'none'; img-src 'self' data:"
	return r, nil
}

// stylesheets are the parts of the stylesheet, in order: a later one wins.
var stylesheets = []string{"palettes", "base", "header", "forms", "shopping", "sections", "products", "kinds", "parts", "photos", "foot", "direction"}

func readStylesheet() (string, error) {
	var all strings.Builder
	for _, name := range stylesheets {
		b, err := templates.ReadFile("templates/css/" + name + ".css")
		if err != nil {
			return "", fmt.Errorf("read stylesheet %s: %w", name, err)
		}
		all.Write(b)
	}
	return all.String(), nil
}

// CSP is the Content-Security-Policy header for a document that this renderer renders, of
// the shop or, with nil, of no shop. It adds frame-ancestors to the document's own policy,
// which cannot set it (CSP level 3, section 3.3).
func (r *Renderer) CSP(shop *catalogue.Shop) string {
	return r.policy(shop) + "; frame-ancestors 'none'"
}

// Rendered reports whether this renderer, or one with the same stylesheet and script, has
// rendered the shop's document, so that CSP fits it. It goes by the policy that the document
// carries.
func (r *Renderer) Rendered(document []byte, shop *catalogue.Shop) bool {
	_, rest, found := bytes.Cut(document[:min(len(document), headSize)], []byte(`<meta http-equiv="Content-Security-Policy" content="`))
	policy, _, closed := bytes.Cut(rest, []byte(`"`))
	return found && closed && html.UnescapeString(string(policy)) == r.policy(shop)
}

// headSize is more than stands before the end of a document's policy.
const headSize = 8 << 10

// policy is the Content-Security-Policy that a document carries.
func (r *Renderer) policy(shop *catalogue.Shop) string {
	if shop == nil {
		return r.csp
	}
	return strings.Join(append([]string{r.csp}, shop.ImageHosts()...), " https://")
}

// emitted is the content of the element that the template of that name renders.
func (r *Renderer) emitted(name, element string) (string, error) {
	var b strings.Builder
	if err := r.pages.ExecuteTemplate(&b, name, nil); err != nil {
		return "", fmt.Errorf("render %s: %w", name, err)
	}
	_, rest, opened := strings.Cut(b.String(), "<"+element+">")
	content, _, closed := strings.Cut(rest, "</"+element+">")
	if !opened || !closed {
		return "", fmt.Errorf("render %s: it has no %s element", name, element)
	}
	return content, nil
}

// hash is the source expression for a content (CSP level 3, section 2.3.1).
func hash(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// Page renders a front page. It accepts any design: what the shop or this package does
// not know is left out. It fails without a shop, or on a defect in a template.
func (r *Renderer) Page(in PageInput) ([]byte, error) {
	if in.Shop == nil {
		return nil, errors.New("render a page: no shop")
	}
	return r.document("page.tmpl", func() any {
		v := newPageView(in, r.view(in.Shop.For(in.Persona)))
		r.complete(&v.head, in.Shop, in.Returning)
		return v
	})
}

// Error renders an error page. It fails only on a defect in a template.
func (r *Renderer) Error(in ErrorInput) ([]byte, error) {
	return r.inTurn(func() any {
		v := newErrorView(in)
		r.complete(&v.head, in.Shop, false)
		return v
	}, "error.tmpl")
}

// document renders a document of a shop: its opening, and the content, which the template of
// that name renders.
func (r *Renderer) document(name string, view func() any) ([]byte, error) {
	return r.inTurn(view, "open", name)
}

// inTurn executes templates once a buffer is free. The view is made then: those of hundreds that
// wait in a flood would be as large as their documents.
func (r *Renderer) inTurn(view func() any, names ...string) ([]byte, error) {
	b := <-r.buffers
	defer func() { r.buffers <- b }()
	return r.execute(b, view(), names...)
}

// execute renders the templates of those names into a buffer, one after the other.
func (r *Renderer) execute(b *bytes.Buffer, view any, names ...string) ([]byte, error) {
	b.Reset()
	for _, name := range names {
		if err := r.pages.ExecuteTemplate(b, name, view); err != nil {
			return nil, fmt.Errorf("render %s: %w", name, err)
		}
	}
	return bytes.Clone(b.Bytes()), nil
}
