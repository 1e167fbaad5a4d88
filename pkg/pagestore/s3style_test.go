package pagestore

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/pagekey"
)

// Requests are signed for the region, and name the bucket where the provider wants it.
func TestRegionAndStyle(t *testing.T) {
	t.Parallel()
	key, err := pagekey.New("magic-wands", "abc123")
	if err != nil {
		t.Fatal(err)
	}
	for style, want := range map[string]string{
		StylePath: "s3.example.com /pages/generated/magic-wands:abc123.html",
		StyleHost: "pages.s3.example.com /generated/magic-wands:abc123.html",
	} {
		var asked, signed string
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked, signed = r.Host+" "+r.URL.Path, r.Header.Get("Authorization")
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`<Error><Code>NoSuchKey</Code></Error>`))
		}))
		t.Cleanup(server.Close)
		store, err := NewS3(S3Config{
			Endpoint: "s3.example.com", AccessKey: "key", SecretKey: "secret", Bucket: "pages", Region: "eu-central-1", Style: style,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(store.Close)
		store.transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
		}
		if _, err := store.Get(t.Context(), key); !errors.Is(err, ErrMiss) {
			t.Errorf("%s: %v", style, err)
		}
		if asked != want || !strings.Contains(signed, "/eu-central-1/s3/") {
			t.Errorf("%s: asked %q, want %q; signed %q", style, asked, want, signed)
		}
	}
}
