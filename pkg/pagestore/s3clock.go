package pagestore

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/s3utils"
)

// clockTransport signs requests anew by the object store's time where this machine's clock is
// wrong: S3 refuses what was signed more than 15 minutes from its own time
// (RequestTimeTooSkewed), and the client signs by the machine's clock. Every answer has the
// store's time, so at most one request is refused before the difference is known.
type clockTransport struct {
	next  http.RoundTripper
	creds *credentials.Credentials
	now   func() time.Time
	// skew is how far the store's time is ahead of the own clock.
	skew atomic.Int64
}

// maxSkew is the difference up to which the client's signature is left as it is.
const maxSkew = time.Minute

// RoundTrip implements http.RoundTripper.
func (t *clockTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if skew := time.Duration(t.skew.Load()); skew.Abs() > maxSkew {
		req = t.signAnew(req, t.now().Add(skew).UTC())
	}
	res, err := t.next.RoundTrip(req)
	if err == nil {
		if at, parseErr := http.ParseTime(res.Header.Get("Date")); parseErr == nil {
			t.skew.Store(int64(at.Sub(t.now())))
		}
	}
	return res, err
}

const (
	amzDate    = "20060102T150405Z"
	amzPayload = "X-Amz-Content-Sha256"
	algorithm  = "AWS4-HMAC-SHA256"
)

// signAnew returns the request signed at that time, of the same headers and payload as before
// (AWS Signature Version 4). One that is not signed, or whose body is signed in chunks,
// stays as it is.
func (t *clockTransport) signAnew(req *http.Request, at time.Time) *http.Request {
	given, signed := strings.CutPrefix(req.Header.Get("Authorization"), algorithm+" Credential=")
	parts := strings.Split(given, ", ")
	scope := strings.Split(parts[0], "/")
	payload := req.Header.Get(amzPayload)
	if !signed || len(parts) != 3 || len(scope) < 5 || payload == "" || strings.HasPrefix(payload, "STREAMING-") {
		return req
	}
	keys, err := t.creds.GetWithContext(nil)
	if err != nil {
		return req
	}
	names := strings.TrimPrefix(parts[1], "SignedHeaders=")
	req = req.Clone(req.Context())
	req.Header.Set("X-Amz-Date", at.Format(amzDate))
	var headers strings.Builder
	for name := range strings.SplitSeq(names, ";") {
		value := strings.Join(req.Header.Values(name), ",")
		if name == "host" {
			if value = req.Host; value == "" {
				value = req.URL.Host
			}
		}
		headers.WriteString(name + ":" + strings.Join(strings.Fields(value), " ") + "\n")
	}
	canonical := strings.Join([]string{
		req.Method, s3utils.EncodePath(req.URL.Path), req.URL.RawQuery, headers.String(), names, payload,
	}, "\n")
	// An access key may have slashes in it.
	id, service := strings.Join(scope[:len(scope)-4], "/"), scope[len(scope)-3:]
	dated := append([]string{at.Format("20060102")}, service...)
	key := []byte("AWS4" + keys.SecretAccessKey)
	for _, part := range dated {
		key = mac256(key, part)
	}
	digest := sha256.Sum256([]byte(canonical))
	text := strings.Join([]string{algorithm, at.Format(amzDate), strings.Join(dated, "/"), hex.EncodeToString(digest[:])}, "\n")
	req.Header.Set("Authorization", algorithm+" Credential="+id+"/"+strings.Join(dated, "/")+", SignedHeaders="+names+
		", Signature="+hex.EncodeToString(mac256(key, text)))
	return req
}

func mac256(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
