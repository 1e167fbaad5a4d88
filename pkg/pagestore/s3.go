package pagestore

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/wandstore/wandstore/pkg/lifecycle"
	"github.com/wandstore/wandstore/pkg/pagekey"
)

const contentType = "text/html; charset=utf-8"

// S3Config holds the address and the credentials of the object store.
type S3Config struct {
	// Endpoint is host:port, without a scheme.
	Endpoint string `env:"MINIO_ENDPOINT" envDefault:"127.0.0.1:9000"`
	// Credentials says where the keys come from: CredentialsKeys, which "" is too, or
	// CredentialsIAM.
	Credentials string `env:"MINIO_CREDENTIALS" envDefault:"keys"`
	// AccessKey and SecretKey sign requests; the secret is never sent.
	AccessKey string `env:"MINIO_ACCESS_KEY" envDefault:"minioadmin"`
	SecretKey string `env:"MINIO_SECRET_KEY" secret:"true" envDefault:"minioadmin"`
	// SessionToken goes with keys that are temporary; empty for others.
	SessionToken string
	// Bucket is the bucket's name.
	Bucket string `env:"MINIO_BUCKET" envDefault:"wandstore-generated-ui"`
	// Region is the region that requests are signed for. Empty means "us-east-1", which
	// MinIO accepts.
	Region string `env:"MINIO_REGION"`
	// Style is where requests name the bucket: StylePath, which "" is too, or StyleHost.
	Style string `env:"MINIO_STYLE" envDefault:"path"`
	// PageTTL is how long the object store keeps a page after its last write, in whole
	// days; 0 is for good. See EnsureLifecycle.
	PageTTL time.Duration `env:"PAGE_TTL"`
	// UseTLS selects HTTPS.
	UseTLS bool `env:"MINIO_USE_TLS"`
}

// Where S3Config's keys come from.
const (
	// CredentialsKeys are AccessKey and SecretKey.
	CredentialsKeys = "keys"
	// CredentialsIAM is what AWS gives a workload: AWS_ACCESS_KEY_ID and its like, a web
	// identity, the container's or the machine's role, in this order. They are renewed
	// before they expire.
	CredentialsIAM = "iam"
)

// Where a request names the bucket.
const (
	// StylePath is in the path, which every server takes.
	StylePath = "path"
	// StyleHost is before the host's name, which some providers want.
	StyleHost = "host"
)

// Validate names the first variable that is missing or wrong.
func (c S3Config) Validate() error {
	switch {
	case c.Endpoint == "" || strings.Contains(c.Endpoint, "/"):
		return errors.New("MINIO_ENDPOINT is not host:port")
	case c.Credentials != "" && c.Credentials != CredentialsKeys && c.Credentials != CredentialsIAM:
		return errors.New("MINIO_CREDENTIALS is not keys or iam")
	case c.Style != "" && c.Style != StylePath && c.Style != StyleHost:
		return errors.New("MINIO_STYLE is not path or host")
	case c.Credentials == CredentialsIAM:
		return c.validateBucket()
	case c.AccessKey == "" || c.SecretKey == "":
		return errors.New("MINIO_ACCESS_KEY or MINIO_SECRET_KEY is empty")
	case (c.AccessKey == defaultKey || c.SecretKey == defaultKey) && !lifecycle.Loopback(c.Endpoint):
		name := "MINIO_SECRET_KEY"
		if c.SecretKey != defaultKey {
			name = "MINIO_ACCESS_KEY"
		}
		return errors.New(name + " is MinIO's default, which everybody knows: set it, since MINIO_ENDPOINT is not on loopback")
	}
	return c.validateBucket()
}

func (c S3Config) validateBucket() error {
	switch {
	case c.Bucket == "":
		return errors.New("MINIO_BUCKET is empty")
	case c.PageTTL < 0 || c.PageTTL%day != 0:
		return errors.New("PAGE_TTL is neither 0 nor whole days, such as 720h")
	}
	return nil
}

// credentials are the keys, or where the client gets them.
func (c S3Config) credentials(transport http.RoundTripper) *credentials.Credentials {
	if c.Credentials != CredentialsIAM {
		return credentials.NewStaticV4(c.AccessKey, c.SecretKey, c.SessionToken)
	}
	return credentials.NewChainCredentials([]credentials.Provider{
		&credentials.EnvAWS{}, &credentials.FileAWSCredentials{},
		&credentials.IAM{Client: &http.Client{Transport: transport, Timeout: keysTimeout}, Region: c.Region},
	})
}

// keysTimeout bounds one request for keys.
const keysTimeout = 5 * time.Second

// defaultKey is the user name and the password of a MinIO that nobody has configured.
const defaultKey = "minioadmin"

// S3 keeps pages in an S3 bucket permanently. The HTML is the object, and the rest of the
// page is its user metadata. S3 is safe for concurrent use.
//
// The server must support conditional writes (If-Match and If-None-Match on PutObject),
// as AWS S3, MinIO and others do.
type S3 struct {
	core      minio.Core
	transport *http.Transport
	bucket    string
	region    string
	keys      Keys
	pageTTL   time.Duration
}

// NewS3 returns a store. It does not connect; its errors are errors of the configuration.
// With keys it signs the pages that it stores, and knows no others.
func NewS3(cfg S3Config, keys ...Keys) (*S3, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Region == "" {
		cfg.Region = "us-east-1"
	}
	transport, err := minio.DefaultTransport(cfg.UseTLS)
	if err != nil {
		return nil, fmt.Errorf("object store: %w", err)
	}
	// All requests go to one host. With the default of 16, every concurrent request above
	// that would open a connection of its own.
	transport.MaxIdleConnsPerHost = transport.MaxIdleConns
	client, err := minio.New(cfg.Endpoint, &minio.Options{
		Creds:     cfg.credentials(transport),
		Secure:    cfg.UseTLS,
		Transport: transport,
		// Without a region the client asks the server for it first.
		Region:       cfg.Region,
		BucketLookup: map[bool]minio.BucketLookupType{true: minio.BucketLookupDNS, false: minio.BucketLookupPath}[cfg.Style == StyleHost],
		// The callers retry: by later lookups, and by redeliveries of the queue.
		MaxRetries: 1,
	})
	if err != nil {
		return nil, fmt.Errorf("object store: %w", err)
	}
	return &S3{
		core: minio.Core{Client: client}, transport: transport, bucket: cfg.Bucket, region: cfg.Region,
		keys: join(keys), pageTTL: cfg.PageTTL,
	}, nil
}

// Close closes idle connections.
func (s *S3) Close() { s.transport.CloseIdleConnections() }

// bucketProbe is the name of an object that is never written.
const bucketProbe = "generated/.probe"

// EnsureBucket checks that the bucket exists, and creates it if it is missing. It checks by
// reading an object, so a key that may only read and write objects is enough where the
// bucket exists. The error is the client's.
func (s *S3) EnsureBucket(ctx context.Context) error {
	body, _, _, err := s.core.GetObject(ctx, s.bucket, bucketProbe, minio.GetObjectOptions{})
	if err == nil {
		return body.Close()
	}
	switch minio.ToErrorResponse(err).Code {
	case minio.NoSuchKey:
		return nil
	case minio.NoSuchBucket:
	default:
		return fmt.Errorf("check bucket %s: %w", s.bucket, nameless(err))
	}
	err = s.core.MakeBucket(ctx, s.bucket, minio.MakeBucketOptions{Region: s.region})
	switch minio.ToErrorResponse(err).Code {
	case minio.BucketAlreadyOwnedByYou, minio.BucketAlreadyExists:
		return nil
	}
	if err != nil {
		return fmt.Errorf("make bucket %s: %w", s.bucket, nameless(err))
	}
	return nil
}

// ErrNoConditionalWrites: the object store ignores or refuses If-None-Match on PutObject. An
// older page would replace a newer one there.
var ErrNoConditionalWrites = errors.New("the object store has no conditional writes (If-None-Match and If-Match on PutObject), without which no page is stored: use one that has, such as AWS S3 or MinIO")

// conditionProbe is the name of the object by which conditional writes are tried.
const conditionProbe = pagePrefix + ".condition"

// CheckConditionalWrites returns ErrNoConditionalWrites if the server does not support them.
// It needs no rights beyond those that a page needs, and leaves a small object behind. Other
// errors are the client's.
func (s *S3) CheckConditionalWrites(ctx context.Context) error {
	var opts minio.PutObjectOptions
	opts.SetMatchETagExcept("*")
	// The first write may make the object; the second has to be refused.
	for range 2 {
		_, err := s.core.Client.PutObject(ctx, s.bucket, conditionProbe, strings.NewReader("?"), 1, opts)
		switch code := minio.ToErrorResponse(err); {
		case err == nil:
		case code.Code == minio.PreconditionFailed || code.Code == codeConditionalConflict:
			return nil
		case code.StatusCode == http.StatusNotImplemented || code.StatusCode == http.StatusBadRequest:
			return ErrNoConditionalWrites
		default:
			return fmt.Errorf("try a conditional write: %w", nameless(err))
		}
	}
	return ErrNoConditionalWrites
}

// Get returns the page, in one round trip. Errors: ErrMiss, ErrCorrupt, or the client's. A
// missing bucket is an error, not a miss.
func (s *S3) Get(ctx context.Context, key pagekey.Key) (*Page, error) {
	ctx, span := startSpan(ctx, "get minio", TierMinIO)
	page, err := s.get(ctx, key)
	endSpan(span, getResult(err), err)
	return page, err
}

// Put stores page. If the page of the same job is stored already, Put keeps it and
// succeeds. Errors: ErrSuperseded if a page of a later request is stored, ErrTemplate if
// page is makeshift, ctx's, or the client's. Makeshift pages are refused because otherwise
// an outage of the model would stay in permanent storage.
func (s *S3) Put(ctx context.Context, page *Page) error {
	ctx, span := startSpan(ctx, "put minio", TierMinIO)
	err := s.put(ctx, page)
	endSpan(span, putResult(err), err)
	if errors.Is(err, errSame) {
		return nil
	}
	return err
}

// Delete removes the page. It succeeds if there is no page. Afterwards an older page can
// be stored again.
func (s *S3) Delete(ctx context.Context, key pagekey.Key) error {
	if err := s.core.RemoveObject(ctx, s.bucket, objectName(key), minio.RemoveObjectOptions{}); err != nil {
		return fmt.Errorf("remove object: %w", nameless(err))
	}
	return nil
}

func (s *S3) get(ctx context.Context, key pagekey.Key) (*Page, error) {
	_, page, err := s.read(ctx, key)
	return page, err
}

// read returns the object's entity tag and its page. Errors: ErrMiss, ErrCorrupt together
// with the entity tag, or the client's.
func (s *S3) read(ctx context.Context, key pagekey.Key) (string, *Page, error) {
	// Client.GetObject sends its request on the first read, or a HEAD on Stat. Core's
	// sends one GET at once.
	body, info, _, err := s.core.GetObject(ctx, s.bucket, objectName(key), minio.GetObjectOptions{})
	if err != nil {
		return "", nil, s3GetError(err)
	}
	// Closing before the end drops the connection instead of reading a body of any size.
	defer func() { _ = body.Close() }()
	if info.Size > MaxHTML {
		return info.ETag, nil, fmt.Errorf("%w: %w", ErrCorrupt, ErrTooLarge)
	}
	var html bytes.Buffer
	html.Grow(int(max(info.Size, 0)) + bytes.MinRead)
	if _, err := html.ReadFrom(io.LimitReader(body, MaxHTML+1)); err != nil {
		return "", nil, fmt.Errorf("read object: %w", nameless(err))
	}
	if html.Len() > MaxHTML {
		return info.ETag, nil, fmt.Errorf("%w: %w", ErrCorrupt, ErrTooLarge)
	}
	page, err := pageOf(key, info.UserMetadata, html.Bytes())
	if err == nil {
		page, err = s.keys.verified(page, macOf(info.UserMetadata))
	}
	return info.ETag, page, err
}

func (s *S3) put(ctx context.Context, page *Page) error {
	if page.Makeshift() {
		return ErrTemplate
	}
	// Most pages are the first of their key, and create stores those in one request.
	err := s.create(ctx, page)
	for try := range putTries {
		if !errors.Is(err, errConflict) {
			return err
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
		etag, stored, readErr := s.current(ctx, page)
		if err := mayReplace(page, stored, readErr); err != nil {
			return err
		}
		if errors.Is(readErr, ErrMiss) {
			err = s.create(ctx, page)
		} else {
			err = s.replace(ctx, page, etag)
		}
	}
	if errors.Is(err, errConflict) {
		return fmt.Errorf("%w: gave up after %d tries", err, putTries)
	}
	return err
}

// errConflict: another writer stored an object between the read and the write.
var errConflict = errors.New("concurrent write")

const (
	// putTries bounds the tries of one put. Each conflict means that another writer
	// succeeded, and the writers of a key are few: one job and its redeliveries.
	putTries = 32
	// maxPutPause bounds the pause between two tries.
	maxPutPause = 20 * time.Millisecond
)

// pause waits for a random time, so that writers that collided do not collide again.
// After the first try it does not wait, because that conflict mostly means that the object
// exists.
func pause(ctx context.Context, try int) error {
	if try == 0 {
		return ctx.Err()
	}
	select {
	case <-time.After(rand.N(min(time.Millisecond<<min(try, 5), maxPutPause))):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// create stores page if the key has no object, and returns errConflict if it has one.
func (s *S3) create(ctx context.Context, page *Page) error {
	opts := s.putOptions(page)
	opts.SetMatchETagExcept("*")
	return s.write(ctx, page, opts)
}

// current returns the stored object's entity tag and its page, whose HTML is not read. It
// returns ErrMiss if there is no object, and ErrCorrupt together with the entity tag if
// the object is not a page of this key.
//
// The entity tag identifies the content only. If two jobs made the same document, the
// older page may overwrite the newer one. That changes the metadata and no byte of the
// document.
func (s *S3) current(ctx context.Context, page *Page) (string, *Page, error) {
	if len(s.keys.keys) > 0 {
		// Only with its document it is known whether the page counts.
		return s.read(ctx, page.Key())
	}
	info, err := s.core.StatObject(ctx, s.bucket, objectName(page.Key()), minio.StatObjectOptions{})
	if err != nil {
		return "", nil, s3GetError(err)
	}
	if info.Size <= 0 || info.Size > MaxHTML {
		return info.ETag, nil, fmt.Errorf("%w: %d bytes", ErrCorrupt, info.Size)
	}
	// Only the metadata is compared. A Page cannot be made without a document, and any
	// document serves.
	stored, err := pageOf(page.Key(), info.UserMetadata, page.HTML())
	return info.ETag, stored, err
}

// replace stores page if the object still has that entity tag, and returns errConflict if
// it does not.
func (s *S3) replace(ctx context.Context, page *Page, etag string) error {
	opts := s.putOptions(page)
	opts.SetMatchETag(etag)
	return s.write(ctx, page, opts)
}

func (s *S3) write(ctx context.Context, page *Page, opts minio.PutObjectOptions) error {
	_, err := s.core.Client.PutObject(ctx, s.bucket, objectName(page.Key()),
		bytes.NewReader(page.HTML()), int64(len(page.HTML())), opts)
	if err == nil {
		return nil
	}
	switch minio.ToErrorResponse(err).Code {
	case minio.PreconditionFailed, codeConditionalConflict, minio.NoSuchKey:
		// 412: the condition failed. 409: two conditional writes collided (AWS). 404: the
		// object to match was deleted.
		return errConflict
	}
	return fmt.Errorf("put object: %w", nameless(err))
}

const codeConditionalConflict = "ConditionalRequestConflict"

func (s *S3) putOptions(page *Page) minio.PutObjectOptions {
	meta := metadataOf(page)
	if mac := s.keys.mac(page); mac != nil {
		meta[metaMAC] = base64.RawURLEncoding.EncodeToString(mac)
	}
	return minio.PutObjectOptions{
		UserMetadata:     meta,
		ContentType:      contentType,
		DisableMultipart: true,
	}
}

// pagePrefix is that of all pages' objects.
const pagePrefix = "generated/"

// objectName is the object's name in the bucket. A Key is checked, so it holds nothing
// that could leave the prefix.
func objectName(key pagekey.Key) string {
	return pagePrefix + key.Shop() + ":" + key.Shopper() + ".html"
}

func s3GetError(err error) error {
	if minio.ToErrorResponse(err).Code == minio.NoSuchKey {
		return ErrMiss
	}
	return fmt.Errorf("get object: %w", nameless(err))
}

// nameless removes the URL from a transport error. The URL holds the object's name and so
// the shopper's id, which must not get into logs and spans.
func nameless(err error) error {
	if transport, ok := errors.AsType[*url.Error](err); ok {
		return transport.Err
	}
	return err
}

// timeFormat is RFC 3339 to the nanosecond.
const timeFormat = time.RFC3339Nano
