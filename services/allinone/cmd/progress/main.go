// Command progress says how the jobs of a running pool come along; on a terminal by one
// line that is kept up to date. NATS_URL and NATS_CREDS say where the pool's NATS is.
package main

import (
	"context"
	"log/slog"
	"os"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/lifecycle"
	"github.com/wandstore/wandstore/services/allinone/internal/progress"
)

func main() {
	os.Exit(lifecycle.Main(lifecycle.Service[wandnats.Config]{
		Name: "progress",
		Run: func(ctx context.Context, cfg wandnats.Config, log *slog.Logger) error {
			return progress.Run(ctx, cfg, log, os.Stdout)
		},
	}, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}
