package eval

import (
	"errors"

	"github.com/wandstore/wandstore/services/generator"
)

// Config is the settings of a run.
type Config struct {
	// Generator has the settings of the model and its prices, and the shops.
	Generator generator.Config
	// Sessions is how many designs are asked for.
	Sessions int `env:"EVAL_SESSIONS" envDefault:"24"`
	// Seed varies the sessions.
	Seed uint64 `env:"EVAL_SEED" envDefault:"1"`
	// Concurrency is how many calls there are at a time.
	Concurrency int `env:"EVAL_CONCURRENCY" envDefault:"4"`
	// Budget is the most that a run may cost, in US dollars.
	Budget float64 `env:"EVAL_BUDGET" envDefault:"1"`
	// Result is the file of the last result; a run replaces it.
	Result string `env:"EVAL_RESULT" envDefault:".data/eval.json"`
}

// Validate names the first variable that is wrong.
func (c Config) Validate() error {
	if err := c.Generator.Validate(); err != nil {
		return err
	}
	switch {
	case c.Generator.KimiKey == "":
		return errors.New("KIMI_API_KEY is empty: a model is asked")
	case c.Sessions < 1 || c.Sessions > 10_000:
		return errors.New("EVAL_SESSIONS is not from 1 to 10000")
	case c.Concurrency < 1 || c.Concurrency > 1000:
		return errors.New("EVAL_CONCURRENCY is not from 1 to 1000")
	case !(c.Budget > 0):
		return errors.New("EVAL_BUDGET is not above 0")
	case c.Result == "":
		return errors.New("EVAL_RESULT is empty")
	}
	return nil
}
