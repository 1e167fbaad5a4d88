package kimi

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/trace"
)

// scope is the name of this package's tracer.
const scope = "github.com/wandstore/wandstore/services/generator/internal/kimi"

// maxErrorBody is how much of an error's body is read, in bytes.
const maxErrorBody = 8 << 10

// longestRetryAfter replaces all longer times, since no call lasts that long.
const longestRetryAfter = 24 * time.Hour

// ask does one try and makes its span. Errors are *failure.
func (c *Client) ask(ctx context.Context, req Request, body []byte, try int, t *tally) (Answer, error) {
	// v1.41.0 is the last version of the conventions' package with the gen_ai attributes.
	ctx, span := otel.Tracer(scope).Start(ctx, "chat "+c.cfg.Model,
		trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(
			semconv.GenAIOperationNameChat,
			semconv.GenAIProviderNameKey.String("moonshot_ai"),
			semconv.GenAIRequestModel(c.cfg.Model),
			semconv.GenAIRequestMaxTokens(c.cfg.MaxCompletionTokens),
			semconv.ServerAddress(c.host),
			semconv.ServerPort(c.port),
		))
	defer span.End()
	if try > 1 {
		span.SetAttributes(semconv.HTTPRequestResendCount(try - 1))
	}
	answer, err := c.exchange(ctx, span, req, body, t)
	if err == nil {
		return answer, nil
	}
	var f *failure
	if !errors.As(err, &f) {
		f = broken(err)
	}
	if errors.Is(f, ErrRefused) {
		c.refused.Store(true)
	}
	span.SetAttributes(semconv.ErrorTypeKey.String(f.kind))
	span.SetStatus(codes.Error, f.Error())
	return Answer{}, f
}

// exchange sends the request and reads its answer.
func (c *Client) exchange(ctx context.Context, span trace.Span, req Request, body []byte, t *tally) (Answer, error) {
	began := time.Now()
	live, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// The stall timeout holds before the first byte and between later ones.
	silence := time.AfterFunc(c.cfg.StallTimeout, func() { cancel(ErrStalled) })
	defer silence.Stop()

	res, err := c.http.R().
		SetContext(t.watch(live)).
		SetDoNotParseResponse(true).
		SetHeader("Content-Type", "application/json").
		SetHeader("Accept", "text/event-stream").
		SetBody(body).
		Post(c.endpoint)
	if err != nil {
		return Answer{}, c.interrupted(ctx, live, err)
	}
	raw := res.RawBody()
	// When the body is closed, everything needed was read, so the error does not matter.
	defer func() { _ = raw.Close() }()
	watched := &stallReader{r: raw, silence: silence, timeout: c.cfg.StallTimeout}
	silence.Reset(c.cfg.StallTimeout)

	span.SetAttributes(semconv.HTTPResponseStatusCode(res.StatusCode()))
	if res.StatusCode() != http.StatusOK {
		// A server's error may hide that the model was asked.
		t.unbilled = res.StatusCode() < http.StatusInternalServerError
		return Answer{}, rejected(res.StatusCode(), res.Header(), watched)
	}
	if kind, _, err := mime.ParseMediaType(res.Header().Get("Content-Type")); err != nil || kind != "text/event-stream" {
		t.received = c.cfg.MaxCompletionTokens // it may be a whole answer, which is not read
		return Answer{}, &failure{decision: ErrUnavailable, kind: "protocol", detail: "it answers something other than a stream"}
	}
	var answer Answer
	stream, err := readAnswer(watched, req, c.cfg.AnswerLimit, func() {
		answer.FirstToken = time.Since(began)
		span.AddEvent("gen_ai.first_token")
		span.SetAttributes(semconv.GenAIResponseTimeToFirstChunk(answer.FirstToken.Seconds()))
	})
	t.heard(stream)
	if stream.done {
		span.SetAttributes(
			semconv.GenAIResponseModel(firstOf(stream.model, c.cfg.Model)),
			semconv.GenAIResponseFinishReasons(stream.finish),
			semconv.GenAIUsageInputTokens(stream.tokens.Prompt),
			semconv.GenAIUsageCacheReadInputTokens(stream.tokens.Cached),
			semconv.GenAIUsageOutputTokens(stream.tokens.Completion),
		)
	}
	if err != nil {
		return Answer{}, c.interrupted(ctx, live, err)
	}
	answer.Text = stream.text.String()
	answer.Model = firstOf(stream.model, c.cfg.Model)
	answer.Tokens = stream.tokens
	answer.FinishReason = stream.finish
	answer.Total = time.Since(began)
	return answer, nil
}

// interrupted returns the failure of an exchange. A cancelled context breaks connections,
// and the error looks like one of the network. So the contexts are checked first.
func (c *Client) interrupted(ctx, live context.Context, err error) error {
	var f *failure
	switch {
	case errors.As(err, &f):
		return f
	case ctx.Err() != nil:
		return ended(ctx.Err(), c.cfg.Timeout)
	case errors.Is(context.Cause(live), ErrStalled):
		return &failure{decision: ErrStalled, kind: "stalled", detail: "nothing for " + c.cfg.StallTimeout.String()}
	default:
		return broken(err)
	}
}

// stallReader reads from r and restarts the stall timer whenever bytes come.
type stallReader struct {
	r       io.Reader
	silence *time.Timer
	timeout time.Duration
}

// Read implements io.Reader.
func (s *stallReader) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if n > 0 {
		s.silence.Reset(s.timeout)
	}
	return n, err
}

// rejected returns the failure of a status other than 200.
func rejected(status int, header http.Header, body io.Reader) *failure {
	f := &failure{decision: ErrBadRequest, kind: strconv.Itoa(status), detail: "status " + strconv.Itoa(status)}
	// If the body cannot be read, the status alone decides.
	data, _ := io.ReadAll(io.LimitReader(body, maxErrorBody))
	named := errorType(data)
	f.detail += named
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		f.decision = ErrRefused
	case status == http.StatusTooManyRequests && outOfBalance(named):
		f.decision = ErrRefused
	case status == http.StatusTooManyRequests:
		f.decision, f.retryAfter = ErrRateLimited, retryAfter(header.Get("Retry-After"), time.Now())
	case status >= http.StatusInternalServerError:
		f.decision, f.retryAfter = ErrUnavailable, retryAfter(header.Get("Retry-After"), time.Now())
	}
	return f
}

// outOfBalance reports whether a 429 means that the account has no balance. Moonshot and
// OpenAI answer 429 to a busy account as well.
func outOfBalance(named string) bool {
	return named == " (exceeded_current_quota_error)" || named == " (insufficient_quota)"
}

// errorType returns the error type in a body, in brackets, or "" if there is none.
func errorType(body []byte) string {
	var e struct {
		Error struct {
			Type string `json:"type"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &e) != nil || identifier(e.Error.Type) == "" {
		return ""
	}
	return " (" + e.Error.Type + ")"
}

// retryAfter parses a Retry-After header (RFC 9110, 10.2.3): seconds or a date. It returns 0
// if there is none or it is invalid.
func retryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseInt(value, 10, 64); err == nil {
		if seconds > int64(longestRetryAfter/time.Second) {
			return longestRetryAfter
		}
		return max(time.Duration(seconds)*time.Second, 0)
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}
