package kimi

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/wandstore/wandstore/pkg/account"
)

// The defaults of Config.
const (
	defaultTimeout = 180 * time.Second
	// pageTokens is enough for a page's design, twice over.
	pageTokens = 8192
	// thoughtTokens is the room that a model which thinks gets in addition. Moonshot asks
	// for 16,000 tokens or more.
	thoughtTokens          = 16_384
	defaultAnswerLimit     = 1 << 20
	defaultStallTimeout    = 30 * time.Second
	defaultCalls           = 10
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
	// Timeout bounds a whole call, with its retries and the waits between them. The default
	// is 3 min. Waiting for the Account is not part of it.
	Timeout time.Duration
	// MaxCompletionTokens is the requested limit of an answer and of the thoughts before it,
	// in tokens. Providers count the requested tokens against their rate limits, not the
	// used ones. The default is 8192, and 24,576 for a model that thinks.
	MaxCompletionTokens int
	// Thinking is how much the model thinks before it answers. The default is ThinkingAuto.
	Thinking Thinking
	// AnswerLimit bounds an answer's text, in bytes. The default is 1 MiB.
	AnswerLimit int64
	// StallTimeout bounds the time before the first byte and between later ones, without what
	// Request.OnText takes. The default is 30 s.
	StallTimeout time.Duration
	// Backoff bounds the wait before the second try. The bound doubles for the third. The
	// default is 500 ms.
	Backoff time.Duration
	// Calls is how many calls are made at a time, at the most: so many connections are kept
	// for later ones. The default is 10.
	Calls int
	// BreakerCooldown is how long the breaker stays open. The default is 30 s.
	BreakerCooldown time.Duration
	// Account keeps the calls within what the model's account allows. Without it, a call
	// that is refused for rate is tried again twice.
	Account *account.Account
	// Meter permits each try; nil permits all.
	Meter Meter
}

// Thinking is how much a model thinks before it answers.
type Thinking string

// The values of Thinking; empty is ThinkingAuto.
const (
	// ThinkingAuto is as little as the model is known to allow, because a page does not need
	// long thoughts.
	ThinkingAuto Thinking = "auto"
	// ThinkingOn is as much as is usual for the model.
	ThinkingOn Thinking = "on"
	// ThinkingOff is ThinkingAuto, and also disables the thinking of a model that is not
	// known.
	ThinkingOff Thinking = "off"
)

// Valid reports whether t is one of the values.
func (t Thinking) Valid() bool {
	return t == "" || t == ThinkingAuto || t == ThinkingOn || t == ThinkingOff
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
	if !c.Thinking.Valid() {
		errs = append(errs, fmt.Errorf("thinking: %q is not auto, on or off", c.Thinking))
	}
	if c.Timeout < 0 || c.StallTimeout < 0 || c.Backoff < 0 || c.BreakerCooldown < 0 || c.MaxCompletionTokens < 0 || c.AnswerLimit < 0 {
		errs = append(errs, errors.New("timeouts and limits: not negative"))
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	orDefault(&c.Timeout, defaultTimeout)
	orDefault(&c.Thinking, ThinkingAuto)
	room := pageTokens
	if c.thinks() {
		room += thoughtTokens
	}
	orDefault(&c.MaxCompletionTokens, room)
	orDefault(&c.AnswerLimit, defaultAnswerLimit)
	orDefault(&c.StallTimeout, defaultStallTimeout)
	orDefault(&c.Calls, defaultCalls)
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

// thinks reports whether the model thinks, as far as it is known.
func (c Config) thinks() bool { return c.Thinking == ThinkingOn || alwaysThinks(modelName(c.Model)) }

// modelName is the id in lower case, without the names of gateways and providers before it.
func modelName(id string) string {
	name := strings.ToLower(id[strings.LastIndexByte(id, '/')+1:])
	return strings.ReplaceAll(name, "k2p", "k2.") // as Fireworks writes it
}

// thinkingIsOptional reports whether the model thinks unless a request disables it.
func thinkingIsOptional(name string) bool {
	return strings.Contains(name, "kimi-k2.5") || strings.Contains(name, "kimi-k2.6")
}

// alwaysThinks reports whether the model refuses not to think.
func alwaysThinks(name string) bool {
	return takesEffort(name) || strings.Contains(name, "kimi-k2.7") || strings.Contains(name, "kimi-k2-thinking") || strings.Contains(name, "kimi-thinking")
}

// takesEffort reports whether the model always thinks and takes reasoning_effort instead of
// thinking: low, high or max, which is its default and takes minutes.
func takesEffort(name string) bool { return strings.Contains(name, "kimi-k3") }

// typeName returns s if it has the form of the type of an error or of a reason, and "" if not.
// It has no digits, as keys do.
func typeName(s string) string {
	const longest = 64
	odd := func(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '_' && r != '.' }
	if len(s) > longest || strings.ContainsFunc(s, odd) {
		return ""
	}
	return s
}

// identifier returns s if it has the form of a provider's id of a model, and "" if not. Ids get
// into spans, errors and stored metadata, which other text must not.
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
