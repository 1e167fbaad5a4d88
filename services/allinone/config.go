package allinone

import (
	"cmp"
	"errors"
	"net"
	"time"

	"github.com/wandstore/wandstore/services/edge"
	"github.com/wandstore/wandstore/services/generator"
	"github.com/wandstore/wandstore/services/kimisim"
)

// Config is the settings of all parts. The addresses of its own parts replace NATS_URL,
// MINIO_ENDPOINT and, without a KIMI_API_KEY, KIMI_BASE_URL.
type Config struct {
	Edge      edge.Config
	Generator generator.Config
	Kimisim   kimisim.Config
	// DataDir is the folder of streams, pages and logs.
	DataDir string `env:"WANDSTORE_DATA_DIR" envDefault:".data"`
	// NATSAddr is the address of the nats-server.
	NATSAddr string `env:"NATS_ADDR" envDefault:"127.0.0.1:4222"`
	// S3Addr is the address of the S3 gateway.
	S3Addr string `env:"S3_ADDR" envDefault:"127.0.0.1:9000"`
}

// Validate names the first variable that is wrong.
func (c Config) Validate() error {
	for _, part := range []interface{ Validate() error }{c.Edge, c.Generator, c.Kimisim} {
		if err := part.Validate(); err != nil {
			return err
		}
	}
	if c.DataDir == "" {
		return errors.New("WANDSTORE_DATA_DIR is empty")
	}
	if _, _, err := net.SplitHostPort(c.NATSAddr); err != nil {
		return errors.New("NATS_ADDR is not host:port")
	}
	if _, _, err := net.SplitHostPort(c.S3Addr); err != nil {
		return errors.New("S3_ADDR is not host:port")
	}
	return nil
}

// simulated reports whether kimisim is used instead of Kimi.
func (c Config) simulated() bool { return c.Generator.KimiKey == "" }

// wired returns the configuration with the addresses of the parts set in each other.
func (c Config) wired() Config {
	url := "nats://" + c.NATSAddr
	c.Edge.NATS.URL, c.Edge.NATS.Creds = url, ""
	c.Generator.NATS.URL, c.Generator.NATS.Creds = url, ""
	c.Edge.S3.Endpoint, c.Edge.S3.UseTLS = c.S3Addr, false
	c.Generator.S3.Endpoint, c.Generator.S3.UseTLS = c.S3Addr, false
	c.Edge.DebugOnLoopback = true
	// Somebody waits at the terminal.
	c.Generator.ShutdownGrace = cmp.Or(c.Generator.ShutdownGrace, 20*time.Second)
	if c.simulated() {
		c.Generator.KimiKey = simKey
		c.Generator.KimiBaseURL = "http://" + c.Kimisim.Addr + "/v1"
		c.Generator.GatewayURL = ""
		c.Generator.KimiModel = kimisim.Model
	}
	return c
}
