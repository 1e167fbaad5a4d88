package pagestore

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/wandstore/wandstore/pkg/miniotest"
)

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// A machine whose clock is an hour off has one request refused, and then reads and writes by
// the store's time.
func TestObjectStoreByItsOwnTime(t *testing.T) {
	t.Parallel()
	server := miniotest.Start(t)
	bucket := server.Bucket(t)
	for name, wrong := range map[string]time.Duration{"ahead": time.Hour, "behind": -time.Hour, "right": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			creds := credentials.NewStaticV4(miniotest.AccessKey, miniotest.SecretKey, "")
			own := func() time.Time { return time.Now().Add(wrong) }
			corrected := &clockTransport{next: http.DefaultTransport, creds: creds, now: own}
			client, err := minio.New(server.Addr(), &minio.Options{
				Creds: creds, Region: "us-east-1", MaxRetries: 1,
				// The client goes by a clock that the test cannot set.
				Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
					return corrected.RoundTrip(corrected.signAnew(req, own().UTC()))
				}),
			})
			if err != nil {
				t.Fatal(err)
			}
			core := minio.Core{Client: client}
			object, body := "generated/shop:"+name+".html", []byte("<p>a page</p>")
			get := func() error {
				r, _, _, err := core.GetObject(t.Context(), bucket, object, minio.GetObjectOptions{})
				if err != nil {
					return err
				}
				defer r.Close()
				got, err := io.ReadAll(r)
				if err == nil && !bytes.Equal(got, body) {
					t.Errorf("read %q", got)
				}
				return err
			}
			wanted := minio.NoSuchKey
			if wrong != 0 {
				wanted = minio.RequestTimeTooSkewed
			}
			if code := minio.ToErrorResponse(get()).Code; code != wanted {
				t.Errorf("the first request: %q, want %q", code, wanted)
			}
			if code := minio.ToErrorResponse(get()).Code; code != minio.NoSuchKey {
				t.Errorf("the second request: %q, want %q", code, minio.NoSuchKey)
			}
			digest := sha256.Sum256(body)
			opts := minio.PutObjectOptions{UserMetadata: map[string]string{"Persona": "a  b"}, DisableContentSha256: true}
			opts.SetMatchETagExcept("*")
			if _, err := core.PutObject(t.Context(), bucket, object, bytes.NewReader(body), int64(len(body)), "", hex.EncodeToString(digest[:]), opts); err != nil {
				t.Fatal(err)
			}
			if err := get(); err != nil {
				t.Error(err)
			}
			for found := range client.ListObjects(t.Context(), bucket, minio.ListObjectsOptions{Prefix: "generated/shop:" + name, Recursive: true}) {
				if found.Err != nil || found.Key != object {
					t.Errorf("listed %q, %v", found.Key, found.Err)
				}
			}
		})
	}
}
