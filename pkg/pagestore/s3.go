package pagestore

import (
	"bytes"
	"context"
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

// S3Config says where the object store is.
type S3Config struct {
	// Endpoint is host:port, without a scheme.
	Endpoint string `env:"MINIO_ENDPOINT" envDefault:"127.0.0.1:9000"`
	// AccessKey and SecretKey are signed with, not sent.
	AccessKey string `env:"MINIO_ACCESS_KEY" envDefault:"minioadmin"`
	SecretKey string `env:"MINIO_SECRET_KEY" secret:"true" envDefault:"minioadmin"`
	// SessionToken goes with keys that are temporary; empty for others.
	SessionToken string
	// Bucket is the bucket's name.
	Bucket string `env:"MINIO_BUCKET" envDefault:"wandstore-generated-ui"`
	// Region is what requests are signed for; "us-east-1" if empty, which is
	// what MinIO takes.
	Region string
	// UseTLS speaks HTTPS.
	UseTLS bool `env:"MINIO_USE_TLS"`
}

// Validate says what is missing.
func (c S3Config) Validate() error {
	switch {
	case c.Endpoint == "" || strings.Contains(c.Endpoint, "/"):
		return errors.New("MINIO_ENDPOINT is not host:port")
	case c.AccessKey == "" || c.SecretKey == "":
		return errors.New("MINIO_ACCESS_KEY or MINIO_SECRET_KEY is empty")
	case c.Bucket == "":
		return errors.New("MINIO_BUCKET is empty")
	case (c.AccessKey == defaultKey || c.SecretKey == defaultKey) && !lifecycle.Loopback(c.Endpoint):
		name := "MINIO_SECRET_KEY"
		if c.SecretKey != defaultKey {
			name = "MINIO_ACCESS_KEY"
		}
		return errors.New(name + " is MinIO's default, which everybody knows: set it, since MINIO_ENDPOINT is not on loopback")
	}
	return nil
}

// defaultKey is the name and the password of a MinIO that nobody has configured.
const defaultKey = "minioadmin"

// S3 keeps pages in an S3 bucket for good: the html is the object, the rest its
// user metadata. It is safe for concurrent use.
//
// It needs conditional writes of the server (If-Match and If-None-Match on
// PutObject), which AWS S3, MinIO and others have.
type S3 struct {
	core      minio.Core
	transport *http.Transport
	bucket    string
	region    string
}

// NewS3 makes a store. It does not reach for the server: the errors are of the
// configuration.
func NewS3(cfg S3Config) (*S3, error) {
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
	// All of an edge's shoppers share one host; the default of 16 would dial
	// anew for each beyond that.
	transport.MaxIdleConnsPerHost = transport.MaxIdleConns
	client, err := minio.New(cfg.Endpoint, &minio.Options{
		Creds:     credentials.NewStaticV4(cfg.AccessKey, cfg.SecretKey, cfg.SessionToken),
		Secure:    cfg.UseTLS,
		Transport: transport,
		// Given, it saves the request that would ask for it.
		Region:       cfg.Region,
		BucketLookup: minio.BucketLookupPath,
		// The callers' deadlines, breakers and queue redeliveries are the retry.
		MaxRetries: 1,
	})
	if err != nil {
		return nil, fmt.Errorf("object store: %w", err)
	}
	return &S3{core: minio.Core{Client: client}, transport: transport, bucket: cfg.Bucket, region: cfg.Region}, nil
}

// Close lets idle connections go.
func (s *S3) Close() { s.transport.CloseIdleConnections() }

// bucketProbe is an object that nobody writes.
const bucketProbe = "generated/.probe"

// EnsureBucket checks that the bucket is there and creates it if it is missing. A key
// that may only read and write objects is enough where the bucket exists: the check is
// the read of an object, so it also tells a key that may not read.
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

// Get returns the page, ErrMiss, ErrCorrupt, or the client's error; one round
// trip. A missing bucket is an error, not a miss.
func (s *S3) Get(ctx context.Context, key pagekey.Key) (*Page, error) {
	ctx, span := startSpan(ctx, "get minio", TierMinIO)
	page, err := s.get(ctx, key)
	endSpan(span, getResult(err), err)
	return page, err
}

// Put stores page unless one of a later request is stored (ErrSuperseded). A page of
// the same job is left as it is, and that is a success. ErrTemplate for a
// template page: an outage must not be frozen into permanent storage.
func (s *S3) Put(ctx context.Context, page *Page) error {
	ctx, span := startSpan(ctx, "put minio", TierMinIO)
	err := s.put(ctx, page)
	endSpan(span, putResult(err), err)
	if errors.Is(err, errSame) {
		return nil
	}
	return err
}

// Delete removes the page. Nothing there is a success. An older page may then
// be put again.
func (s *S3) Delete(ctx context.Context, key pagekey.Key) error {
	if err := s.core.RemoveObject(ctx, s.bucket, objectName(key), minio.RemoveObjectOptions{}); err != nil {
		return fmt.Errorf("remove object: %w", nameless(err))
	}
	return nil
}

func (s *S3) get(ctx context.Context, key pagekey.Key) (*Page, error) {
	// Client.GetObject asks on the first read, or with a HEAD of its own on
	// Stat; Core's is the plain request.
	body, info, _, err := s.core.GetObject(ctx, s.bucket, objectName(key), minio.GetObjectOptions{})
	if err != nil {
		return nil, s3GetError(err)
	}
	// Closing early drops the connection instead of draining a body of any size.
	defer func() { _ = body.Close() }()
	if info.Size > MaxHTML {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, ErrTooLarge)
	}
	var html bytes.Buffer
	html.Grow(int(max(info.Size, 0)) + bytes.MinRead)
	if _, err := html.ReadFrom(io.LimitReader(body, MaxHTML+1)); err != nil {
		return nil, fmt.Errorf("read object: %w", nameless(err))
	}
	if html.Len() > MaxHTML {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, ErrTooLarge)
	}
	return pageOf(key, info.UserMetadata, html.Bytes())
}

func (s *S3) put(ctx context.Context, page *Page) error {
	if page.Source() == SourceTemplate {
		return ErrTemplate
	}
	// Most pages are their key's first, and those cost one request.
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
	// putTries bounds the tries of one put. Each conflict is another writer's
	// success, and a key's writers are one job and its redeliveries.
	putTries = 32
	// maxPutPause bounds the pause between two tries.
	maxPutPause = 20 * time.Millisecond
)

// pause keeps writers that collided from colliding again. After the first try there
// is none: an object that exists is a conflict too.
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

// create stores page if there is none; errConflict if there is.
func (s *S3) create(ctx context.Context, page *Page) error {
	opts := putOptions(page)
	opts.SetMatchETagExcept("*")
	return s.write(ctx, page, opts)
}

// current reads the stored object's head and its entity tag; ErrMiss without one, and
// ErrCorrupt, with the entity tag, for one that is not a page of this key. The entity
// tag is of the content: the same document of two jobs has one, and of those the older
// may then overwrite the newer, which changes the metadata and no byte of the page.
func (s *S3) current(ctx context.Context, page *Page) (string, *Page, error) {
	info, err := s.core.StatObject(ctx, s.bucket, objectName(page.Key()), minio.StatObjectOptions{})
	if err != nil {
		return "", nil, s3GetError(err)
	}
	if info.Size <= 0 || info.Size > MaxHTML {
		return info.ETag, nil, fmt.Errorf("%w: %d bytes", ErrCorrupt, info.Size)
	}
	// Only the metadata is compared; a page needs some document, and this one will do.
	stored, err := pageOf(page.Key(), info.UserMetadata, page.HTML())
	return info.ETag, stored, err
}

// replace stores page if the object still has that entity tag; errConflict if not.
func (s *S3) replace(ctx context.Context, page *Page, etag string) error {
	opts := putOptions(page)
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
		// 412; 409 where two conditional writes met (AWS); 404 where the object
		// to match was deleted.
		return errConflict
	}
	return fmt.Errorf("put object: %w", nameless(err))
}

const codeConditionalConflict = "ConditionalRequestConflict"

func putOptions(page *Page) minio.PutObjectOptions {
	return minio.PutObjectOptions{
		UserMetadata:     metadataOf(page),
		ContentType:      contentType,
		DisableMultipart: true,
	}
}

// objectName is the object's name in the bucket: a checked key holds nothing
// that could leave the prefix.
func objectName(key pagekey.Key) string {
	return "generated/" + key.Store() + ":" + key.Shopper() + ".html"
}

func s3GetError(err error) error {
	if minio.ToErrorResponse(err).Code == minio.NoSuchKey {
		return ErrMiss
	}
	return fmt.Errorf("get object: %w", nameless(err))
}

// nameless takes the address off a transport error: it holds the object's name
// and with it the shopper's id, which have no place in logs and spans.
func nameless(err error) error {
	if transport, ok := errors.AsType[*url.Error](err); ok {
		return transport.Err
	}
	return err
}

// timeFormat is RFC 3339 to the nanosecond.
const timeFormat = time.RFC3339Nano
