// Command eval measures what the model of KIMI_* makes of the prompt, or without a key what
// kimisim makes of it. It prints a table, beside the last run's, and keeps the result in
// EVAL_RESULT. See package eval of the generator.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/wandstore/wandstore/pkg/lifecycle"
	"github.com/wandstore/wandstore/services/allinone"
)

func main() {
	os.Exit(lifecycle.Main(lifecycle.Service[allinone.EvalConfig]{
		Name: "eval",
		Run: func(ctx context.Context, cfg allinone.EvalConfig, log *slog.Logger) error {
			return allinone.Eval(ctx, cfg, log, os.Stdout)
		},
	}, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}
