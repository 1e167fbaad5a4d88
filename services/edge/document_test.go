package edge

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"

	"github.com/wandstore/wandstore/pkg/eventually"
)

func TestAccepts(t *testing.T) {
	for header, want := range map[string]bool{
		"":                       false,
		"gzip":                   true,
		"br, gzip, deflate":      true,
		"GZIP":                   true,
		"gzip;q=0":               false,
		"gzip; q=0.0":            false,
		"gzip;q=0.001":           true,
		"gzip;q=1":               true,
		"br;q=1, gzip ; q=0.5":   true,
		"identity":               false,
		"xgzip":                  false,
		"deflate, notgzip;q=0.5": false,
	} {
		if got := accepts(header, "gzip"); got != want {
			t.Errorf("accepts(%q) = %v", header, got)
		}
	}
}

// What is the same for all is sent in the smallest coding that the browser takes, once it is
// worth its time.
func TestSharedDocumentsAreSmall(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	stylesheet, _ := d.edge.deps.Renderer.Stylesheet()
	const front = "/s/" + slug
	coding := func(target, accepted string) (string, reply) {
		res := d.ask(http.MethodGet, target, "", "Accept-Encoding", accepted)
		return res.Header.Get("Content-Encoding"), res
	}
	const browser = "gzip, deflate, br, zstd"
	if got, _ := coding(front, browser); got != "gzip" {
		t.Errorf("a page that was rendered just now is sent as %q", got)
	}
	doc, err := d.edge.fallback(d.shop)
	if err != nil {
		t.Fatal(err)
	}
	doc.made = time.Now().Add(-settled)
	for _, target := range []string{stylesheet, front} {
		eventually.True(t, target+" is compressed by Brotli", func() bool { got, _ := coding(target, browser); return got == "br" })
		_, plain := coding(target, "")
		_, smaller := coding(target, browser)
		_, zipped := coding(target, "gzip")
		if text, err := io.ReadAll(brotli.NewReader(strings.NewReader(smaller.body))); err != nil || string(text) != plain.body || len(smaller.body) >= len(zipped.body) {
			t.Errorf("%s: %d bytes, %d by gzip, %v", target, len(smaller.body), len(zipped.body), err)
		}
		for accepted, want := range map[string]string{"": "", "gzip": "gzip", "br;q=0, gzip": "gzip", "br": "br", "identity": "", "brotli": ""} {
			if got, res := coding(target, accepted); got != want || res.Header.Get("Vary") != "Accept-Encoding" {
				t.Errorf("%s for %q is sent as %q, want %q", target, accepted, got, want)
			}
		}
	}
}

func TestMatches(t *testing.T) {
	const etag = `"abc"`
	for header, want := range map[string]bool{
		"": false, `"abc"`: true, `W/"abc"`: true, `"x", "abc"`: true, `"x","abc"`: true, "*": true,
		`"x"`: false, "abc": false, `"abc-gzip"`: false, ",": false,
	} {
		if got := matches(header, etag); got != want {
			t.Errorf("matches(%q) = %v", header, got)
		}
	}
	if matches("", "") {
		t.Error("no header matches a page without a tag")
	}
}
