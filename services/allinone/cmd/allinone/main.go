// Command allinone runs all of WandStore in one process: for a laptop, not for
// production.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/wandstore/wandstore/pkg/lifecycle"
	"github.com/wandstore/wandstore/services/allinone"
)

func main() {
	os.Exit(lifecycle.Main("wandstore", os.Environ(), os.Stderr,
		func(ctx context.Context, cfg allinone.Config, _ *slog.Logger) error {
			return allinone.Run(ctx, cfg, os.Stdout)
		}))
}
