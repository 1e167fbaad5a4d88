package pagestore_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/miniotest"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/pagestore/pagestoretest"
)

// What a container of AWS gets its keys from: here the agent that EKS, ECS and others have.
func TestIAMGivesTheKeys(t *testing.T) {
	server := miniotest.Start(t)
	bucket := server.Bucket(t)
	key := limited(t, server.Addr(), bucket, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*"],"Resource":["arn:aws:s3:::`+bucket+`/*"]}]}`)
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if err := json.NewEncoder(w).Encode(map[string]any{
			"AccessKeyId": key.AccessKey, "SecretAccessKey": key.SecretKey, "Token": key.SessionToken,
			"Expiration": time.Now().Add(time.Hour).UTC().Format(time.RFC3339),
		}); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(agent.Close)
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/none")
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", agent.URL)

	store := openS3(t, pagestore.S3Config{Endpoint: server.Addr(), Bucket: bucket, Credentials: pagestore.CredentialsIAM})
	if err := errors.Join(store.EnsureBucket(t.Context()), store.CheckConditionalWrites(t.Context())); err != nil {
		t.Fatal(err)
	}
	page := pagestoretest.Page(t, "job", 0)
	put(t, store, page)
	if got, err := store.Get(t.Context(), page.Key()); err != nil || got.JobID() != "job" {
		t.Errorf("Get: %v, %v", got, err)
	}
}

// AWS calls an object forbidden that is missing, to a key that may not list the bucket.
func TestForbiddenIsMissing(t *testing.T) {
	t.Parallel()
	server := miniotest.Start(t)
	bucket := server.Bucket(t)
	page, newer := pagestoretest.Page(t, "job", 0), pagestoretest.Page(t, "newer", 1)

	store := newS3(t, asAWS(t, server.Addr(), nil), bucket)
	if err := store.EnsureBucket(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Get(t.Context(), page.Key()); !errors.Is(err, pagestore.ErrMiss) {
		t.Errorf("Get of nothing: %v", err)
	}
	put(t, store, page)
	put(t, store, newer)
	if got, err := store.Get(t.Context(), page.Key()); err != nil || got.JobID() != "newer" {
		t.Errorf("Get: %v, %v", got, err)
	}

	// Whose key was taken back is told so, and pays for no page.
	gone := newS3(t, asAWS(t, server.Addr(), func(*http.Request) bool { return true }), bucket)
	if _, err := gone.Get(t.Context(), page.Key()); err == nil || errors.Is(err, pagestore.ErrMiss) {
		t.Errorf("Get without a right: %v", err)
	}
	if err := gone.EnsureBucket(t.Context()); err == nil || !strings.Contains(err.Error(), "check bucket") {
		t.Errorf("EnsureBucket without a right: %v", err)
	}
}

// asAWS puts a proxy before addr that says of missing objects, and of what refuses, that
// they are forbidden.
func asAWS(t *testing.T, addr string, refuses func(*http.Request) bool) string {
	t.Helper()
	const body = `<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>`
	transport := &http.Transport{}
	front := httptest.NewServer(&httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: addr})
			r.Out.Host = r.In.Host // part of the signature
		},
		ModifyResponse: func(r *http.Response) error {
			if r.StatusCode != http.StatusNotFound && (refuses == nil || !refuses(r.Request)) {
				return nil
			}
			r.StatusCode, r.Status = http.StatusForbidden, "403 Forbidden"
			if r.Request.Method == http.MethodHead {
				return nil
			}
			_ = r.Body.Close()
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader([]byte(body))), int64(len(body))
			r.Header.Set("Content-Length", strconv.Itoa(len(body)))
			return nil
		},
	})
	t.Cleanup(func() {
		front.Close()
		transport.CloseIdleConnections()
	})
	return front.Listener.Addr().String()
}

// A store that takes a write whose condition is not met would keep older pages.
func TestConditionalWritesAreChecked(t *testing.T) {
	t.Parallel()
	const unknown = `<Error><Code>NotImplemented</Code></Error>`
	for name, tt := range map[string]struct {
		// ifNone and ifMatch are the answers to writes whose condition is not met.
		ifNone, ifMatch int
		body            string
		want            string
	}{
		"both":                  {ifNone: 412, ifMatch: 412, body: `<Error><Code>PreconditionFailed</Code></Error>`},
		"two writers at a time": {ifNone: 409, ifMatch: 409, body: `<Error><Code>ConditionalRequestConflict</Code></Error>`},
		"neither":               {ifNone: 200, ifMatch: 200, want: "no conditional writes"},
		"If-None-Match only":    {ifNone: 412, ifMatch: 200, body: `<Error><Code>PreconditionFailed</Code></Error>`, want: "no conditional writes"},
		"not implemented":       {ifNone: 501, ifMatch: 501, body: unknown, want: "no conditional writes"},
		"refused as invalid":    {ifNone: 400, ifMatch: 400, body: `<Error><Code>InvalidArgument</Code></Error>`, want: "no conditional writes"},
		"another region":        {ifNone: 400, ifMatch: 400, body: `<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region 'us-east-1' is wrong</Message></Error>`, want: "region"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				status := tt.ifMatch
				if r.Header.Get("If-None-Match") != "" {
					status = tt.ifNone
				}
				w.Header().Set("ETag", `"a"`)
				w.Header().Set("Content-Type", "application/xml")
				w.WriteHeader(status)
				if status != http.StatusOK {
					_, _ = io.WriteString(w, tt.body)
				}
			}))
			t.Cleanup(server.Close)
			err := newS3(t, server.Listener.Addr().String(), "bucket").CheckConditionalWrites(t.Context())
			lacks := tt.want == "no conditional writes"
			if (err == nil) != (tt.want == "") || errors.Is(err, pagestore.ErrNoConditionalWrites) != lacks || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}
