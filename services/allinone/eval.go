package allinone

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"github.com/wandstore/wandstore/services/generator/eval"
	"github.com/wandstore/wandstore/services/kimisim"
)

// simKey is the key of the simulated Kimi, which takes any.
const simKey = "kimisim"

// EvalConfig is the settings of Eval.
type EvalConfig struct {
	Eval eval.Config
	// Sim is the simulated Kimi that answers if there is no key.
	Sim kimisim.Config
}

// Validate names the first variable that is wrong.
func (c EvalConfig) Validate() error {
	if c.simulated() {
		c.Eval.Generator.KimiKey = simKey
	}
	return errors.Join(c.Eval.Validate(), c.Sim.Validate())
}

func (c EvalConfig) simulated() bool { return c.Eval.Generator.KimiKey == "" }

// Eval measures the prompt as package eval does, without a key by kimisim in this process.
func Eval(ctx context.Context, cfg EvalConfig, log *slog.Logger, w io.Writer) error {
	if !cfg.simulated() {
		return eval.Run(ctx, cfg.Eval, log, w)
	}
	cfg.Sim.Addr = "127.0.0.1:0"
	sim, err := kimisim.New(cfg.Sim, log)
	if err != nil {
		return err
	}
	// The model outlives an interrupt, so that the calls under way end as such.
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	served := make(chan error, 1)
	go func() { served <- sim.Run(running) }()
	select {
	case <-sim.Started():
		log.InfoContext(ctx, "KIMI_API_KEY is not set: kimisim answers")
		cfg.Eval.Generator.KimiKey, cfg.Eval.Generator.GatewayURL = simKey, "http://"+sim.Addr()+"/v1"
		err = eval.Run(ctx, cfg.Eval, log, w)
		stop()
		return errors.Join(err, <-served)
	case err := <-served:
		stop()
		return err
	}
}
