package edge

import (
	"bytes"
	"compress/gzip"
	"strings"
)

// document is a page for everybody, ready to send.
type document struct {
	html, gzip []byte
}

func newDocument(html []byte) (*document, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(html); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return &document{html, b.Bytes()}, nil
}

// acceptsGzip reads an Accept-Encoding header (RFC 9110, 12.5.3) for gzip, named
// and not refused.
func acceptsGzip(header string) bool {
	for coding := range strings.SplitSeq(header, ",") {
		name, weight, _ := strings.Cut(coding, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			weight = strings.ReplaceAll(strings.ToLower(weight), " ", "")
			return strings.Trim(strings.TrimPrefix(weight, "q="), "0.") != "" || weight == ""
		}
	}
	return false
}

// matches reads an If-None-Match header (RFC 9110, 13.1.2; weak comparison).
func matches(header, etag string) bool {
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" || strings.TrimPrefix(tag, "W/") == etag {
			return header != ""
		}
	}
	return false
}
