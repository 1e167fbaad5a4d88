package pagestore

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"
	"google.golang.org/protobuf/proto"

	"github.com/wandstore/wandstore/pkg/pagekey"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// MaxHTML is the size of the largest document, in bytes. It is half of what fits into a
// NATS message (max_payload 1 MB), because protojson needs room to escape quotes.
const MaxHTML = 512 << 10

// The sources of a page: who designed it.
const (
	SourceLLM      = "llm"
	SourceTemplate = "template"
	// SourcePartial: a model began the page and failed, and the template completed it.
	SourcePartial = "partial"
	SourceWebhook = "webhook"
)

// The longest texts of a page, in bytes. Percent-encoded at three bytes a byte, and with
// ids, times and names, they fit into the 2 KiB that S3 allows for an object's user
// metadata.
const (
	maxPersona     = 32
	maxSource      = 16
	maxJobID       = 128
	maxModel       = 128
	maxVersion     = 64
	maxTraceparent = 64
)

// Page is a generated page, ready to serve. It is immutable and safe for concurrent use.
// Callers must not change the slices that its methods return.
type Page struct {
	key  pagekey.Key
	meta *wandstorev1.Page // without html
	// html is nil while only the compressed document is kept; HTML makes it anew.
	html      atomic.Pointer[[]byte]
	etag      string // unquoted
	requested time.Time
	generated time.Time
	// renderedFrom is a catalogue version.
	renderedFrom string
	gzip         func() []byte
	memo         atomic.Pointer[memo]
}

// memo is what somebody has read in a document.
type memo struct{ of, read any }

// New makes a Page from a copy of msg. Errors: ErrInvalid or ErrTooLarge.
//
// The model's name is text of the provider. So New does not refuse a bad name: it makes
// the name valid UTF-8 and truncates it to 128 bytes.
func New(msg *wandstorev1.Page) (*Page, error) {
	return NewWithHTML(msg, []byte(msg.GetHtml()))
}

// NewWithHTML is New with that document in place of msg's. The Page keeps html without copying
// it.
func NewWithHTML(msg *wandstorev1.Page, html []byte) (*Page, error) {
	if n := len(html); n > MaxHTML {
		return nil, fmt.Errorf("%w: %d bytes of html, at most %d", ErrTooLarge, n, MaxHTML)
	}
	key, err := pagekey.Parse(msg.GetStoreSlug(), msg.GetShopperId())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if len(html) == 0 || !utf8.Valid(html) {
		return nil, fmt.Errorf("%w: html is empty or not UTF-8", ErrInvalid)
	}
	if msg.GetJobId() == "" || msg.GetSource() == "" {
		return nil, fmt.Errorf("%w: job id or source is missing", ErrInvalid)
	}
	for _, f := range []struct {
		name, text string
		max        int
	}{
		{"persona", msg.GetPersona(), maxPersona},
		{"source", msg.GetSource(), maxSource},
		{"job id", msg.GetJobId(), maxJobID},
		{"prompt version", msg.GetPromptVersion(), maxVersion},
		{"catalogue version", msg.GetCatalogueVersion(), maxVersion},
		{"traceparent", msg.GetTraceparent(), maxTraceparent},
	} {
		if len(f.text) > f.max || !utf8.ValidString(f.text) {
			return nil, fmt.Errorf("%w: %s is longer than %d bytes or not UTF-8", ErrInvalid, f.name, f.max)
		}
	}
	if err := checkFigures(msg); err != nil {
		return nil, err
	}

	meta := &wandstorev1.Page{
		StoreSlug:        key.Shop(),
		ShopperId:        key.Shopper(),
		Persona:          strings.Clone(msg.GetPersona()),
		Source:           strings.Clone(msg.GetSource()),
		JobId:            strings.Clone(msg.GetJobId()),
		Model:            modelName(msg.GetModel()),
		PromptVersion:    strings.Clone(msg.GetPromptVersion()),
		CatalogueVersion: strings.Clone(msg.GetCatalogueVersion()),
		RequestedAt:      proto.CloneOf(msg.GetRequestedAt()),
		GeneratedAt:      proto.CloneOf(msg.GetGeneratedAt()),
		Traceparent:      strings.Clone(msg.GetTraceparent()),
		CostMicros:       msg.GetCostMicros(), CostSoFarMicros: msg.GetCostSoFarMicros(),
	}
	sum := sha256.Sum256(html)
	p := &Page{
		key:          key,
		meta:         meta,
		etag:         base64.RawURLEncoding.EncodeToString(sum[:16]),
		requested:    meta.GetRequestedAt().AsTime(),
		generated:    meta.GetGeneratedAt().AsTime(),
		renderedFrom: meta.GetCatalogueVersion(),
		gzip:         sync.OnceValue(func() []byte { return compress(html) }),
	}
	p.html.Store(&html)
	return p, nil
}

// checkFigures checks the costs and times of a page.
func checkFigures(msg *wandstorev1.Page) error {
	if msg.GetCostMicros() < 0 || msg.GetCostSoFarMicros() < msg.GetCostMicros() {
		return fmt.Errorf("%w: the costs do not add up", ErrInvalid)
	}
	if err := msg.GetRequestedAt().CheckValid(); err != nil {
		return fmt.Errorf("%w: requested at: %w", ErrInvalid, err)
	}
	if err := msg.GetGeneratedAt().CheckValid(); err != nil {
		return fmt.Errorf("%w: generated at: %w", ErrInvalid, err)
	}
	return nil
}

// modelName makes s valid UTF-8 and truncates it between runes to maxModel bytes.
func modelName(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= maxModel {
		return strings.Clone(s)
	}
	end := maxModel
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return strings.Clone(s[:end])
}

// Key identifies the shop and the shopper.
func (p *Page) Key() pagekey.Key { return p.key }

// HTML is the whole document, in UTF-8. The document of a page in Memory is kept
// compressed, and each call decompresses it.
func (p *Page) HTML() []byte {
	if html := p.html.Load(); html != nil {
		return *html
	}
	return decompress(p.gzip())
}

// pack drops the document where the compressed one is smaller.
func (p *Page) pack() {
	if p.gzip() != nil {
		p.html.Store(nil)
	}
}

// held is how many bytes of documents the page holds.
func (p *Page) held() int {
	n := len(p.gzip())
	if html := p.html.Load(); html != nil {
		n += len(*html)
	}
	return n
}

// Memo returns what read makes of the page's document. The page remembers it until it is
// asked of something else. So a page in Memory is decompressed once for each thing that it is
// read for, and not at each look. of is compared by ==, and kept.
func Memo[T any](p *Page, of any, read func(html []byte) T) T {
	if m := p.memo.Load(); m != nil && m.of == of {
		if found, ok := m.read.(T); ok {
			return found
		}
	}
	found := read(p.HTML())
	p.memo.Store(&memo{of, found})
	return found
}

// Gzip is the gzipped document, or nil if that would not be smaller. The first call
// compresses it; for a page in Memory that has been done.
func (p *Page) Gzip() []byte { return p.gzip() }

// ETag is the strong entity tag of HTML, with its quotes.
func (p *Page) ETag() string { return `"` + p.etag + `"` }

// GzipETag is the strong entity tag of Gzip, with its quotes. It differs from ETag
// because another content coding is another representation (RFC 9110, 8.8.3).
func (p *Page) GzipETag() string { return `"` + p.etag + `-gzip"` }

// Persona is the persona that the page addresses.
func (p *Page) Persona() string { return p.meta.GetPersona() }

// Source is who designed the page: SourceLLM, SourceTemplate, SourcePartial or
// SourceWebhook.
func (p *Page) Source() string { return p.meta.GetSource() }

// Makeshift reports whether a model failed to design the page. It serves until a model can
// be asked again, and is not stored for good.
func (p *Page) Makeshift() bool { return p.Source() == SourceTemplate || p.Source() == SourcePartial }

// JobID is the id of the job that made the page.
func (p *Page) JobID() string { return p.meta.GetJobId() }

// Model is the name of the model that answered, or "".
func (p *Page) Model() string { return p.meta.GetModel() }

// PromptVersion is the version of the model's prompt, or "".
func (p *Page) PromptVersion() string { return p.meta.GetPromptVersion() }

// CatalogueVersion is the version of the catalogue that the page was designed for.
func (p *Page) CatalogueVersion() string { return p.meta.GetCatalogueVersion() }

// RenderedFrom is the version of the catalogue whose prices and stock the page shows. It
// equals CatalogueVersion unless the page was made by Rerendered.
func (p *Page) RenderedFrom() string { return p.renderedFrom }

// Rerendered returns the page with new HTML: its design rendered again from the given
// version of the catalogue. Job and times stay the same. Only Memory may keep the result,
// since Message has no field for RenderedFrom. Errors: ErrInvalid or ErrTooLarge, for
// html.
func (p *Page) Rerendered(html []byte, catalogue string) (*Page, error) {
	rerendered, err := NewWithHTML(p.meta, html)
	if err != nil {
		return nil, err
	}
	rerendered.renderedFrom = catalogue
	return rerendered, nil
}

// RequestedAt is when the job was requested, in UTC.
func (p *Page) RequestedAt() time.Time { return p.requested }

// GeneratedAt is when the page was made, in UTC.
func (p *Page) GeneratedAt() time.Time { return p.generated }

// Traceparent is the W3C traceparent of the span that made the page, or "".
func (p *Page) Traceparent() string { return p.meta.GetTraceparent() }

// Cost is what the model cost for the page, and CostSoFar what it cost for this and the
// earlier pages of the shopper in the shop, in millionths of a US dollar.
func (p *Page) Cost() int64 { return p.meta.GetCostMicros() }

// CostSoFar is described with Cost.
func (p *Page) CostSoFar() int64 { return p.meta.GetCostSoFarMicros() }

// Message is a copy of the page in its wire format.
func (p *Page) Message() *wandstorev1.Page {
	msg := proto.CloneOf(p.meta)
	msg.Html = string(p.HTML())
	return msg
}

// compare orders the pages of one key by request time, and ties by job id. So every store
// ends with the same page, in whatever order pages arrive. The result is 0 for pages of
// the same job.
func (p *Page) compare(q *Page) int {
	if p.JobID() == q.JobID() {
		return 0
	}
	return cmp.Or(p.requested.Compare(q.requested), strings.Compare(p.JobID(), q.JobID()))
}

var gzipWriters = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

func compress(html []byte) []byte {
	w, _ := gzipWriters.Get().(*gzip.Writer) // New makes nothing else
	defer gzipWriters.Put(w)
	var buf bytes.Buffer
	buf.Grow(len(html) / 4)
	w.Reset(&buf)
	// A write to a bytes.Buffer never fails.
	_, _ = w.Write(html)
	_ = w.Close()
	if buf.Len() >= len(html) {
		return nil
	}
	return bytes.Clone(buf.Bytes())
}

func decompress(zipped []byte) []byte {
	r, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		return nil
	}
	// What compress wrote can be read.
	html, _ := io.ReadAll(r)
	return html
}
