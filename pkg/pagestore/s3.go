package pagestore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/wandstore/wandstore/pkg/pagekey"
)

const contentType = "text/html; charset=utf-8"

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
	creds := cfg.credentials(transport)
	client, err := minio.New(cfg.Endpoint, &minio.Options{
		Creds:     creds,
		Secure:    cfg.UseTLS,
		Transport: &clockTransport{next: transport, creds: creds, now: time.Now},
		// Without a region the client asks the server for it first.
		Region:       cfg.Region,
		BucketLookup: cfg.lookup(),
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
		return "", nil, s.getError(ctx, err)
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
		return "", nil, s.getError(ctx, err)
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
	// The body is signed as a whole: in chunks, as the client does without a hash, it could not
	// be signed anew.
	digest := sha256.Sum256(page.HTML())
	opts.DisableContentSha256 = true
	_, err := s.core.PutObject(ctx, s.bucket, objectName(page.Key()),
		bytes.NewReader(page.HTML()), int64(len(page.HTML())), "", hex.EncodeToString(digest[:]), opts)
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

// getError is ErrMiss for what is not there, or the client's error.
func (s *S3) getError(ctx context.Context, err error) error {
	switch minio.ToErrorResponse(err).Code {
	case minio.NoSuchKey:
		return ErrMiss
	case minio.AccessDenied:
		if s.probe(ctx) == nil {
			return ErrMiss
		}
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
