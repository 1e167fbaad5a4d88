package edge

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/buyer"
	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/session"
	"github.com/wandstore/wandstore/services/edge/internal/identity"
	"github.com/wandstore/wandstore/services/edge/internal/ratelimit"
)

// Config is the edge's settings.
type Config struct {
	// Pool is the size and the limits of the pool.
	Pool wandnats.Settings
	// NATS is the NATS that jobs are published to.
	NATS wandnats.Config
	// S3 is the object store, which keeps pages permanently.
	S3 pagestore.S3Config
	// PageKeys are the keys of the stored pages' MACs.
	PageKeys pagestore.KeyConfig
	// Stores is the source of the shops' documents.
	Shops catalogue.Config
	// Addr is where shoppers are answered.
	Addr string `env:"EDGE_ADDR" envDefault:"127.0.0.1:8787"`
	// Identity is who counts as whom.
	Identity identity.Config
	// Orders are the keys of the marks by which an order is known to be a shopper's.
	Orders buyer.Config
	// TrustedProxies are addresses and networks whose X-Forwarded-For and
	// X-Forwarded-Proto count, with commas.
	TrustedProxies string `env:"TRUSTED_PROXIES"`
	// RateLimits change the rate limits, as kind.scope=limit/period with commas.
	RateLimits string `env:"RATE_LIMITS"`
	// MemoryBytes bounds the pages held in memory.
	MemoryBytes uint64 `env:"CACHE_MEMORY_BYTES" envDefault:"67108864"`
	// PageMaxAge is the age above which a page is stale. A stale page is still served, and
	// a new one is requested.
	PageMaxAge time.Duration `env:"PAGE_MAX_AGE" envDefault:"24h"`
	// GuestTTL is how long the session of a shopper is kept who never came back; 0 is for
	// good.
	GuestTTL time.Duration `env:"GUEST_TTL" envDefault:"720h"`
	// PageMinAge is how old a page is at least when a new one is asked for.
	PageMinAge time.Duration `env:"PAGE_MIN_AGE" envDefault:"10m"`
	// Scope says who gets a page of their own. The zero value is ScopeShopper.
	Scope Scope `env:"PAGE_SCOPE" envDefault:"shopper"`
	// TriggerTimeout bounds asking for a page's generation. A shopper's miss waits for
	// it, to be told what became of it; it takes several round trips to NATS, so an edge
	// far from there needs more.
	TriggerTimeout time.Duration `env:"TRIGGER_TIMEOUT" envDefault:"250ms"`
	// WebhookSecret is the secret of the legacy webhook: "whsec_" and base64. Without it
	// the webhook refuses every request.
	WebhookSecret string `env:"WEBHOOK_SECRET" secret:"true"`
	// DebugToken is the bearer token for /debug. Without it /debug answers 404.
	DebugToken string `env:"DEBUG_TOKEN" secret:"true"`
	// DebugOnLoopback allows /debug for requests from this machine without a token. It must
	// be off if a proxy on this machine forwards requests of others.
	DebugOnLoopback bool
	// TrustTraceparent uses a request's traceparent as the parent of its span, instead of
	// as a link. It is for an edge behind a proxy that sets the header itself.
	TrustTraceparent bool `env:"TRUST_TRACEPARENT"`
	// StoreTimeout bounds a page's lookup in MinIO and in KV, each.
	StoreTimeout time.Duration `env:"STORE_TIMEOUT" envDefault:"100ms"`
	// SessionTimeout bounds the lookup of a visitor's session.
	SessionTimeout time.Duration `env:"SESSION_TIMEOUT" envDefault:"25ms"`
	// ShutdownDelay is how long an edge that is stopped goes on after it has turned unready,
	// until its balancer sends it no more requests.
	ShutdownDelay time.Duration `env:"SHUTDOWN_DELAY"`
	// LLMTimeoutSeconds is the generators' setting. /debug/generate waits for one job.
	LLMTimeoutSeconds int `env:"LLM_TIMEOUT_SECONDS" envDefault:"180"`
	// QueueAllowance is how much longer /debug/generate waits, for queueing and storing. 0
	// means 20 s.
	QueueAllowance time.Duration
	// Patience is the least that any other answer may take that has to wait for NATS; 0 in
	// production. A test on a busy machine waits longer.
	Patience time.Duration
	// Clock is this machine's clock; nil is time.Now. What others dated is judged by NATS's:
	// see wandnats.Clock.
	Clock func() time.Time
}

// minDebugToken is the least length of a token, so that it cannot be guessed.
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
	if err := c.PageKeys.Validate(); err != nil {
		return err
	}
	if err := c.Shops.Validate(); err != nil {
		return err
	}
	if _, _, err := net.SplitHostPort(c.Addr); err != nil {
		return errors.New("EDGE_ADDR is not host:port")
	}
	if err := c.Identity.Validate(c.Addr); err != nil {
		return err
	}
	if err := c.Orders.Validate(); err != nil {
		return err
	}
	if _, err := parseProxies(c.TrustedProxies); err != nil {
		return err
	}
	if _, err := c.rateLimits(); err != nil {
		return fmt.Errorf("RATE_LIMITS: %w", err)
	}
	if !session.ValidTTL(c.GuestTTL) {
		return errors.New("GUEST_TTL is neither 0 nor whole seconds")
	}
	if c.PageMinAge < 0 {
		return errors.New("PAGE_MIN_AGE is below 0")
	}
	if !c.Scope.valid() {
		return errors.New("PAGE_SCOPE is not shopper, cohort or auto")
	}
	if c.MemoryBytes < 1<<20 {
		return errors.New("CACHE_MEMORY_BYTES is below 1048576")
	}
	if err := c.validateTimes(); err != nil {
		return err
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

// The bounds of the deadlines that a shopper waits for, and of the delay at the end, which
// orchestrators wait for.
const (
	minStoreTimeout, maxStoreTimeout = time.Millisecond, 10 * time.Second
	maxShutdownDelay                 = 5 * time.Minute
)

// validateTimes names the first variable of pages' ages, of deadlines or of the end that is
// wrong.
func (c Config) validateTimes() error {
	if c.PageMaxAge <= 0 {
		return errors.New("PAGE_MAX_AGE is not above 0")
	}
	if c.TriggerTimeout <= 0 {
		return errors.New("TRIGGER_TIMEOUT is not above 0")
	}
	for _, s := range []struct {
		name  string
		value time.Duration
	}{{"STORE_TIMEOUT", c.StoreTimeout}, {"SESSION_TIMEOUT", c.SessionTimeout}} {
		if s.value < minStoreTimeout || s.value > maxStoreTimeout {
			return errors.New(s.name + " is not from 1ms to 10s")
		}
	}
	if c.ShutdownDelay < 0 || c.ShutdownDelay > maxShutdownDelay {
		return errors.New("SHUTDOWN_DELAY is not from 0 to 5m")
	}
	return nil
}

// generateTimeout is how long /debug/generate waits: for a call of the model, and for
// queueing and storing.
func (c Config) generateTimeout() time.Duration {
	return time.Duration(c.LLMTimeoutSeconds)*time.Second + cmp.Or(c.QueueAllowance, 20*time.Second)
}

// atLeast is a deadline of an answer that has to wait for NATS.
func (c Config) atLeast(deadline time.Duration) time.Duration { return max(deadline, c.Patience) }

// rateLimits are the limits of an edge whose shoppers are signed. Where anybody may be
// anybody, as on a laptop, only those that are set count.
func (c Config) rateLimits() (ratelimit.Rules, error) {
	rules, err := ratelimit.Parse(c.RateLimits, ratelimit.Default())
	if err == nil && !c.Identity.IsSigned() && c.RateLimits == "" {
		return ratelimit.Rules{}, nil
	}
	return rules, err
}
