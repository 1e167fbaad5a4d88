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

// scope names this package's tracer.
const scope = "github.com/wandstore/wandstore/services/generator/internal/kimi"

// maxErrorBody is how much of an error's body is looked at, in bytes.
const maxErrorBody = 8 << 10

// longestRetryAfter stands for all longer ones: no call lives to see its end.
const longestRetryAfter = 24 * time.Hour

// ask is one try, and its span. Errors are *failure.
func (c *Client) ask(ctx context.Context, body []byte, try int, t *tally) (Answer, error) {
	// v1.41.0 of the conventions is the last whose package has the gen_ai
	// attributes; later ones moved them out.
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
	answer, err := c.exchange(ctx, span, body, t)
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
func (c *Client) exchange(ctx context.Context, span trace.Span, body []byte, t *tally) (Answer, error) {
	began := time.Now()
	live, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// The same patience before the first byte as between later ones: a server
	// that accepts and says nothing is not told from one that stopped talking.
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
	// All of it that matters has been read.
	defer func() { _ = raw.Close() }()
	heard := &listener{r: raw, silence: silence, patience: c.cfg.StallTimeout}
	silence.Reset(c.cfg.StallTimeout)

	span.SetAttributes(semconv.HTTPResponseStatusCode(res.StatusCode()))
	if res.StatusCode() != http.StatusOK {
		// A server's error may hide that the model was asked.
		t.unbilled = res.StatusCode() < http.StatusInternalServerError
		return Answer{}, rejected(res.StatusCode(), res.Header(), heard)
	}
	if kind, _, err := mime.ParseMediaType(res.Header().Get("Content-Type")); err != nil || kind != "text/event-stream" {
		t.received = c.cfg.MaxCompletionTokens // it may be a whole answer, which is not read
		return Answer{}, &failure{decision: ErrUnavailable, kind: "protocol", detail: "it answers something other than a stream"}
	}
	var answer Answer
	stream, err := readAnswer(heard, c.cfg.AnswerLimit, func() {
		answer.FirstToken = time.Since(began)
		span.AddEvent("gen_ai.first_token")
		span.SetAttributes(semconv.GenAIResponseTimeToFirstChunk(answer.FirstToken.Seconds()))
	})
	t.heard(stream)
	if stream.done {
		span.SetAttributes(
			semconv.GenAIResponseModel(firstOf(stream.model, c.cfg.Model)),
			semconv.GenAIResponseFinishReasons(stream.finish),
			semconv.GenAIUsageInputTokens(stream.promptTokens),
			semconv.GenAIUsageOutputTokens(stream.completionTokens),
		)
	}
	if err != nil {
		return Answer{}, c.interrupted(ctx, live, err)
	}
	answer.Text = stream.text.String()
	answer.Model = firstOf(stream.model, c.cfg.Model)
	answer.PromptTokens, answer.CompletionTokens = stream.promptTokens, stream.completionTokens
	answer.FinishReason = stream.finish
	answer.Total = time.Since(began)
	return answer, nil
}

// interrupted is why an exchange broke off. A cancelled context breaks
// connections in ways that look like others, so it is asked first.
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

// listener passes a body on, and puts off the end of patience with what comes.
type listener struct {
	r        io.Reader
	silence  *time.Timer
	patience time.Duration
}

// Read is io.Reader's.
func (l *listener) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if n > 0 {
		l.silence.Reset(l.patience)
	}
	return n, err
}

// rejected is the failure of a status other than 200.
func rejected(status int, header http.Header, body io.Reader) *failure {
	f := &failure{decision: ErrBadRequest, kind: strconv.Itoa(status), detail: "status " + strconv.Itoa(status)}
	// A body that cannot be read leaves the status, which says enough.
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

// outOfBalance tells an account that has to be paid for from a busy one: Moonshot
// and OpenAI answer 429 to both.
func outOfBalance(named string) bool {
	return named == " (exceeded_current_quota_error)" || named == " (insufficient_quota)"
}

// errorType is the kind of error that a body names, in brackets, or nothing.
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

// retryAfter reads the header of RFC 9110, 10.2.3: seconds or a date. It is 0 if
// there is none, or none that makes sense.
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
