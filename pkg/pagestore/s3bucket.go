package pagestore

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/minio/minio-go/v7"
)

// probeName is an object by which the bucket is tried. No page has its name.
const probeName = pagePrefix + ".probe"

// EnsureBucket checks that the bucket exists, and creates it if it is missing. Where it
// exists, a key that may only read and write objects is enough. The error is the client's.
func (s *S3) EnsureBucket(ctx context.Context) error {
	err := s.probe(ctx)
	switch code := minio.ToErrorResponse(err).Code; {
	case err == nil || code == minio.NoSuchKey:
		return nil
	case code != minio.NoSuchBucket:
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

// probe returns nil if an object of the bucket can be read, and otherwise the client's error,
// which is NoSuchKey in a bucket without the probe. A key that may not list the bucket is told
// by AWS that what is missing is forbidden. For such a key probe makes the object, so that
// nil says of another forbidden object that it is missing.
func (s *S3) probe(ctx context.Context) error {
	body, _, _, err := s.core.GetObject(ctx, s.bucket, probeName, minio.GetObjectOptions{})
	if err == nil {
		return body.Close()
	}
	if minio.ToErrorResponse(err).Code != minio.AccessDenied {
		return err
	}
	var absent minio.PutObjectOptions
	absent.SetMatchETagExcept("*")
	if made, putErr := s.putProbe(ctx, absent); putErr != nil || !made {
		return err
	}
	return nil
}

// ErrNoConditionalWrites: the object store ignores or refuses If-None-Match or If-Match on
// PutObject. An older page would replace a newer one there.
var ErrNoConditionalWrites = errors.New("the object store has no conditional writes (If-None-Match and If-Match on PutObject), without which no page is stored: use one that has, such as AWS S3 or MinIO")

// CheckConditionalWrites returns ErrNoConditionalWrites if the server does not support them.
// It needs no rights beyond those that a page needs, and leaves a small object behind. Other
// errors are the client's.
func (s *S3) CheckConditionalWrites(ctx context.Context) error {
	var absent, other minio.PutObjectOptions
	absent.SetMatchETagExcept("*")
	other.SetMatchETag("00000000000000000000000000000000")
	// The first write may make the object. The others have to be refused.
	if _, err := s.putProbe(ctx, absent); err != nil {
		return err
	}
	for _, opts := range []minio.PutObjectOptions{absent, other} {
		written, err := s.putProbe(ctx, opts)
		if err != nil {
			return err
		}
		if written {
			return ErrNoConditionalWrites
		}
	}
	return nil
}

const codeInvalidRequest = "InvalidRequest"

// putProbe writes the probe. It returns false if the condition in opts is not met. Errors:
// ErrNoConditionalWrites if the server does not know the condition, or the client's.
func (s *S3) putProbe(ctx context.Context, opts minio.PutObjectOptions) (written bool, err error) {
	opts.DisableMultipart = true
	opts.DisableContentSha256 = true // see write
	_, err = s.core.Client.PutObject(ctx, s.bucket, probeName, strings.NewReader("?"), 1, opts)
	switch found := minio.ToErrorResponse(err); {
	case err == nil:
		return true, nil
	case found.Code == minio.PreconditionFailed || found.Code == codeConditionalConflict:
		return false, nil
	case found.StatusCode == http.StatusNotImplemented || found.Code == minio.InvalidArgument || found.Code == codeInvalidRequest:
		return false, fmt.Errorf("%w: %s", ErrNoConditionalWrites, found.Code)
	default:
		return false, fmt.Errorf("try a conditional write: %w", nameless(err))
	}
}
