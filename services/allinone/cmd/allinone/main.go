// Command allinone runs all of WandStore in one process. It is for a laptop, not for
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
	os.Exit(lifecycle.Main(lifecycle.Service[allinone.Config]{
		Name: "wandstore", PrivateAddr: "127.0.0.1:9464",
		Addr:    func(cfg allinone.Config) string { return cfg.Edge.Addr },
		Private: allinone.Console,
		Run: func(ctx context.Context, cfg allinone.Config, _ *slog.Logger) error {
			return allinone.Run(ctx, cfg, os.Stdout)
		},
	}, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}
