package contract_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/services/allinone/e2e/world"
)

// bomb is a small body that is large once it is decoded.
func bomb(t *testing.T, decoded int) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(z, zeros{}, int64(decoded)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// Nothing decodes an encoded body, whatever it is called and however it is sent. It is
// alone in what it measures, so it runs with no other test.
func TestEncodedBodiesAreRefused(t *testing.T) {
	w := world.New(t)
	e := w.StartEdge()
	const decoded = 300 << 20
	body := bomb(t, decoded)
	form := "multipart/form-data; boundary=x"
	for name, tt := range map[string]struct {
		path, kind string
		codings    []string
		chunked    bool
	}{
		"gzip":               {"/api/shopper/track", "application/json", []string{"gzip"}, false},
		"gzip, chunked":      {"/api/shopper/track", "application/json", []string{"gzip"}, true},
		"stacked":            {"/api/shopper/track", "application/json", []string{"gzip, gzip"}, false},
		"stacked in lines":   {"/api/shopper/track", "application/json", []string{"identity", "gzip"}, false},
		"brotli by name":     {"/api/shopper/track", "application/json", []string{"br"}, false},
		"zstd by name":       {"/api/shopper/track", "application/json", []string{"ZSTD"}, false},
		"a form":             {"/s/magic-wands/cart", world.Form, []string{"gzip"}, false},
		"a multipart form":   {"/s/magic-wands/cart", form, []string{"gzip"}, false},
		"multipart, chunked": {"/s/magic-wands/cart", form, []string{"deflate"}, true},
		"the webhook":        {"/webhook/generation-complete", "application/json", []string{"gzip"}, false},
		"where none is":      {"/nowhere", "application/json", []string{"gzip"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			var from io.Reader = bytes.NewReader(body)
			if tt.chunked {
				from = io.MultiReader(from) // whose length the client does not know
			}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.Base+tt.path, from)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", tt.kind)
			req.Header["Content-Encoding"] = tt.codings
			res, err := world.Client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
			if res.StatusCode != http.StatusUnsupportedMediaType {
				t.Errorf("status %d, want 415", res.StatusCode)
			}
			runtime.ReadMemStats(&after)
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20 {
				t.Errorf("%d MB were allocated for a body of %d KB", grown>>20, len(body)>>10)
			}
		})
	}
}

// Cookies and tokens of a whole company's domain fit.
func TestLargeHeaders(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
	for size, want := range map[int]int{31 << 10: http.StatusOK, 64 << 10: http.StatusRequestHeaderFieldsTooLarge} {
		if a := world.Get(t, e.Base+"/s/magic-wands", "X-Filler", strings.Repeat("x", size)); a.Status != want {
			t.Errorf("headers of %d KB: %d, want %d", size>>10, a.Status, want)
		}
	}
}
