package generator

import (
	"cmp"
	"errors"
	"log/slog"
	"math"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nuid"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/account"
	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/session"
	"github.com/wandstore/wandstore/pkg/spend"
	"github.com/wandstore/wandstore/services/generator/internal/kimi"
)

// Config is the generator's settings.
type Config struct {
	// Pool is the size and the limits of the pool.
	Pool wandnats.Settings
	// NATS is the NATS that jobs come from.
	NATS wandnats.Config
	// S3 is the object store, which keeps pages permanently.
	S3 pagestore.S3Config
	// PageKeys are the keys of the stored pages' MACs.
	PageKeys pagestore.KeyConfig
	// Shops is the source of the shops' documents.
	Shops catalogue.Config
	// Addr is the address of GET /health and POST /generate.
	Addr string `env:"GENERATOR_ADDR" envDefault:"127.0.0.1:8080"`
	// GenerateToken is the bearer token of POST /generate. Without it the route is open if
	// Addr is on loopback, and refused otherwise.
	GenerateToken string `env:"GENERATE_TOKEN" secret:"true"`
	// Members are the numbers of the members to serve, such as "0-4,7", in each shard. Empty
	// means all.
	Members string `env:"POOL_MEMBERS"`
	// InactivityMillis is the time without a job after which a member goes cold, in
	// milliseconds.
	InactivityMillis int `env:"CONTAINER_INACTIVITY_TIMEOUT_MS" envDefault:"300000"`
	// ExitWhenIdle ends the process when all its members are cold.
	ExitWhenIdle bool `env:"EXIT_WHEN_IDLE"`
	// KimiKey is sent to the model's API as a bearer token. Without it every page is the
	// template's.
	KimiKey string `env:"KIMI_API_KEY" secret:"true"`
	// KimiBaseURL is the URL of the model's API, including its version.
	KimiBaseURL string `env:"KIMI_BASE_URL" secret:"url" envDefault:"https://api.moonshot.ai/v1"`
	// KimiModel is the id of the model.
	KimiModel string `env:"KIMI_MODEL" envDefault:"kimi-k2.6"`
	// KimiThinking is how much the model thinks: auto, on or off.
	KimiThinking string `env:"KIMI_THINKING" envDefault:"auto"`
	// KimiMaxTokens is the most tokens of an answer, thoughts included; 0 is what the model
	// needs.
	KimiMaxTokens int `env:"KIMI_MAX_TOKENS"`
	// GatewayURL, if set, is used instead of KimiBaseURL.
	GatewayURL string `env:"AI_GATEWAY_URL" secret:"url"`
	// InputPrice and OutputPrice are the model's prices, in US dollars per million tokens.
	// Costs are computed from them.
	InputPrice  float64 `env:"KIMI_PRICE_INPUT" envDefault:"0.95"`
	OutputPrice float64 `env:"KIMI_PRICE_OUTPUT" envDefault:"4.00"`
	// CachedPrice is the price of tokens of the prompt that the provider's prompt cache
	// serves.
	CachedPrice float64 `env:"KIMI_PRICE_CACHED" envDefault:"0.16"`
	// CacheWritePrice is what tokens cost in addition that are written to that cache, where
	// a provider bills and counts it.
	CacheWritePrice float64 `env:"KIMI_PRICE_CACHE_WRITE"`
	// DailyBudget is how many US dollars the model may cost on one UTC day, by these
	// prices and over all generators; 0 is no limit. A call that it has no room for is
	// not made.
	DailyBudget float64 `env:"KIMI_DAILY_BUDGET"`
	// GuestTTL is how long the session of a shopper is kept who never came back; 0 is for
	// good.
	GuestTTL time.Duration `env:"GUEST_TTL" envDefault:"720h"`
	// ShopShare is the part of DailyBudget that one shop may use, above 0 and at most 1.
	ShopShare float64 `env:"KIMI_STORE_SHARE" envDefault:"1"`
	// MaxConcurrency, RPM and TPM are what the model's account allows all generators together:
	// calls at a time, calls a minute, and tokens a minute, which include the most tokens of
	// each answer. 0 has it learned from the provider's answers.
	MaxConcurrency int `env:"KIMI_MAX_CONCURRENCY"`
	RPM            int `env:"KIMI_RPM"`
	TPM            int `env:"KIMI_TPM"`
	// AccountMinute is the minute of RPM and TPM. A test may use a shorter one.
	AccountMinute time.Duration
	// Clock is this machine's clock; nil is time.Now. What others dated is judged by NATS's:
	// see wandnats.Clock.
	Clock func() time.Time
	// ShutdownGrace is how long running jobs may go on once the generator is stopped; 0 is as
	// long as a call of the model and storing its page may take.
	ShutdownGrace time.Duration `env:"SHUTDOWN_GRACE"`
	// LLMTimeoutSeconds bounds one call of the model, including its retries, without the wait
	// for the account.
	LLMTimeoutSeconds int `env:"LLM_TIMEOUT_SECONDS" envDefault:"180"`
	// StallTimeout bounds how long the model may say nothing; 0 is 30 s.
	StallTimeout time.Duration
	// Patience is the least that the answer to an operator and a write of a page's beginning may
	// take; 0 in production. A test on a busy machine waits longer.
	Patience time.Duration
}

// maxShutdownGrace is as long as the longest job.
const maxShutdownGrace = 2 * time.Hour

// maxBudget keeps sums of Micros far from their end.
const maxBudget = 1e9

// The bounds of KIMI_MAX_TOKENS: a small page, and the context of the largest models.
const (
	minMaxTokens = 1024
	maxMaxTokens = 262_144
)

// maxAccountLimit bounds what an account can be said to allow.
const maxAccountLimit = 1e9

// minGenerateToken keeps a token from being guessed.
const minGenerateToken = 16

// Validate names the first variable that is wrong.
func (c Config) Validate() error {
	if err := c.Pool.Validate(); err != nil {
		return err
	}
	if err := c.NATS.Validate(); err != nil {
		return err
	}
	if err := c.S3.Validate(); err != nil {
		return err
	}
	if err := c.PageKeys.Validate(); err != nil {
		return err
	}
	if err := c.Shops.Validate(); err != nil {
		return err
	}
	if _, _, err := net.SplitHostPort(c.Addr); err != nil {
		return errors.New("GENERATOR_ADDR is not host:port")
	}
	if c.GenerateToken != "" && len(c.GenerateToken) < minGenerateToken {
		return errors.New("GENERATE_TOKEN is shorter than 16 characters")
	}
	if _, err := memberNumbers(c.Members, c.Pool.PoolSize); err != nil {
		return err
	}
	if c.InactivityMillis < 1 {
		return errors.New("CONTAINER_INACTIVITY_TIMEOUT_MS is not above 0")
	}
	if !session.ValidTTL(c.GuestTTL) {
		return errors.New("GUEST_TTL is neither 0 nor whole seconds")
	}
	if c.LLMTimeoutSeconds < 1 || c.LLMTimeoutSeconds > 3600 {
		return errors.New("LLM_TIMEOUT_SECONDS is not from 1 to 3600")
	}
	if c.ShutdownGrace < 0 || c.ShutdownGrace > maxShutdownGrace {
		return errors.New("SHUTDOWN_GRACE is not from 0 to 2h")
	}
	if err := c.validateAccount(); err != nil {
		return err
	}
	if c.KimiModel == "" {
		return errors.New("KIMI_MODEL is empty")
	}
	if !kimi.Thinking(c.KimiThinking).Valid() {
		return errors.New("KIMI_THINKING is not auto, on or off")
	}
	if c.KimiMaxTokens < 0 || c.KimiMaxTokens > 0 && c.KimiMaxTokens < minMaxTokens || c.KimiMaxTokens > maxMaxTokens {
		return errors.New("KIMI_MAX_TOKENS is neither 0 nor from 1024 to 262144")
	}
	if err := c.validateBudget(); err != nil {
		return err
	}
	for _, s := range []struct{ name, value string }{{"KIMI_BASE_URL", c.KimiBaseURL}, {"AI_GATEWAY_URL", c.GatewayURL}} {
		if s.value == "" {
			continue
		}
		// The error of url.Parse is not shown: it would quote a key in the URL.
		if u, err := url.Parse(s.value); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return errors.New(s.name + " is not an http or https URL")
		}
	}
	return nil
}

// validateAccount names the first variable of what the model's account allows that is wrong.
func (c Config) validateAccount() error {
	for _, s := range []struct {
		name  string
		value int
	}{{"KIMI_MAX_CONCURRENCY", c.MaxConcurrency}, {"KIMI_RPM", c.RPM}, {"KIMI_TPM", c.TPM}} {
		if s.value < 0 || s.value > maxAccountLimit {
			return errors.New(s.name + " is not from 0 to 1000000000")
		}
	}
	return nil
}

// validateBudget names the first variable of what the model costs that is wrong.
func (c Config) validateBudget() error {
	for _, s := range []struct {
		name  string
		value float64
	}{
		{"KIMI_PRICE_INPUT", c.InputPrice}, {"KIMI_PRICE_OUTPUT", c.OutputPrice},
		{"KIMI_PRICE_CACHED", c.CachedPrice}, {"KIMI_PRICE_CACHE_WRITE", c.CacheWritePrice},
		{"KIMI_DAILY_BUDGET", c.DailyBudget},
	} {
		// The negation refuses NaN as well.
		if !(s.value >= 0) || math.IsInf(s.value, 1) {
			return errors.New(s.name + " is not an amount of US dollars")
		}
	}
	if c.DailyBudget > 0 && spend.FromUSD(c.DailyBudget) == 0 {
		return errors.New("KIMI_DAILY_BUDGET is below a millionth of a US dollar")
	}
	if c.DailyBudget > maxBudget {
		return errors.New("KIMI_DAILY_BUDGET is above 1000000000")
	}
	if c.DailyBudget > 0 && c.InputPrice == 0 && c.OutputPrice == 0 {
		return errors.New("KIMI_DAILY_BUDGET needs KIMI_PRICE_INPUT or KIMI_PRICE_OUTPUT: at no price nothing is ever spent")
	}
	if !(c.ShopShare > 0 && c.ShopShare <= 1) {
		return errors.New("KIMI_STORE_SHARE is not above 0 and at most 1")
	}
	return nil
}

func (c Config) modelURL() string {
	if c.GatewayURL != "" {
		return c.GatewayURL
	}
	return c.KimiBaseURL
}

func (c Config) inactivity() time.Duration {
	return time.Duration(c.InactivityMillis) * time.Millisecond
}
func (c Config) llmTimeout() time.Duration { return time.Duration(c.LLMTimeoutSeconds) * time.Second }

// storing is how long a job may take in addition to its two calls of the model.
const storing = 30 * time.Second

// jobTimeout bounds one delivery: a call of the model, a second call if the first answer is
// not a design, and storing.
func (c Config) jobTimeout() time.Duration { return 2*c.llmTimeout() + storing }

// grace is how long running jobs may go on once the generator is stopped. A call that is cut
// off is paid for, and made again.
func (c Config) grace() time.Duration { return cmp.Or(c.ShutdownGrace, c.llmTimeout()+storing) }

// controlTimeout bounds an operator's request. The nats CLI waits five seconds by default.
func (c Config) controlTimeout() time.Duration { return max(4*time.Second, c.Patience) }

// account returns what is set of the model's account.
func (c Config) account(worker string, now func() time.Time, log *slog.Logger) account.Config {
	return account.Config{
		// One process may run several generators, as tests do.
		Worker: worker + "-" + nuid.Next(), URL: c.modelURL(), Key: c.KimiKey,
		Concurrency: c.MaxConcurrency, CallsAMinute: c.RPM, TokensAMinute: c.TPM, Minute: c.AccountMinute, Now: now, Log: log,
	}
}

// calls is how many calls of the model this process makes at a time, at the most.
func (c Config) calls() int {
	served, err := memberNumbers(c.Members, c.Pool.PoolSize)
	members := len(served)
	if err != nil || served == nil {
		members = c.Pool.PoolSize
	}
	return members * max(1, c.Pool.Shards) * c.Pool.Concurrency
}

// memberNumbers parses POOL_MEMBERS: numbers and ranges, separated by commas. It returns nil, nil
// if the list is empty.
func memberNumbers(list string, size int) ([]int, error) {
	if list == "" {
		return nil, nil
	}
	wrong := errors.New("POOL_MEMBERS is not numbers or ranges below POOL_SIZE, such as 0-4,7")
	seen := make([]bool, size)
	for part := range strings.SplitSeq(list, ",") {
		from, to, ranged := strings.Cut(strings.TrimSpace(part), "-")
		if !ranged {
			to = from
		}
		low, err := strconv.Atoi(from)
		if err != nil {
			return nil, wrong
		}
		high, err := strconv.Atoi(to)
		if err != nil || low < 0 || high < low || high >= size {
			return nil, wrong
		}
		for n := low; n <= high; n++ {
			seen[n] = true
		}
	}
	var numbers []int
	for n, in := range seen {
		if in {
			numbers = append(numbers, n)
		}
	}
	return numbers, nil
}
