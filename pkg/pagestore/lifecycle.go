package pagestore

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/lifecycle"
)

const day = 24 * time.Hour

// lifecycleID names the rule that is ours. Other rules of the bucket are an operator's.
const lifecycleID = "wandstore-page-ttl"

// ErrLifecycleRefused: the object store lets this user not set the lifecycle of the bucket,
// or knows none.
var ErrLifecycleRefused = errors.New("the object store does not let PAGE_TTL be set")

// EnsureLifecycle has the object store remove pages S3Config.PageTTL after their last
// write, by a rule for the prefix of the pages. With a PageTTL of 0 it removes the rule.
// Errors: ErrLifecycleRefused unless PageTTL is 0, or the client's.
func (s *S3) EnsureLifecycle(ctx context.Context) error {
	have, err := s.core.GetBucketLifecycle(ctx, s.bucket)
	switch {
	case minio.ToErrorResponse(err).Code == "NoSuchLifecycleConfiguration":
		have = lifecycle.NewConfiguration()
	case s.pageTTL == 0 && refused(err):
		return nil
	case err != nil:
		return lifecycleError("read lifecycle", err)
	}
	days := lifecycle.ExpirationDays(s.pageTTL / day)
	want := lifecycle.NewConfiguration()
	changed := days > 0
	for _, rule := range have.Rules {
		switch {
		case rule.ID != lifecycleID:
			want.Rules = append(want.Rules, rule)
		case days > 0 && rule.Expiration.Days == days && rule.Status == "Enabled" && rule.RuleFilter.Prefix+rule.Prefix == pagePrefix:
			return nil
		default:
			changed = true
		}
	}
	if !changed {
		return nil
	}
	if days > 0 {
		want.Rules = append(want.Rules, lifecycle.Rule{
			ID: lifecycleID, Status: "Enabled", RuleFilter: lifecycle.Filter{Prefix: pagePrefix}, Expiration: lifecycle.Expiration{Days: days},
		})
	}
	if err := s.core.SetBucketLifecycle(ctx, s.bucket, want); err != nil {
		return lifecycleError("set lifecycle", err)
	}
	return nil
}

func lifecycleError(what string, err error) error {
	if refused(err) {
		return fmt.Errorf("%w: %s", ErrLifecycleRefused, minio.ToErrorResponse(err).Code)
	}
	return fmt.Errorf("%s: %w", what, nameless(err))
}

// refused reports whether asking again would not help.
func refused(err error) bool {
	switch minio.ToErrorResponse(err).StatusCode {
	case http.StatusForbidden, http.StatusNotImplemented, http.StatusMethodNotAllowed:
		return true
	default:
		return false
	}
}
