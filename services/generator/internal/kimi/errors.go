package kimi

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/wandstore/wandstore/pkg/account"
)

// The sentinels by which a caller decides. Every error of Complete wraps exactly one of
// them, unless the caller cancelled; see the table in the package's documentation.
var (
	// ErrRateLimited: the account has too many calls or tokens. A later call may succeed.
	ErrRateLimited = errors.New("the model's rate limit is reached")
	// ErrUnavailable: the service fails, cannot be reached or takes too long, or the breaker
	// is open because it did so before.
	ErrUnavailable = errors.New("the model is unavailable")
	// ErrStalled wraps ErrUnavailable: nothing came for Config.StallTimeout.
	ErrStalled = fmt.Errorf("%w: its stream stalled", ErrUnavailable)
	// ErrRefused: the key is not accepted or the account has no balance. An
	// operator has to act.
	ErrRefused = errors.New("the model's provider refuses the account")
	// ErrBadRequest: the provider rejects the request, and would do so again.
	ErrBadRequest = errors.New("the model's provider rejects the request")
	// ErrNotPermitted: Config.Meter refused the try, and nothing was sent. The error
	// wraps the Meter's.
	ErrNotPermitted = errors.New("the call is not permitted")
	// ErrUnreadable: what came is not in a form that a model answers in.
	ErrUnreadable = errors.New("the model's answer cannot be read")
	// ErrAnswerTooLarge: the answer is larger than Config.AnswerLimit.
	ErrAnswerTooLarge = errors.New("the model's answer is too large")
	// ErrEmpty: the model finished without any content.
	ErrEmpty = errors.New("the model's answer is empty")
)

// NotSent is the outcome of a try that was not made.
const NotSent = "not_sent"

// outcomes are the words for the errors of a call; of those that an error wraps the first
// counts.
var outcomes = []struct {
	err  error
	word string
}{
	{ErrRateLimited, "rate_limited"},
	{ErrStalled, "stalled"},
	{ErrUnavailable, "unavailable"},
	{ErrRefused, "refused"},
	{ErrBadRequest, "bad_request"},
	{ErrUnreadable, "unreadable"},
	{ErrAnswerTooLarge, "too_large"},
	{ErrEmpty, "empty"},
	{context.Canceled, "cancelled"},
	{context.DeadlineExceeded, "timeout"},
}

// Outcome is what became of a try or a call, in a word of a small set: "answered" without
// an error, "_OTHER" for one that is not of this package.
func Outcome(err error) string {
	if err == nil {
		return "answered"
	}
	for _, o := range outcomes {
		if errors.Is(err, o.err) {
			return o.word
		}
	}
	return "_OTHER"
}

// failure is the reason why one try failed.
type failure struct {
	decision error  // one of the sentinels, or a context's error
	kind     string // error.type: an HTTP status, or one of a few words
	detail   string // for people; may be empty
	cause    error  // may be nil; its text is not shown
	// everybody says that it concerns all calls, not only those for this shop.
	everybody bool
	// retryAfter is the wait that the provider asks for; 0 if it asks for none.
	retryAfter time.Duration
	// refusal is what the provider tells of its limits, if it refused the call for rate.
	refusal account.Refusal
}

// Error returns a text without anything that was sent or received.
func (f *failure) Error() string {
	if f.detail == "" {
		return "kimi: " + f.decision.Error()
	}
	return "kimi: " + f.decision.Error() + ": " + f.detail
}

// Unwrap returns the decision, and the cause if there is one.
func (f *failure) Unwrap() []error {
	if f.cause == nil {
		return []error{f.decision}
	}
	return []error{f.decision, f.cause}
}

// counts reports whether the failure counts for a breaker: the service or the account
// fails. A busy account must not stop those that share it, and a cancelled call says
// nothing.
func (f *failure) counts() bool {
	return errors.Is(f, ErrUnavailable) || errors.Is(f, ErrRefused)
}

// healthy reports whether the failure shows that the service answers.
func (f *failure) healthy() bool {
	for _, decision := range []error{ErrBadRequest, ErrEmpty, ErrAnswerTooLarge} {
		if errors.Is(f, decision) {
			return true
		}
	}
	return false
}

// notPermitted is the failure of a try that the Meter refused.
func notPermitted(err error) *failure {
	return &failure{decision: ErrNotPermitted, kind: "not_permitted", detail: err.Error(), cause: err}
}

// broken returns the failure of a connection. It drops the text of err, because Go's errors
// quote URLs and what a server sent instead of HTTP.
func broken(err error) *failure {
	f := &failure{decision: ErrUnavailable, kind: "connection", detail: "the connection failed", everybody: true}
	var (
		errno   syscall.Errno
		dns     *net.DNSError
		cert    *tls.CertificateVerificationError
		timeout net.Error
	)
	switch {
	case errors.As(err, &errno):
		f.detail, f.cause = errno.Error(), errno
	case errors.As(err, &dns):
		f.kind, f.detail = "dns", "its host does not resolve"
	case errors.As(err, &cert):
		f.kind, f.detail = "tls", "its certificate is not trusted"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		f.detail, f.cause = "the connection ended early", io.ErrUnexpectedEOF
	case errors.As(err, &timeout) && timeout.Timeout():
		f.detail = "the connection timed out"
	}
	return f
}

// ended returns the failure of a call whose context has ended: context.Canceled if the
// caller cancelled, ErrUnavailable if the call took too long.
func ended(err error, within time.Duration) *failure {
	if errors.Is(err, context.Canceled) {
		return &failure{decision: context.Canceled, kind: "canceled", detail: "by the caller"}
	}
	return &failure{
		decision: ErrUnavailable, kind: "timeout", cause: context.DeadlineExceeded,
		detail: fmt.Sprintf("no answer within %v or the caller's deadline", within),
	}
}
