package kimi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/go-resty/resty/v2"
	"github.com/sony/gobreaker/v2"
)

const (
	// maxTries is how often one call asks, at most.
	maxTries = 3
	// maxUseless is how many answers of no use one call takes: a second may be
	// better, a third costs another hundred seconds of a shopper's patience.
	maxUseless = 2
	// maxBackoff bounds the wait before a retry, Retry-After aside.
	maxBackoff = 10 * time.Second
	// tripAfter is how many failures in a row open the breaker.
	tripAfter = 5
)

// Request is one conversation to be answered.
type Request struct {
	// Store is whose page the answer is for: the Meter's account.
	Store  string
	System string
	User   string
	// Turns are what followed, oldest first: to mend an answer, the model is
	// shown it and what is wrong with it.
	Turns []Turn
}

// Turn is an earlier answer and the reply to it.
type Turn struct {
	Answer string
	Reply  string
}

// Answer is what the model said, and what it took.
type Answer struct {
	Text string
	// Model is the id the provider gives; the configured one if it gives none.
	Model string
	// PromptTokens and CompletionTokens are the provider's counts; 0 if it gives
	// none.
	PromptTokens     int
	CompletionTokens int
	// FirstToken and Total are counted from the sending of the try that was
	// answered, FirstToken to its first token, of reasoning or content.
	FirstToken   time.Duration
	Total        time.Duration
	FinishReason string
	// Tries is how often the model was asked, 1 to 3.
	Tries int
}

// Client asks one model. It is safe for concurrent use; all its callers share
// the circuit breaker. Make it with New, end it with Close.
type Client struct {
	cfg      Config
	endpoint string
	host     string
	port     int
	http     *resty.Client
	breaker  *gobreaker.CircuitBreaker[Answer]
	// refused has the breaker open at the next failure it counts, which is the
	// refusal that set it.
	refused atomic.Bool
}

// Option changes what a Client is made of.
type Option func(*options)

type options struct {
	transport http.RoundTripper
}

// WithTransport sends requests through rt.
func WithTransport(rt http.RoundTripper) Option {
	return func(o *options) { o.transport = rt }
}

// New checks cfg and makes a client. It connects to nothing.
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
		o.transport = newTransport()
	}
	c := &Client{cfg: cfg, endpoint: base.JoinPath("chat", "completions").String(), host: base.Hostname()}
	if c.port, err = net.DefaultResolver.LookupPort(context.Background(), "tcp", firstOf(base.Port(), base.Scheme)); err != nil {
		return nil, errors.New("kimi: base URL: no such port")
	}
	// Retries, deadlines and redirects are this package's; resty does none.
	c.http = resty.New().
		SetTransport(o.transport).
		SetRetryCount(0).
		SetDisableWarn(true).
		SetAuthToken(cfg.APIKey).
		SetRedirectPolicy(resty.RedirectPolicyFunc(func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		}))
	c.breaker = gobreaker.NewCircuitBreaker[Answer](gobreaker.Settings{
		Name:        "kimi",
		MaxRequests: 1,
		Timeout:     cfg.BreakerCooldown,
		ReadyToTrip: func(counts gobreaker.Counts) bool {
			return c.refused.Load() || counts.ConsecutiveFailures >= tripAfter
		},
		OnStateChange: func(string, gobreaker.State, gobreaker.State) { c.refused.Store(false) },
		IsSuccessful: func(err error) bool {
			return !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrRefused)
		},
		IsExcluded: func(err error) bool {
			return errors.Is(err, ErrRateLimited) || errors.Is(err, context.Canceled)
		},
	})
	return c, nil
}

// newTransport is Go's default one, but uncompressed: a compressed stream is
// flushed late, and the answer's cap shall be that of what is sent.
func newTransport() *http.Transport {
	const members = 10 // that share a client, each with a call of its own
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:   true,
		TLSHandshakeTimeout: 10 * time.Second,
		IdleConnTimeout:     90 * time.Second,
		MaxIdleConnsPerHost: members,
		DisableCompression:  true,
	}
}

// Close lets go of idle connections. Calls under way go on.
func (c *Client) Close() { c.http.GetClient().CloseIdleConnections() }

// BreakerState is closed, half-open or open.
func (c *Client) BreakerState() string { return c.breaker.State().String() }

// Complete asks the model and returns its answer. The errors, and what is tried
// again, are in the package's table.
func (c *Client) Complete(ctx context.Context, req Request) (Answer, error) {
	body, err := json.Marshal(c.payload(req))
	if err != nil {
		return Answer{}, &failure{decision: ErrBadRequest, kind: "encoding", detail: "it cannot be encoded"}
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()

	useless := 0
	for try := 1; ; try++ {
		if err := ctx.Err(); err != nil {
			return Answer{}, ended(err, c.cfg.Timeout)
		}
		answer, err := c.try(ctx, req.Store, body, try)
		if err == nil {
			answer.Tries = try
			return answer, nil
		}
		if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
			return Answer{}, &failure{decision: ErrUnavailable, kind: "breaker", detail: "it has failed lately, the circuit breaker is open", cause: err}
		}
		if errors.Is(err, ErrTruncated) || errors.Is(err, ErrEmpty) {
			useless++
		}
		if try == maxTries || useless == maxUseless || !retriable(err) {
			return Answer{}, err
		}
		wait := c.backoff(try, err)
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
			return Answer{}, err
		}
		if err := sleep(ctx, wait); err != nil {
			return Answer{}, ended(err, c.cfg.Timeout)
		}
	}
}

// try asks once, if the Meter permits it. The Meter is asked outside of the breaker,
// which counts what became of the service.
func (c *Client) try(ctx context.Context, store string, body []byte, n int) (Answer, error) {
	most := c.most(body)
	end, err := c.cfg.Meter.Begin(ctx, store, most)
	switch {
	case ctx.Err() != nil:
		if err == nil {
			end(ctx, Usage{})
		}
		return Answer{}, ended(ctx.Err(), c.cfg.Timeout)
	case err != nil:
		return Answer{}, notPermitted(err)
	}
	var t tally
	defer func() { end(ctx, t.usage(most)) }()
	return c.breaker.Execute(func() (Answer, error) { return c.ask(ctx, body, n, &t) })
}

// retriable reports whether asking again may help. A deadline that has passed
// is ErrUnavailable too, but there is no time left to ask in.
func retriable(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return false
	}
	for _, decision := range []error{ErrRateLimited, ErrUnavailable, ErrTruncated, ErrEmpty} {
		if errors.Is(err, decision) {
			return true
		}
	}
	return false
}

// backoff is how long to wait after a try.
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

// payload is the body of a request, in OpenAI's names.
type payload struct {
	Model               string         `json:"model"`
	Messages            []message      `json:"messages"`
	Stream              bool           `json:"stream"`
	StreamOptions       streamOptions  `json:"stream_options"`
	ResponseFormat      responseFormat `json:"response_format"`
	MaxCompletionTokens int            `json:"max_completion_tokens"`
	Thinking            *thinking      `json:"thinking,omitempty"`
}

type (
	message struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	}
	streamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	}
	responseFormat struct {
		Type string `json:"type"`
	}
	thinking struct {
		Type string `json:"type"`
	}
)

func (c *Client) payload(req Request) payload {
	p := payload{
		Model:               c.cfg.Model,
		Messages:            []message{{Role: "system", Content: req.System}, {Role: "user", Content: req.User}},
		Stream:              true,
		StreamOptions:       streamOptions{IncludeUsage: true},
		ResponseFormat:      responseFormat{Type: "json_object"},
		MaxCompletionTokens: c.cfg.MaxCompletionTokens,
	}
	for _, t := range req.Turns {
		p.Messages = append(p.Messages, message{Role: "assistant", Content: t.Answer}, message{Role: "user", Content: t.Reply})
	}
	if thinkingOff(c.cfg.Model) {
		p.Thinking = &thinking{Type: "disabled"}
	}
	return p
}
