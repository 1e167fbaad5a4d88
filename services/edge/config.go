package edge

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/services/edge/internal/identity"
	"github.com/wandstore/wandstore/services/edge/internal/ratelimit"
)

// Config is the edge's settings.
type Config struct {
	// Pool is the pool's shape.
	Pool wandnats.Settings
	// NATS is where jobs go.
	NATS wandnats.Config
	// S3 is where pages are kept for good.
	S3 pagestore.S3Config
	// Stores is where the shops come from.
	Stores catalogue.Config
	// Addr is where shoppers are answered.
	Addr string `env:"EDGE_ADDR" envDefault:"127.0.0.1:8787"`
	// Identity is who counts as whom.
	Identity identity.Config
	// TrustedProxies are addresses and networks whose X-Forwarded-For and
	// X-Forwarded-Proto count, with commas.
	TrustedProxies string `env:"TRUSTED_PROXIES"`
	// RateLimits change the rate limits, as kind.scope=limit/period with commas.
	RateLimits string `env:"RATE_LIMITS"`
	// MemoryBytes bounds the pages held in memory.
	MemoryBytes uint64 `env:"CACHE_MEMORY_BYTES" envDefault:"67108864"`
	// PageMaxAge is how old a page may grow; an older one is still served, and a new
	// one asked for.
	PageMaxAge time.Duration `env:"PAGE_MAX_AGE" envDefault:"24h"`
	// PageMinAge is how old a page is at least when a new one is asked for.
	PageMinAge time.Duration `env:"PAGE_MIN_AGE" envDefault:"10m"`
	// TriggerTimeout bounds asking for a page's generation. A shopper's miss waits for
	// it, to be told what became of it; it takes several round trips to NATS, so an edge
	// far from there needs more.
	TriggerTimeout time.Duration `env:"TRIGGER_TIMEOUT" envDefault:"250ms"`
	// WebhookSecret is the legacy webhook's, "whsec_" and base64; without one
	// the webhook refuses everything.
	WebhookSecret string `env:"WEBHOOK_SECRET" secret:"true"`
	// DebugToken opens /debug to requests that bear it; without one nobody is answered
	// there.
	DebugToken string `env:"DEBUG_TOKEN" secret:"true"`
	// DebugOnLoopback opens /debug to this machine's own requests too: for a process
	// that nobody else reaches through a proxy on it.
	DebugOnLoopback bool
	// TrustTraceparent takes a request's traceparent as its parent, instead of linking
	// to it: for an edge behind a proxy that sets the header itself.
	TrustTraceparent bool `env:"TRUST_TRACEPARENT"`
	// StoreTimeout bounds the lookup of a page in MinIO, and that in KV; 0 is 100 ms.
	StoreTimeout time.Duration
	// SessionTimeout bounds the lookup of what is known of a visitor; 0 is 25 ms.
	SessionTimeout time.Duration
	// LLMTimeoutSeconds is the generators'; /debug/generate waits for one job.
	LLMTimeoutSeconds int `env:"LLM_TIMEOUT_SECONDS" envDefault:"180"`
	// QueueAllowance is what /debug/generate waits on top for queueing and storing;
	// 0 is 20 s.
	QueueAllowance time.Duration
}

// minDebugToken keeps a token from being guessed.
const minDebugToken = 16

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
		return errors.New("EDGE_ADDR is not host:port")
	}
	if err := c.Identity.Validate(c.Addr); err != nil {
		return err
	}
	if _, err := parseProxies(c.TrustedProxies); err != nil {
		return err
	}
	if _, err := c.rateLimits(); err != nil {
		return fmt.Errorf("RATE_LIMITS: %w", err)
	}
	if c.PageMinAge < 0 {
		return errors.New("PAGE_MIN_AGE is below 0")
	}
	if c.MemoryBytes < 1<<20 {
		return errors.New("CACHE_MEMORY_BYTES is below 1048576")
	}
	if c.PageMaxAge <= 0 {
		return errors.New("PAGE_MAX_AGE is not above 0")
	}
	if c.TriggerTimeout <= 0 {
		return errors.New("TRIGGER_TIMEOUT is not above 0")
	}
	if c.WebhookSecret != "" {
		if _, err := standardwebhooks.NewWebhook(c.WebhookSecret); err != nil {
			return errors.New("WEBHOOK_SECRET is not whsec_ and base64")
		}
	}
	if c.DebugToken != "" && len(c.DebugToken) < minDebugToken {
		return errors.New("DEBUG_TOKEN is shorter than 16 characters")
	}
	if c.LLMTimeoutSeconds < 1 || c.LLMTimeoutSeconds > 3600 {
		return errors.New("LLM_TIMEOUT_SECONDS is not from 1 to 3600")
	}
	return nil
}

// generateTimeout is how long /debug/generate waits: a job's model call, and its
// queueing and storing.
func (c Config) generateTimeout() time.Duration {
	return time.Duration(c.LLMTimeoutSeconds)*time.Second + cmp.Or(c.QueueAllowance, 20*time.Second)
}

// rateLimits are the limits of an edge whose shoppers are signed. Where anybody may be
// anybody, as on a laptop, only those that are set count.
func (c Config) rateLimits() (ratelimit.Rules, error) {
	rules, err := ratelimit.Parse(c.RateLimits, ratelimit.Default())
	if err == nil && !c.Identity.IsSigned() && c.RateLimits == "" {
		return nil, nil
	}
	return rules, err
}
