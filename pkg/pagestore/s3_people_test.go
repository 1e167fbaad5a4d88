package pagestore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// asks gives a store of an S3 server by handler, whatever its host's name.
func asks(t *testing.T, cfg S3Config, handler http.HandlerFunc) *S3 {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	cfg.Bucket = "pages"
	s, err := NewS3(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	s.transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
	}
	return s
}

// An object store without conditional writes is known at the start.
func TestConditionalWritesAreChecked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answers []int // in turn; the last one again
		want    error
	}{
		"new":          {[]int{200, 412}, nil},
		"there before": {[]int{412}, nil},
		"ignored":      {[]int{200}, ErrNoConditionalWrites},
		"unknown":      {[]int{501}, ErrNoConditionalWrites},
		"refused":      {[]int{403}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := 0
			s := asks(t, S3Config{Endpoint: "s3.example.com", AccessKey: "key", SecretKey: "secret"}, func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodPut || r.Header.Get("If-None-Match") != "*" || !strings.HasPrefix(r.URL.Path, "/pages/generated/") {
					t.Errorf("%s %s", r.Method, r.URL)
				}
				status := c.answers[min(n, len(c.answers)-1)]
				n++
				w.Header().Set("ETag", `"e"`)
				w.WriteHeader(status)
				if status >= 300 {
					code := map[int]string{412: "PreconditionFailed", 501: "NotImplemented", 403: "AccessDenied"}[status]
					fmt.Fprintf(w, "<Error><Code>%s</Code></Error>", code)
				}
			})
			err := s.CheckConditionalWrites(t.Context())
			if refused := name == "refused"; refused != (err != nil && !errors.Is(err, ErrNoConditionalWrites)) || !refused && !errors.Is(err, c.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// The bucket's place, the region and the keys of requests are as they were set.
func TestS3AsPeopleHaveIt(t *testing.T) {
	// The keys of a container's role, as AWS hands them out.
	keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{
			"Code": "Success", "AccessKeyId": "ROLE", "SecretAccessKey": "role-secret", "Token": "role-token", "Expiration": time.Now().Add(time.Hour),
		})
	}))
	defer keys.Close()
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/none")
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", keys.URL)
	for name, c := range map[string]struct {
		cfg               S3Config
		host, path, signs string
		token             string
	}{
		"defaults": {
			cfg:  S3Config{AccessKey: "key", SecretKey: "secret"},
			host: "s3.example.com", path: "/pages/", signs: "Credential=key/", token: "",
		},
		"a region, by the host": {
			cfg:  S3Config{AccessKey: "key", SecretKey: "secret", Region: "eu-central-1", Style: StyleHost},
			host: "pages.s3.example.com", path: "/generated/", signs: "/eu-central-1/s3/",
		},
		"a role": {
			cfg:  S3Config{Credentials: CredentialsIAM},
			host: "s3.example.com", path: "/pages/", signs: "Credential=ROLE/", token: "role-token",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.cfg.Endpoint = "s3.example.com"
			dial := &net.Dialer{}
			s := asks(t, c.cfg, func(w http.ResponseWriter, r *http.Request) {
				if r.Host != c.host || !strings.HasPrefix(r.URL.Path, c.path) {
					t.Errorf("asked %s for %s", r.Host, r.URL.Path)
				}
				if !strings.Contains(r.Header.Get("Authorization"), c.signs) || r.Header.Get("X-Amz-Security-Token") != c.token {
					t.Errorf("signed %s", r.Header)
				}
				w.WriteHeader(http.StatusNotFound)
				fmt.Fprint(w, "<Error><Code>NoSuchKey</Code></Error>")
			})
			toServer := s.transport.DialContext
			s.transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				if strings.HasPrefix(addr, "127.0.0.1:") {
					return dial.DialContext(ctx, network, addr)
				}
				return toServer(ctx, network, addr)
			}
			if err := s.EnsureBucket(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}
