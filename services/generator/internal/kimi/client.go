package kimi

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/go-resty/resty/v2"

	"github.com/wandstore/wandstore/pkg/spend"
)

const (
	// maxTries is how often one call may ask the model.
	maxTries = 3
	// maxUnusable is how many answers that hold nothing one call accepts before it fails. A
	// second answer may be better. A third one would take another hundred seconds.
	maxUnusable = 2
	// maxBackoff bounds the wait before a retry if there is no Retry-After.
	maxBackoff = 10 * time.Second
)

// Request is one conversation to be answered.
type Request struct {
	// Call is what the answer is for, for the Meter.
	Call   Call
	System string
	User   string
	// Turns are the turns that followed, oldest first. To correct an answer, a turn shows
	// the model its answer and says what is wrong with it.
	Turns []Turn
	// Whole, if set, reports whether a text is the whole answer. It is asked where the
	// stream broke off, failed, or did not say that the model had finished: a whole answer
	// is used all the same.
	Whole func(text string) bool
	// OnText, if set, is called with each piece of the answer as it comes, without the
	// model's thoughts; what has come together is one piece. The pieces are whole characters;
	// all of them are Answer.Text. It delays the reading of the stream.
	OnText func(piece string)
	// OnRestart, if set, is called when what OnText was given is void: another try begins,
	// or it was a thought.
	OnRestart func()
}

// said tells of a piece of the answer.
func (r Request) said(piece string) {
	if r.OnText != nil && piece != "" {
		r.OnText(piece)
	}
}

// restart tells that what was said is void.
func (r Request) restart() {
	if r.OnRestart != nil {
		r.OnRestart()
	}
}

// Turn is an earlier answer and the reply to it.
type Turn struct {
	Answer string
	Reply  string
}

// Answer is an answer of the model.
type Answer struct {
	// Text is without the model's thoughts.
	Text string
	// Cut says that the text may end too early: the model reached its token limit, or nobody
	// said that it had finished. Request.Whole, if set, found that it is not whole.
	Cut bool
	// Model is the id in the answer, or the configured one if the answer has none.
	Model string
	// Tokens is the provider's count for the successful try; zero if it gives none.
	Tokens spend.Tokens
	// Used is what each try used, failed ones too, as the Meter was told.
	Used []spend.Tokens
	// FirstToken and Total are the times from the sending of the successful try to its
	// first token, of reasoning or content, and to its end.
	FirstToken   time.Duration
	Total        time.Duration
	FinishReason string
	// Tries is how often the model was asked, 1 to 3, and Again why it was asked the last time;
	// nil if it was asked once.
	Tries int
	Again error
}

// Client asks one model. It is safe for concurrent use, and all its callers share its
// circuit breakers. It is made by New and ended by Close.
type Client struct {
	cfg      Config
	endpoint string
	host     string
	port     int
	http     *resty.Client
	breakers breakers
}

// Option is an optional setting of New.
type Option func(*options)

type options struct {
	transport http.RoundTripper
}

// WithTransport sends requests through rt.
func WithTransport(rt http.RoundTripper) Option {
	return func(o *options) { o.transport = rt }
}

// New returns a client. It does not connect; its errors are errors of the configuration.
func New(cfg Config, opts ...Option) (*Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("kimi: %w", err)
	}
	cfg = cfg.withDefaults()
	base, err := url.Parse(cfg.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("kimi: %w", err)
	}
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	if o.transport == nil {
		o.transport = newTransport(cfg.Calls)
	}
	c := &Client{cfg: cfg, endpoint: base.JoinPath("chat", "completions").String(), host: base.Hostname()}
	if c.port, err = net.DefaultResolver.LookupPort(context.Background(), "tcp", firstOf(base.Port(), base.Scheme)); err != nil {
		return nil, errors.New("kimi: base URL: no such port")
	}
	// This package retries and sets deadlines; resty does neither, and follows no redirect.
	c.http = resty.New().
		SetTransport(o.transport).
		SetRetryCount(0).
		SetDisableWarn(true).
		SetAuthToken(cfg.APIKey).
		SetPreRequestHook(attachBody).
		SetRedirectPolicy(resty.RedirectPolicyFunc(func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		}))
	c.breakers = breakers{cooldown: cfg.BreakerCooldown, shops: map[string]*circuit{}}
	return c, nil
}

// newTransport is like Go's default transport, but without compression. A compressed stream
// is flushed late, and the answer's limit should count the bytes that are sent.
func newTransport(calls int) *http.Transport {
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:   true,
		TLSHandshakeTimeout: 10 * time.Second,
		IdleConnTimeout:     90 * time.Second,
		MaxIdleConnsPerHost: calls,
		DisableCompression:  true,
	}
}

// Close closes idle connections. Running calls continue.
func (c *Client) Close() { c.http.GetClient().CloseIdleConnections() }

// BreakerState returns "open" while the model is not called, "half-open" while one call
// probes or it is not called for some shops, and otherwise "closed".
func (c *Client) BreakerState() string { return c.breakers.state() }

// StoppedShops returns the shops that the model is not called for, while it is for others, in
// the order of their slugs: calls for them failed lately. There are at most 4,096.
func (c *Client) StoppedShops() []string { return c.breakers.stoppedShops() }

// Complete asks the model and returns its answer. The table in the package's documentation
// lists the errors and what is retried. With Config.Account it waits
// until the account has room for the call. With an error, the Answer's Text is the longest
// that came; it may be empty, and is never whole.
func (c *Client) Complete(ctx context.Context, req Request) (Answer, error) {
	var used []spend.Tokens
	answer, err := c.inTurn(ctx, req, &used)
	answer.Used = used
	return answer, err
}

// complete asks the model once it is the call's turn.
func (c *Client) complete(ctx context.Context, req Request, used *[]spend.Tokens) (Answer, error) {
	body, err := c.body(req)
	if err != nil {
		return Answer{}, &failure{decision: ErrBadRequest, kind: "encoding", detail: "it cannot be encoded"}
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()

	var (
		unusable = 0
		partial  Answer
		again    error
	)
	for try := 1; ; try++ {
		if err := ctx.Err(); err != nil {
			return partial, ended(err, c.cfg.Timeout)
		}
		if try > 1 {
			req.restart()
		}
		answer, err := c.try(ctx, req, body, try, used)
		answer.Tries, answer.Again = try, again
		if err == nil {
			return answer, nil
		}
		partial.Tries, partial.Again = try, again
		if len(answer.Text) > len(partial.Text) {
			partial = answer
		}
		if errors.Is(err, ErrUnreadable) || errors.Is(err, ErrEmpty) {
			unusable++
		}
		if try == maxTries || unusable == maxUnusable || !c.retriable(err) {
			return partial, err
		}
		wait := c.backoff(try, err)
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
			return partial, err
		}
		if err := sleep(ctx, wait); err != nil {
			return partial, ended(err, c.cfg.Timeout)
		}
		again = err
	}
}

// try asks once, if the Meter permits it. The Meter is asked outside of the breakers,
// which count what became of the service. What the try used is added to used.
func (c *Client) try(ctx context.Context, req Request, body *body, n int, used *[]spend.Tokens) (answer Answer, err error) {
	most := c.most(body)
	end, err := c.cfg.Meter.Begin(ctx, req.Call, most)
	switch {
	case ctx.Err() != nil:
		if err == nil {
			end(ctx, spend.Tokens{}, NotSent)
		}
		return Answer{}, ended(ctx.Err(), c.cfg.Timeout)
	case err != nil:
		return Answer{}, notPermitted(err)
	}
	var t tally
	defer func() {
		outcome := NotSent
		if t.sent.Load() {
			outcome = Outcome(err)
		}
		tokens := t.usage(most)
		*used = append(*used, tokens)
		end(ctx, tokens, outcome)
	}()
	report, err := c.breakers.begin(req.Call.Shop)
	if err != nil {
		return Answer{}, &failure{decision: ErrUnavailable, kind: "breaker", detail: "it has failed lately, the circuit breaker is open", cause: err}
	}
	answer, f := c.ask(ctx, req, body, n, &t)
	report(f)
	if f != nil {
		return answer, f
	}
	return answer, nil
}

// retriable reports whether another try may succeed. An expired deadline is ErrUnavailable
// too, but leaves no time for another try.
func (c *Client) retriable(err error) bool {
	if errors.Is(err, ErrRateLimited) && c.cfg.Account != nil {
		return false // the account tells when
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || errors.Is(err, errOpen) {
		return false
	}
	for _, decision := range []error{ErrRateLimited, ErrUnavailable, ErrUnreadable, ErrEmpty} {
		if errors.Is(err, decision) {
			return true
		}
	}
	return false
}

// backoff returns how long to wait after a try.
func (c *Client) backoff(try int, err error) time.Duration {
	var f *failure
	if errors.As(err, &f) && f.retryAfter > 0 {
		return f.retryAfter + rand.N(c.cfg.Backoff)
	}
	return rand.N(min(c.cfg.Backoff<<(try-1), maxBackoff))
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
