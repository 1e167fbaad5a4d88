package kimisim

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// Model is the id every answer carries, whatever model was asked for: a page
// made from it says by itself that no real model designed it.
const Model = "kimisim-1"

// maxFirstToken is the longest FirstToken: a mistyped unit must not look like a hang.
const maxFirstToken = 10 * time.Minute

// maxThinking is the most ThinkingTokens: Kimi's context.
const maxThinking = 262_144

// Config is how a Server answers. The tags name the environment variables; the
// defaults are those of a fast model on a good day.
type Config struct {
	// Addr is host:port. Port 0 takes a free one; Server.Addr tells which.
	Addr string `env:"KIMISIM_ADDR" envDefault:"127.0.0.1:8090"`
	// FirstToken is how long the model thinks before its first token; 0 to 10m.
	FirstToken time.Duration `env:"KIMISIM_FIRST_TOKEN" envDefault:"1s"`
	// TokensPerSecond is the rate after the first token; 0 is as fast as it goes.
	TokensPerSecond int `env:"KIMISIM_TOKENS_PER_SECOND" envDefault:"200"`
	// ThinkingTokens is how long a model thinks that does. It counts as completion.
	ThinkingTokens int `env:"KIMISIM_THINKING_TOKENS" envDefault:"800"`
	// Concurrency, RPM and TPM are what the account is allowed; see Limits.
	Concurrency int `env:"KIMISIM_MAX_CONCURRENCY"`
	RPM         int `env:"KIMISIM_RPM"`
	TPM         int `env:"KIMISIM_TPM"`
	// Seed varies all answers together. The same seed and conversation give the
	// same answer.
	Seed uint64 `env:"KIMISIM_SEED" envDefault:"1"`
}

// Validate reports every wrong setting, each by the name of its variable.
func (c Config) Validate() error {
	var errs []error
	if _, port, err := net.SplitHostPort(c.Addr); err != nil {
		errs = append(errs, fmt.Errorf("KIMISIM_ADDR: %q is not host:port", c.Addr))
	} else if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		errs = append(errs, fmt.Errorf("KIMISIM_ADDR: %q has no port between 0 and 65535", c.Addr))
	}
	if c.FirstToken < 0 || c.FirstToken > maxFirstToken {
		errs = append(errs, fmt.Errorf("KIMISIM_FIRST_TOKEN: %v is not between 0s and %v", c.FirstToken, maxFirstToken))
	}
	for _, s := range []struct {
		name  string
		value int
	}{{"KIMISIM_MAX_CONCURRENCY", c.Concurrency}, {"KIMISIM_RPM", c.RPM}, {"KIMISIM_TPM", c.TPM}} {
		if s.value < 0 {
			errs = append(errs, fmt.Errorf("%s: %d is negative", s.name, s.value))
		}
	}
	if c.TokensPerSecond < 0 {
		errs = append(errs, fmt.Errorf("KIMISIM_TOKENS_PER_SECOND: %d is negative", c.TokensPerSecond))
	}
	if c.ThinkingTokens < 0 || c.ThinkingTokens > maxThinking {
		errs = append(errs, fmt.Errorf("KIMISIM_THINKING_TOKENS: %d is not between 0 and %d", c.ThinkingTokens, maxThinking))
	}
	return errors.Join(errs...)
}
