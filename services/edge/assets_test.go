package edge

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// What a page refers to is there, kept by browsers for good, and no document that runs
// anything. What another release's page refers to is there too, for once.
func TestAssets(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	page := d.ask(http.MethodGet, "/s/magic-wands/p/nightjar", "", "Cookie", "wandstore_shopper=ada").body
	addresses := regexp.MustCompile(`(?:href|src)="(/assets/[^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(addresses) < 3 || !strings.HasSuffix(addresses[0][1], ".css") || strings.Contains(page, "<style") {
		t.Fatalf("the page of a returning browser refers to %v", addresses)
	}
	kinds := map[string]string{".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
	for _, a := range addresses {
		address := a[1]
		kind := kinds[address[strings.LastIndex(address, "."):]]
		res := d.ask(http.MethodGet, address, "")
		if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != kind || res.Header.Get("X-Content-Type-Options") != "nosniff" ||
			res.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" || len(res.Cookies()) > 0 {
			t.Errorf("%s: %d %v", address, res.StatusCode, res.Header)
		}
		zipped := d.ask(http.MethodGet, address, "", "Accept-Encoding", "gzip")
		z, err := gzip.NewReader(bytes.NewReader([]byte(zipped.body)))
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := io.ReadAll(z); err != nil || string(plain) != res.body || zipped.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s, compressed: %d bytes of %d, %v", address, len(plain), len(res.body), err)
		}
		older := regexp.MustCompile(`[0-9a-f]{16}`).ReplaceAllString(address, "0123456789abcdef")
		if got := d.ask(http.MethodGet, older, ""); got.StatusCode != http.StatusOK || got.body != res.body || got.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v", older, got.StatusCode, got.Header)
		}
	}
	for _, path := range []string{
		"/assets/", "/assets/shop.js", "/assets/magic-wands", "/assets/magic-wands/nightjar.svg", "/assets/magic-wands/no-such-wand.0123456789abcdef.svg",
		"/assets/no-such-shop/nightjar.0123456789abcdef.svg", "/assets/a.b/nightjar.0123456789abcdef.svg", "/assets/magic-wands/..%2fnightjar.0123456789abcdef.svg",
	} {
		if res := d.ask(http.MethodGet, path, ""); res.StatusCode != http.StatusNotFound || res.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s", path, res.StatusCode, res.Header.Get("Content-Type"))
		}
	}
}

// The page of a first visit is seen without another request, and those after it are short.
func TestAFirstVisitContainsTheStylesheet(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, path := range []string{"/s/magic-wands", "/s/magic-wands/p/nightjar", "/s/magic-wands/search", "/s/magic-wands/c"} {
		first := d.ask(http.MethodGet, path, "").body
		if !strings.Contains(first, "<style>") || strings.Contains(first, `rel="stylesheet"`) {
			t.Errorf("%s: a first visit's page links its stylesheet", path)
		}
	}
	for _, path := range []string{"/s/magic-wands/p/nightjar", "/s/magic-wands/search", "/s/magic-wands/c", "/s/magic-wands/cart"} {
		again := d.ask(http.MethodGet, path, "", "Cookie", "wandstore_shopper=ada").body
		if strings.Contains(again, "<style>") || !strings.Contains(again, `rel="stylesheet"`) {
			t.Errorf("%s: a later page contains the stylesheet again", path)
		}
	}
}
