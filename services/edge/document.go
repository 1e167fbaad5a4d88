package edge

import (
	"bytes"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/gofiber/fiber/v2"
	"github.com/klauspost/compress/gzip"
)

// document is a page or an asset that is the same for every shopper, ready to send.
type document struct {
	plain, gzip []byte
	// made is when it was made; zero for what is never made anew.
	made time.Time
	// brotli is nil until it was worth its time.
	brotli atomic.Pointer[[]byte]
}

// settled is the age from which a document is compressed by Brotli. That takes twenty times as
// long as gzip, for an eighth less: too long for a page that changes with each sale.
const settled = time.Minute

func newDocument(plain []byte, made time.Time) (*document, error) {
	zipped, err := compress(plain, func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriterLevel(w, gzip.BestCompression) })
	if err != nil {
		return nil, err
	}
	return &document{plain: plain, gzip: zipped, made: made}, nil
}

// compress returns a document as a compressor writes it.
func compress(plain []byte, compressor func(io.Writer) (io.WriteCloser, error)) ([]byte, error) {
	var b bytes.Buffer
	z, err := compressor(&b)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(plain); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// sendDocument answers with a document in the smallest coding that there is and that the
// browser takes.
func (e *Edge) sendDocument(c *fiber.Ctx, d *document) error {
	c.Set(fiber.HeaderVary, fiber.HeaderAcceptEncoding)
	accepted := c.Get(fiber.HeaderAcceptEncoding)
	body, coding := d.plain, ""
	if accepts(accepted, "gzip") {
		body, coding = d.gzip, "gzip"
	}
	if accepts(accepted, "br") {
		if smaller := d.brotli.Load(); smaller != nil {
			body, coding = *smaller, "br"
		} else {
			e.shrink(d)
		}
	}
	if coding != "" {
		c.Set(fiber.HeaderContentEncoding, coding)
	}
	c.Context().Response.SetBodyRaw(body)
	return nil
}

// shrink has a settled document compressed by Brotli, in the background and one at a time. A
// document that it leaves out is asked for again.
func (e *Edge) shrink(d *document) {
	if time.Since(d.made) < settled {
		return
	}
	select {
	case e.shrinking <- struct{}{}:
	default:
		return
	}
	// Nobody waits for it at the end: it takes seconds on a busy machine, and needs no store.
	go func() {
		defer func() { <-e.shrinking }()
		if d.brotli.Load() != nil {
			return
		}
		smaller, err := compress(d.plain, func(w io.Writer) (io.WriteCloser, error) {
			return brotli.NewWriterLevel(w, brotli.BestCompression), nil
		})
		if err == nil {
			d.brotli.Store(&smaller)
		}
	}()
}

// accepts reports whether an Accept-Encoding header (RFC 9110, 12.5.3) names the coding with a
// weight above 0.
func accepts(header, coding string) bool {
	for named := range strings.SplitSeq(header, ",") {
		name, weight, _ := strings.Cut(named, ";")
		if strings.EqualFold(strings.TrimSpace(name), coding) {
			weight = strings.ReplaceAll(strings.ToLower(weight), " ", "")
			return strings.Trim(strings.TrimPrefix(weight, "q="), "0.") != "" || weight == ""
		}
	}
	return false
}

// matches reports whether an If-None-Match header names the entity tag (RFC 9110, 13.1.2,
// weak comparison).
func matches(header, etag string) bool {
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" || strings.TrimPrefix(tag, "W/") == etag {
			return header != ""
		}
	}
	return false
}
