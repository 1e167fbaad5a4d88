package kimi

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// The defaults of Config.
const (
	defaultTimeout         = 180 * time.Second
	defaultMaxTokens       = 8192
	defaultAnswerLimit     = 1 << 20
	defaultStallTimeout    = 30 * time.Second
	defaultBackoff         = 500 * time.Millisecond
	defaultBreakerCooldown = 30 * time.Second
)

// Config configures a Client. A zero duration or limit means its default.
type Config struct {
	// BaseURL is the URL of the API without /chat/completions, such as
	// https://api.moonshot.ai/v1. It has no user, query or fragment.
	BaseURL string
	// APIKey is the bearer token. If it is empty, none is sent, because a gateway may add
	// the key itself. A provider's 401 is ErrRefused in both cases.
	APIKey string
	// Model is the provider's id of the model.
	Model string
	// Timeout bounds a whole call, with its retries and waits. The default is 3 min.
	Timeout time.Duration
	// MaxCompletionTokens is the requested limit of an answer, in tokens. Providers count
	// the requested tokens against their rate limits, not the used ones. The default is
	// 8192.
	MaxCompletionTokens int
	// AnswerLimit bounds an answer's text, in bytes. The default is 1 MiB.
	AnswerLimit int64
	// StallTimeout bounds the time before the first byte and between later ones. The
	// default is 30 s.
	StallTimeout time.Duration
	// Backoff bounds the wait before the second try. The bound doubles for the third. The
	// default is 500 ms.
	Backoff time.Duration
	// BreakerCooldown is how long the breaker stays open. The default is 30 s.
	BreakerCooldown time.Duration
	// Meter permits each try; nil permits all.
	Meter Meter
}

// Validate names every wrong field. It never shows the key.
func (c Config) Validate() error {
	var errs []error
	if u, err := url.Parse(c.BaseURL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		errs = append(errs, errors.New("base URL: not an http or https URL"))
	} else if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		errs = append(errs, errors.New("base URL: takes no user, query or fragment; credentials go into the key"))
	}
	if strings.ContainsFunc(c.APIKey, func(r rune) bool { return r <= ' ' || r > '~' }) {
		errs = append(errs, errors.New("API key: holds a space, a line break or something not ASCII"))
	}
	if identifier(c.Model) == "" {
		errs = append(errs, fmt.Errorf("model: %q is not a model id", c.Model))
	}
	if c.Timeout < 0 || c.StallTimeout < 0 || c.Backoff < 0 || c.BreakerCooldown < 0 || c.MaxCompletionTokens < 0 || c.AnswerLimit < 0 {
		errs = append(errs, errors.New("timeouts and limits: not negative"))
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	orDefault(&c.Timeout, defaultTimeout)
	orDefault(&c.MaxCompletionTokens, defaultMaxTokens)
	orDefault(&c.AnswerLimit, defaultAnswerLimit)
	orDefault(&c.StallTimeout, defaultStallTimeout)
	orDefault(&c.Backoff, defaultBackoff)
	orDefault(&c.BreakerCooldown, defaultBreakerCooldown)
	if c.Meter == nil {
		c.Meter = unmetered{}
	}
	return c
}

func orDefault[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

// thinkingOff reports whether the model thinks by default and lets a request disable it. A
// page does not need long reasoning.
func thinkingOff(model string) bool {
	return strings.HasPrefix(model, "kimi-k2.5") || strings.HasPrefix(model, "kimi-k2.6")
}

// identifier returns s if it has the form of a provider's id of a model or of an error type,
// and "" if not. Ids get into spans, errors and stored metadata, which other text must not.
func identifier(s string) string {
	const longest = 128
	odd := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._:/@-", r)
	}
	if len(s) > longest || strings.ContainsFunc(s, odd) {
		return ""
	}
	return s
}
