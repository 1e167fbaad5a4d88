package kimi

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Defaults of what Config leaves at zero.
const (
	defaultTimeout         = 180 * time.Second
	defaultMaxTokens       = 8192
	defaultAnswerLimit     = 1 << 20
	defaultStallTimeout    = 30 * time.Second
	defaultBackoff         = 500 * time.Millisecond
	defaultBreakerCooldown = 30 * time.Second
)

// Config is what to ask and how patiently. Zero durations and limits take their
// defaults.
type Config struct {
	// BaseURL ends before /chat/completions: https://api.moonshot.ai/v1. It has
	// no user, query or fragment.
	BaseURL string
	// APIKey is sent as the bearer token. Empty, none is sent: a gateway may hold
	// the key itself, and a provider's 401 is ErrRefused like any other.
	APIKey string
	// Model is the provider's id of it.
	Model string
	// Timeout bounds a whole call, with its retries and waits. Default 3m.
	Timeout time.Duration
	// MaxCompletionTokens is the longest answer asked for. Providers count what
	// is asked for, not what is used, against their rate limits. Default 8192.
	MaxCompletionTokens int
	// AnswerLimit is the longest answer taken, in bytes of text. Default 1 MiB.
	AnswerLimit int64
	// StallTimeout is the longest silence: before the first byte as between
	// later ones. Default 30s.
	StallTimeout time.Duration
	// Backoff bounds the wait before the second try; it doubles for the third.
	// Default 500ms.
	Backoff time.Duration
	// BreakerCooldown is how long an open breaker keeps everyone out. Default
	// 30s.
	BreakerCooldown time.Duration
	// Meter permits each try; nil permits all.
	Meter Meter
}

// Validate reports every wrong field. It never shows the key.
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

// thinkingOff reports whether the model thinks unless told not to, and can be
// told. A page needs design more than long reasoning.
func thinkingOff(model string) bool {
	return strings.HasPrefix(model, "kimi-k2.5") || strings.HasPrefix(model, "kimi-k2.6")
}

// identifier returns s if it is an id, such as a provider gives models and kinds
// of errors, and "" if it is anything longer or stranger: ids go into spans,
// errors and stored metadata.
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
