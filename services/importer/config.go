package importer

import (
	"errors"
	"net"
	"time"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/buyer"
	"github.com/wandstore/wandstore/services/importer/internal/live"
)

// Config is the settings of the service.
type Config struct {
	// NATS is the NATS with the buckets.
	NATS wandnats.Config
	// Addr is where webhooks are taken. A proxy in front of it speaks TLS.
	Addr string `env:"IMPORTER_ADDR" envDefault:"127.0.0.1:8789"`
	// Keys are those of the webhooks.
	Keys live.Config
	// Orders are the keys of the marks that tell whose an order is. They are the edges'.
	Orders buyer.Config
	// Patience is the least that handling a webhook may take; 0 in production. A test on a busy
	// machine waits longer.
	Patience time.Duration
}

// Validate names the first variable that is wrong.
func (c Config) Validate() error {
	if err := c.NATS.Validate(); err != nil {
		return err
	}
	if _, _, err := net.SplitHostPort(c.Addr); err != nil {
		return errors.New("IMPORTER_ADDR is not host:port")
	}
	if err := c.Keys.Validate(); err != nil {
		return err
	}
	return c.Orders.Validate()
}

// CommandConfig is the settings of the command.
type CommandConfig struct {
	// NATS is the NATS with the buckets.
	NATS wandnats.Config
	// ShopifyToken is the access token of the Storefront or the Admin API.
	ShopifyToken string `env:"SHOPIFY_TOKEN" secret:"true"`
}

// Validate names the first variable that is wrong.
func (c CommandConfig) Validate() error { return c.NATS.Validate() }
