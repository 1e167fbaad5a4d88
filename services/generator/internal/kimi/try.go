package kimi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/wandstore/wandstore/pkg/account"
	"github.com/wandstore/wandstore/pkg/telemetry"
)

// scope is the name of this package's tracer.
const scope = "github.com/wandstore/wandstore/services/generator/internal/kimi"

// maxErrorBody is how much of an error's body is read, in bytes.
const maxErrorBody = 8 << 10

// lastWords is how long the counts and the end of a stream are waited for once the model has
// stopped. Some servers keep the connection open.
const lastWords = 5 * time.Second

// ask does one try and makes its span. Errors are *failure.
func (c *Client) ask(ctx context.Context, req Request, body *body, try int, t *tally) (Answer, *failure) {
	// v1.41.0 is the last version of the conventions' package with the gen_ai attributes.
	ctx, span := otel.Tracer(scope).Start(ctx, "chat "+c.cfg.Model,
		trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(
			semconv.GenAIOperationNameChat,
			semconv.GenAIProviderNameKey.String("moonshot_ai"),
			semconv.GenAIRequestModel(c.cfg.Model),
			semconv.GenAIRequestMaxTokens(c.cfg.MaxCompletionTokens),
			telemetry.Peer.String(telemetry.PeerModel),
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
	span.SetAttributes(semconv.ErrorTypeKey.String(f.kind))
	span.SetStatus(codes.Error, f.Error())
	return answer, f
}

// silence is how long the model may be silent from now on.
type silence struct {
	timer   *time.Timer
	allowed time.Duration
}

// listen allows a silence, after which it calls stalled.
func listen(allowed time.Duration, stalled func()) *silence {
	return &silence{time.AfterFunc(allowed, stalled), allowed}
}

func (s *silence) allow(d time.Duration) {
	s.allowed = d
	s.resume()
}

func (s *silence) pause()  { s.timer.Stop() }
func (s *silence) resume() { s.timer.Reset(s.allowed) }

// apart is the request, during whose OnText and OnRestart no silence is counted: nothing is read
// meanwhile.
func (s *silence) apart(req Request) Request {
	own := req
	own.OnText = func(piece string) {
		s.pause()
		req.said(piece)
		s.resume()
	}
	own.OnRestart = func() {
		s.pause()
		req.restart()
		s.resume()
	}
	return own
}

// exchange sends the request and reads its answer. With an error, the Answer's text is what
// came until then.
func (c *Client) exchange(ctx context.Context, span trace.Span, req Request, body *body, t *tally) (Answer, error) {
	began := time.Now()
	call := callOf(ctx)
	call.Sending()
	live, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// The stall timeout holds before the answer and between its pieces.
	silence := listen(c.cfg.StallTimeout, func() { cancel(ErrStalled) })
	defer silence.pause()

	res, err := c.http.R().
		SetContext(body.with(t.watch(live))).
		SetDoNotParseResponse(true).
		SetHeader("Content-Type", "application/json").
		SetHeader("Accept", "text/event-stream").
		SetHeader("Accept-Encoding", "identity"). // without it, any encoding would do
		Post(c.endpoint)
	if err != nil {
		return Answer{}, c.interrupted(ctx, live, err)
	}
	raw := res.RawBody()
	// When the body is closed, everything needed was read, so the error does not matter.
	defer func() { _ = raw.Close() }()
	silence.allow(c.cfg.StallTimeout)

	span.SetAttributes(semconv.HTTPResponseStatusCode(res.StatusCode()))
	if res.StatusCode() < 200 || res.StatusCode() > 299 {
		// A server's error may hide that the model was asked.
		t.unbilled = res.StatusCode() < http.StatusInternalServerError
		return Answer{}, rejected(res.StatusCode(), res.Header(), raw)
	}
	call.Admitted(res.Header())
	answer := Answer{Model: c.cfg.Model}
	stream, err := readAnswer(decompressed(raw, res.Header()), silence.apart(req), c.cfg.AnswerLimit, hooks{
		token: func() {
			answer.FirstToken = time.Since(began)
			c.breakers.answers(req.Call.Shop)
			span.AddEvent("gen_ai.first_token")
			span.SetAttributes(semconv.GenAIResponseTimeToFirstChunk(answer.FirstToken.Seconds()))
		},
		sign:   func() { silence.allow(c.cfg.StallTimeout) },
		ending: func() { silence.allow(min(lastWords, c.cfg.StallTimeout)) },
	})
	t.heard(stream)
	if !stream.any && !stream.done {
		t.received = c.cfg.MaxCompletionTokens // it may be a whole answer, which was not understood
	}
	answer.Text = stream.text.String()
	answer.Model = c.named(stream.model)
	answer.Tokens = stream.tokens
	answer.FinishReason = stream.finish
	answer.Total = time.Since(began)
	span.SetAttributes(
		semconv.GenAIResponseModel(answer.Model),
		semconv.GenAIUsageInputTokens(answer.Tokens.Prompt),
		semconv.GenAIUsageCacheReadInputTokens(answer.Tokens.Cached),
		semconv.GenAIUsageOutputTokens(answer.Tokens.Completion),
	)
	if stream.finish != "" {
		span.SetAttributes(semconv.GenAIResponseFinishReasons(stream.finish))
	}
	answer.Cut, err = c.judge(ctx, live, req, stream, err)
	return answer, err
}

// named is the id of the model that an answer names. One that holds the key is not repeated.
func (c *Client) named(model string) string {
	if model == "" || c.cfg.APIKey != "" && strings.Contains(model, c.cfg.APIKey) {
		return c.cfg.Model
	}
	return model
}

// judge decides what an answer is good for. A whole answer is one, whatever became of the
// stream; the caller knows what is whole. broken is the error of the stream.
func (c *Client) judge(ctx, live context.Context, req Request, stream *answerStream, broken error) (cut bool, err error) {
	if broken != nil && !errors.Is(broken, ErrAnswerTooLarge) && stream.ending != unsaid {
		broken = nil // it had said all, and only did not say that nothing follows
	}
	cut, f := stream.outcome()
	switch {
	case broken != nil:
		f = c.interrupted(ctx, live, broken)
		f.everybody = false // the service has begun to answer
		cut, err = true, f
	case f != nil:
		err = f
	}
	if cut && ctx.Err() == nil && req.Whole != nil && !stream.silent() && req.Whole(stream.text.String()) {
		return false, nil
	}
	return cut, err
}

// interrupted returns the failure of an exchange. A cancelled context breaks connections,
// and the error looks like one of the network. So the contexts are checked first.
func (c *Client) interrupted(ctx, live context.Context, err error) *failure {
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

// rejected returns the failure of a status other than 2xx.
func rejected(status int, header http.Header, body io.Reader) *failure {
	// If the body cannot be read, the status alone decides.
	data, _ := io.ReadAll(io.LimitReader(decompressed(body, header), maxErrorBody))
	var p problem
	if c, ok := decodeChunk(bytes.TrimPrefix(bytes.TrimSpace(data), []byte(byteOrderMark))); ok {
		p = c.problem
	}
	f := p.read().decide(status)
	if errors.Is(f, ErrRateLimited) || errors.Is(f, ErrUnavailable) {
		f.retryAfter = account.RetryAfter(header, time.Now())
	}
	if errors.Is(f, ErrRateLimited) {
		f.refusal = account.ReadRefusal(header, data, time.Now())
	}
	return f
}
