package generator

import (
	"errors"
	"math"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/services/generator/internal/designer"
)

// Config is the generator's settings.
type Config struct {
	// Pool is the pool's shape.
	Pool wandnats.Settings
	// NATS is where the jobs come from.
	NATS wandnats.Config
	// S3 is where pages are kept for good.
	S3 pagestore.S3Config
	// Stores is where the shops come from.
	Stores catalogue.Config
	// Addr is where the HTTP pair listens.
	Addr string `env:"GENERATOR_ADDR" envDefault:"127.0.0.1:8080"`
	// GenerateToken opens POST /generate to requests that bear it. Without one the route
	// is open on loopback, and refused on any other Addr.
	GenerateToken string `env:"GENERATE_TOKEN" secret:"true"`
	// Members are those that this process serves, as "0-4,7"; empty is all.
	Members string `env:"POOL_MEMBERS"`
	// InactivityMillis is after how long without a job a member goes cold.
	InactivityMillis int `env:"CONTAINER_INACTIVITY_TIMEOUT_MS" envDefault:"300000"`
	// ExitWhenIdle ends the process once all its members are cold.
	ExitWhenIdle bool `env:"EXIT_WHEN_IDLE"`
	// KimiKey is sent to the model as a bearer token.
	KimiKey string `env:"KIMI_API_KEY" secret:"true"`
	// KimiBaseURL is the model's API, up to and with its version.
	KimiBaseURL string `env:"KIMI_BASE_URL" secret:"url" envDefault:"https://api.moonshot.ai/v1"`
	// KimiModel is the model asked for.
	KimiModel string `env:"KIMI_MODEL" envDefault:"kimi-k2.6"`
	// GatewayURL, if set, is used instead of KimiBaseURL.
	GatewayURL string `env:"AI_GATEWAY_URL" secret:"url"`
	// InputPrice and OutputPrice are what the model costs, in US dollars for a million
	// tokens: the cost that is told of is estimated by them.
	InputPrice  float64 `env:"KIMI_PRICE_INPUT" envDefault:"0.95"`
	OutputPrice float64 `env:"KIMI_PRICE_OUTPUT" envDefault:"4.00"`
	// DailyBudget is how many US dollars the model may cost in 24 hours before
	// operators are told; 0 for any. Nothing is stopped by it.
	DailyBudget float64 `env:"KIMI_DAILY_BUDGET"`
	// LLMTimeoutSeconds bounds one call of the model, its retries included.
	LLMTimeoutSeconds int `env:"LLM_TIMEOUT_SECONDS" envDefault:"180"`
}

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
	if err := c.Stores.Validate(); err != nil {
		return err
	}
	if _, _, err := net.SplitHostPort(c.Addr); err != nil {
		return errors.New("GENERATOR_ADDR is not host:port")
	}
	if c.GenerateToken != "" && len(c.GenerateToken) < minGenerateToken {
		return errors.New("GENERATE_TOKEN is shorter than 16 characters")
	}
	if _, err := members(c.Members, c.Pool.PoolSize); err != nil {
		return err
	}
	if c.InactivityMillis < 1 {
		return errors.New("CONTAINER_INACTIVITY_TIMEOUT_MS is not above 0")
	}
	if c.LLMTimeoutSeconds < 1 || c.LLMTimeoutSeconds > 3600 {
		return errors.New("LLM_TIMEOUT_SECONDS is not from 1 to 3600")
	}
	if c.KimiModel == "" {
		return errors.New("KIMI_MODEL is empty")
	}
	for _, s := range []struct {
		name  string
		value float64
	}{{"KIMI_PRICE_INPUT", c.InputPrice}, {"KIMI_PRICE_OUTPUT", c.OutputPrice}, {"KIMI_DAILY_BUDGET", c.DailyBudget}} {
		// So said, it refuses what is not a number as well.
		if !(s.value >= 0) || math.IsInf(s.value, 1) {
			return errors.New(s.name + " is not an amount of US dollars")
		}
	}
	for _, s := range []struct{ name, value string }{{"KIMI_BASE_URL", c.KimiBaseURL}, {"AI_GATEWAY_URL", c.GatewayURL}} {
		if s.value == "" {
			continue
		}
		// The error of url.Parse would quote a key that somebody put into the URL.
		if u, err := url.Parse(s.value); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return errors.New(s.name + " is not an http or https URL")
		}
	}
	return nil
}

func (c Config) modelURL() string {
	if c.GatewayURL != "" {
		return c.GatewayURL
	}
	return c.KimiBaseURL
}

func (c Config) price() designer.Price {
	return designer.Price{Input: c.InputPrice, Output: c.OutputPrice}
}

func (c Config) inactivity() time.Duration {
	return time.Duration(c.InactivityMillis) * time.Millisecond
}
func (c Config) llmTimeout() time.Duration { return time.Duration(c.LLMTimeoutSeconds) * time.Second }

// storing is what a job may take besides its two calls of the model.
const storing = 30 * time.Second

// jobTimeout bounds one delivery: an answer, the one asked for when that is no
// page, and the storing.
func (c Config) jobTimeout() time.Duration { return 2*c.llmTimeout() + storing }

// members reads POOL_MEMBERS: numbers and ranges with commas between; nil, nil
// for all.
func members(list string, size int) ([]string, error) {
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
	var names []string
	for n, in := range seen {
		if in {
			names = append(names, wandnats.Member(n))
		}
	}
	return names, nil
}
