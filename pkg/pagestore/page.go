package pagestore

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"
	"google.golang.org/protobuf/proto"

	"github.com/wandstore/wandstore/pkg/pagekey"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// MaxHTML is the largest document, in bytes. Twice it fits into a NATS message
// (max_payload 1 MB), which leaves protojson room to escape quotes.
const MaxHTML = 512 << 10

// Who designed a page.
const (
	SourceLLM      = "llm"
	SourceTemplate = "template"
	SourceWebhook  = "webhook"
)

// Longest texts of a page, in bytes. Percent-encoded at three bytes each, with
// ids, times and names, they stay within the 2 KiB that S3 allows for an
// object's user metadata.
const (
	maxPersona     = 32
	maxSource      = 16
	maxJobID       = 128
	maxModel       = 128
	maxVersion     = 64
	maxTraceparent = 64
)

// Page is a generated page, ready to serve. It does not change once made and is
// safe for concurrent use; what its methods return must not be written to.
type Page struct {
	key       pagekey.Key
	meta      *wandstorev1.Page // without html
	html      []byte
	etag      string // unquoted
	requested time.Time
	generated time.Time
	drawn     string // the catalogue's version
	gzip      func() []byte
}

// New makes a Page of a copy of msg, or says ErrInvalid or ErrTooLarge.
//
// The model's name alone comes from outside: it is not refused but made UTF-8
// and cut to 128 bytes.
func New(msg *wandstorev1.Page) (*Page, error) {
	if n := len(msg.GetHtml()); n > MaxHTML {
		return nil, fmt.Errorf("%w: %d bytes of html, at most %d", ErrTooLarge, n, MaxHTML)
	}
	return newPage(msg, []byte(msg.GetHtml()))
}

// newPage takes html as its own, and ignores msg's.
func newPage(msg *wandstorev1.Page, html []byte) (*Page, error) {
	key, err := pagekey.New(msg.GetStoreSlug(), msg.GetShopperId())
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
	if err := msg.GetRequestedAt().CheckValid(); err != nil {
		return nil, fmt.Errorf("%w: requested at: %w", ErrInvalid, err)
	}
	if err := msg.GetGeneratedAt().CheckValid(); err != nil {
		return nil, fmt.Errorf("%w: generated at: %w", ErrInvalid, err)
	}

	meta := &wandstorev1.Page{
		StoreSlug:        key.Store(),
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
	}
	sum := sha256.Sum256(html)
	return &Page{
		key:       key,
		meta:      meta,
		html:      html,
		etag:      base64.RawURLEncoding.EncodeToString(sum[:16]),
		requested: meta.GetRequestedAt().AsTime(),
		generated: meta.GetGeneratedAt().AsTime(),
		drawn:     meta.GetCatalogueVersion(),
		gzip:      sync.OnceValue(func() []byte { return compress(html) }),
	}, nil
}

// modelName is s as valid UTF-8 of at most maxModel bytes, cut between runes.
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

// Key names whose page of which store it is.
func (p *Page) Key() pagekey.Key { return p.key }

// HTML is the whole document, UTF-8.
func (p *Page) HTML() []byte { return p.html }

// Gzip is the document gzipped, or nil if that would not be smaller. It is made
// on the first call; a page in Memory has it already.
func (p *Page) Gzip() []byte { return p.gzip() }

// ETag is the strong entity tag of the document as it is, with its quotes.
func (p *Page) ETag() string { return `"` + p.etag + `"` }

// GzipETag is the strong entity tag of the gzipped document: another content
// coding is another representation (RFC 9110, 8.8.3).
func (p *Page) GzipETag() string { return `"` + p.etag + `-gzip"` }

// Persona is whom it addresses.
func (p *Page) Persona() string { return p.meta.GetPersona() }

// Source is who designed it: SourceLLM, SourceTemplate or SourceWebhook.
func (p *Page) Source() string { return p.meta.GetSource() }

// JobID is the job that made it.
func (p *Page) JobID() string { return p.meta.GetJobId() }

// Model is the model that answered, or "".
func (p *Page) Model() string { return p.meta.GetModel() }

// PromptVersion is the version of the prompt it came from.
func (p *Page) PromptVersion() string { return p.meta.GetPromptVersion() }

// CatalogueVersion is the version of the catalogue it was made for.
func (p *Page) CatalogueVersion() string { return p.meta.GetCatalogueVersion() }

// RenderedFrom is the version of the catalogue whose prices and stock it shows: the
// one it was made for, unless it is a Rerendered one.
func (p *Page) RenderedFrom() string { return p.drawn }

// Rerendered is the page with its design drawn again, as html, from that version of
// the catalogue: still the page of the same job, made when it was made. It is for
// serving; Message and the stores below Memory would lose what it was drawn from.
// Errors: ErrInvalid or ErrTooLarge, of html.
func (p *Page) Rerendered(html []byte, catalogue string) (*Page, error) {
	if n := len(html); n > MaxHTML {
		return nil, fmt.Errorf("%w: %d bytes of html, at most %d", ErrTooLarge, n, MaxHTML)
	}
	rerendered, err := newPage(p.meta, html)
	if err != nil {
		return nil, err
	}
	rerendered.drawn = catalogue
	return rerendered, nil
}

// RequestedAt is when its job was requested, UTC.
func (p *Page) RequestedAt() time.Time { return p.requested }

// GeneratedAt is when it was made, UTC.
func (p *Page) GeneratedAt() time.Time { return p.generated }

// Traceparent is the W3C traceparent of its making, or "".
func (p *Page) Traceparent() string { return p.meta.GetTraceparent() }

// Message is the page as it goes on the wire, a copy.
func (p *Page) Message() *wandstorev1.Page {
	msg := proto.CloneOf(p.meta)
	msg.Html = string(p.html)
	return msg
}

// compare orders the pages of one key: by request time, ties by job, so that
// every store ends with the same one whatever the order of arrival. 0 is the
// same job.
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
	// A bytes.Buffer takes every write.
	_, _ = w.Write(html)
	_ = w.Close()
	if buf.Len() >= len(html) {
		return nil
	}
	return bytes.Clone(buf.Bytes())
}
