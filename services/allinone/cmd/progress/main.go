// Command progress prints the progress of a running pool's jobs. On a terminal it keeps one
// line up to date. NATS_URL and NATS_CREDS set the address and the credentials of the
// pool's NATS.
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
			return progress.Run(ctx, cfg, log, os.Stdout, func() {})
		},
	}, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}
